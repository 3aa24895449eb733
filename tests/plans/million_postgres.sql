-- A million events with what became of them, and a million deliveries waiting. `@now@` is the instant of the newest.
--
-- Tenant `big` owns nearly everything; in it a few values are common, most are rare, and some occur long ago only, which
-- is what leads a planner astray: a value that is common over all and absent from the newest rows.
--   webhook: common (most), old (only the oldest day), failing (nothing but exhausted), w01 to w20, rare (7 rows)
--   type: Login (most), Register, OldType (only the oldest day), RareType (7 rows), T01 to T20
--   subject: everybody (one in fifty), gone (only the oldest day), u<n> (ten each)

-- name: prepare
-- Indexes are made after the rows, which is faster. Instants rise with n, 20 days in a million.
CREATE FUNCTION an_id(at bigint, n bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN first_id(at) || '-7' || lpad(to_hex(n % 4096), 3, '0') || '-8000-' || lpad(to_hex(n), 12, '0');
SELECT add_day(@now@ / 86400000 * 86400000 - d * 86400000) FROM generate_series(-3, 24) AS d;
CREATE TABLE later AS
SELECT c.relname, indexrelid::regclass::text AS name, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') AS making
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relname IN ('event', 'ledger', 'queue') AND NOT i.indisprimary;
DO $$ DECLARE l record; BEGIN FOR l IN SELECT * FROM later LOOP EXECUTE 'DROP INDEX ' || l.name; END LOOP; END $$;
CREATE PROCEDURE make_indexes(of_table text) LANGUAGE plpgsql SET maintenance_work_mem = '256MB' AS $$
DECLARE l record;
BEGIN
    FOR l IN SELECT * FROM later WHERE relname = of_table LOOP EXECUTE l.making; END LOOP;
END $$;
INSERT INTO tenant (id, api_key, document) SELECT t, t, '' FROM unnest(ARRAY['big', 'middle', 'small']) AS t;
INSERT INTO webhook (tenant, id, name, active, document, deleted)
SELECT t, w, 'named ' || w, true, '', CASE w WHEN 'w20' THEN 1 END
FROM unnest(ARRAY['big', 'middle', 'small']) AS t,
    unnest(ARRAY['common', 'old', 'failing', 'rare', 'unused'] || ARRAY(
        SELECT 'w' || lpad(n::text, 2, '0') FROM generate_series(1, 20) AS n
    )) AS w;
INSERT INTO webhook_past (tenant, webhook, version, document)
SELECT tenant, id, v, NULL FROM webhook, generate_series(1, 40) AS v;
INSERT INTO tenant (id, api_key, document) SELECT 't' || n, 't' || n, '' FROM generate_series(1, 1000) AS n;
INSERT INTO tenant (id, api_key, document) VALUES ('empty', 'empty', '');
INSERT INTO webhook (tenant, id, name, active, document) SELECT 't' || n, 'w' || n, 'n', true, ''
FROM generate_series(1, 1000) AS n;
INSERT INTO secret (tenant, id, name, document) SELECT 't' || n, 's' || n, 'n', '' FROM generate_series(1, 1000) AS n;
INSERT INTO api_key (tenant, id, document) SELECT 't' || n, 'k' || n, '' FROM generate_series(1, 1000) AS n;
INSERT INTO health (tenant, webhook, node, changed, document) SELECT 't' || n, 'w' || n, 'dead', n, ''
FROM generate_series(1, 1000) AS n;
INSERT INTO job (tenant, id, state, place, document)
SELECT CASE n % 10 WHEN 0 THEN 'middle' ELSE 'big' END, 'j' || n, CASE n % 100 WHEN 1 THEN 'running' ELSE 'done' END, n, ''
FROM generate_series(1, 1000) AS n;
INSERT INTO custom_object (tenant, uid, name, id, data, created, modified, revision)
SELECT 'big', 'u' || n % 100, 'o', 'r' || n, '', n, n, 1 FROM generate_series(1, 1000) AS n;
UPDATE tenant SET changed = 1;
CREATE UNLOGGED TABLE thing AS
SELECT n, at, (at << 20) + (n & 1048575) AS place, an_id(at, n) AS event, an_id(at + 1, n) AS delivery,
    CASE WHEN n % 10 = 9 THEN 'middle' WHEN n % 100000 = 7 THEN 'small' ELSE 'big' END AS tenant,
    CASE WHEN n % 150000 = 77 THEN 'rare' WHEN n <= 50000 AND n % 3 > 0 THEN 'old' WHEN n % 25 = 3 THEN 'failing'
        WHEN n % 4 = 1 THEN 'w' || lpad((1 + n / 4 % 20)::text, 2, '0') ELSE 'common' END AS webhook,
    CASE WHEN n % 150000 = 55 THEN 'RareType' WHEN n <= 50000 AND n % 7 > 1 THEN 'OldType'
        WHEN n % 11 = 5 THEN 'Register' WHEN n % 5 = 2 THEN 'T' || lpad((1 + n / 5 % 20)::text, 2, '0')
        ELSE 'Login' END AS type,
    CASE WHEN n <= 50000 AND n % 9 = 4 THEN 'gone' WHEN n % 50 = 1 THEN 'everybody' WHEN n % 8 > 0
        THEN 'u' || n / 10 END AS subject
FROM (SELECT n, @now@ - (1000000 - n) * 1728 AS at FROM generate_series(1, 1000000) AS n) AS s;

-- name: events
INSERT INTO event_id (tenant, id, place, accepted, fingerprint) SELECT tenant, event, place, at, 'f' FROM thing;
INSERT INTO event (tenant, place, id, type, subject, operation, time, accepted, body, fingerprint, book)
SELECT tenant, place, event, type, subject, NULL, at, at, convert_to(repeat('x', 100), 'utf8'), 'f', n % 50 FROM thing;
CALL make_indexes('event');
ANALYZE event_id, event;

-- name: ledger
INSERT INTO ledger (tenant, at, line, event, delivery, webhook, webhook_name, type, subject, created, attempts, status)
SELECT tenant, at + 5000, 'attempted', event, delivery, webhook, 'n', type, subject, at + 1, 1, 500
FROM thing WHERE n % 10 = 3;
INSERT INTO ledger (tenant, at, line, event, delivery, webhook, webhook_name, type, subject, created, attempts, status)
SELECT tenant, at + 9000,
    CASE WHEN webhook = 'failing' OR n % 200 = 13 THEN 'exhausted' WHEN n % 400 = 11 THEN 'cancelled'
        ELSE 'delivered' END,
    event, delivery, webhook, 'n', type, subject, at + 1, 2, 200
FROM thing WHERE n % 500 <> 7;
INSERT INTO ledger (tenant, at, line, event, reason, detail, delivery)
SELECT tenant, at, 'skipped', event, 'bulk', '', first_id(at) FROM thing WHERE n % 500 = 7;
CALL make_indexes('ledger');
ANALYZE ledger;

-- name: queue
-- At another webhook than the one above. Of the newest of `w01` one half is leased to `me`, the other to a process that
-- is `dead`; those of `w05` are in order.
INSERT INTO queue (tenant, id, webhook, event, event_place, event_accepted, type, subject, attempts, created, due,
    order_key, lease, held)
SELECT tenant, an_id(at + 2, n), w, event, place, at, type, subject, 0, at + 2, at + 2 + n % 7 * 1000,
    CASE w WHEN 'w05' THEN 'key ' || n / 80 % 500 END,
    CASE WHEN w = 'w01' AND n > 960000 THEN CASE n / 80 % 2 WHEN 0 THEN 'dead' ELSE 'me' END END, false
FROM (
    SELECT *, CASE WHEN webhook IN ('rare', 'old') THEN webhook WHEN n % 4 = 3 THEN 'failing'
        WHEN n % 4 = 2 THEN 'w' || lpad((1 + n / 4 % 20)::text, 2, '0') ELSE 'common' END AS w
    FROM thing
) AS t;
UPDATE queue SET held = true WHERE webhook = 'w05' AND place NOT IN (
    SELECT min(place) FROM queue WHERE webhook = 'w05' GROUP BY tenant, order_key
);
CALL make_indexes('queue');
ANALYZE queue;

-- name: clear
DROP TABLE thing;
DROP PROCEDURE make_indexes;
DROP TABLE later;
ANALYZE tenant, webhook, webhook_past, secret, api_key, health, job, custom_object;
