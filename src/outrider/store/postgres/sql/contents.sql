-- Tables as `ports/contents.py` describes their rows: `read_…` in the order of the key, after a key; `write_…`.

-- name: alive
-- Processes whose last heartbeat is younger than this.
SELECT count(*) FROM node WHERE seen >= now_ms() - $1::bigint

-- name: migrated
SELECT to_regclass('migration') IS NOT NULL

-- name: unfinished
-- The table is there from the first commit of a copy to its last.
SELECT to_regclass('copying') IS NOT NULL

-- name: make_progress
CREATE TABLE copying (
    part text PRIMARY KEY,
    source text NOT NULL,
    rows bigint NOT NULL DEFAULT 0,
    after text,
    done boolean NOT NULL DEFAULT false
)

-- name: begin_part
INSERT INTO copying (part, source) SELECT p, $2 FROM unnest($1::text[]) AS p

-- name: progress
SELECT part, source, rows, after, done FROM copying

-- name: advance
UPDATE copying SET rows = $1, after = $2, done = $3 WHERE part = $4 AND rows = $5 AND NOT done

-- name: drop_progress
DROP TABLE copying

-- name: analyze
ANALYZE

-- name: not_empty
SELECT 'data_key' WHERE EXISTS (SELECT 1 FROM data_key)
UNION ALL SELECT 'tenant' WHERE EXISTS (SELECT 1 FROM tenant)
UNION ALL SELECT 'webhook' WHERE EXISTS (SELECT 1 FROM webhook)
UNION ALL SELECT 'webhook_past' WHERE EXISTS (SELECT 1 FROM webhook_past)
UNION ALL SELECT 'secret' WHERE EXISTS (SELECT 1 FROM secret)
UNION ALL SELECT 'api_key' WHERE EXISTS (SELECT 1 FROM api_key)
UNION ALL SELECT 'event' WHERE EXISTS (SELECT 1 FROM event) OR EXISTS (SELECT 1 FROM event_id)
UNION ALL SELECT 'ledger' WHERE EXISTS (SELECT 1 FROM ledger)
UNION ALL SELECT 'queue' WHERE EXISTS (SELECT 1 FROM queue)
UNION ALL SELECT 'health' WHERE EXISTS (SELECT 1 FROM health)
UNION ALL SELECT 'job' WHERE EXISTS (SELECT 1 FROM job)
UNION ALL SELECT 'custom_object' WHERE EXISTS (SELECT 1 FROM custom_object)

-- name: mark
-- Every change a served store makes changes one of these: configurations have versions, outcomes ledger lines.
SELECT
    (SELECT string_agg(number || ' ' || wrapped, ',' ORDER BY number) FROM data_key),
    (SELECT string_agg(id || ' ' || version, ',' ORDER BY id) FROM tenant),
    (SELECT last_value || ' ' || is_called FROM event_place),
    (SELECT last_value || ' ' || is_called FROM ledger_place),
    (SELECT count(*) FROM event),
    (SELECT count(*) FROM ledger),
    (SELECT concat_ws(' ', count(*), sum(due), sum(attempts), sum(held::integer)) FROM queue),
    (SELECT concat_ws(' ', count(*), sum(place), sum((state = 'running')::integer)) FROM job),
    (SELECT concat_ws(' ', count(*), sum(revision), sum(modified)) FROM custom_object)

-- name: last_line
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger_place

-- name: running_jobs
SELECT count(*) FROM job WHERE state = 'running'

-- name: set_last_line
-- A sequence whose value is not `called` gives that value out next.
SELECT setval('ledger_place', greatest($1::bigint, 1), $1 > 0),
    setval('queue_place', greatest((SELECT max(place) FROM queue), 1), EXISTS (SELECT 1 FROM queue))

-- name: out_of_turn
SELECT count(*) FROM (
    SELECT row_number() OVER (PARTITION BY tenant, webhook, order_key ORDER BY place) AS turn,
        row_number() OVER (PARTITION BY tenant, webhook, order_key ORDER BY id) AS by_id
    FROM queue WHERE order_key IS NOT NULL
) t WHERE t.turn <> t.by_id

-- name: count_data_key
SELECT count(*) FROM data_key

-- name: read_data_key
SELECT number, wrapped FROM data_key WHERE number > $1 ORDER BY number

-- name: write_data_key
INSERT INTO data_key (number, wrapped) SELECT * FROM unnest($1::integer[], $2::text[])

-- name: count_tenant
SELECT count(*) FROM tenant

-- name: read_tenant
SELECT id, api_key, version, document FROM tenant WHERE id > $1 ORDER BY id

-- name: write_tenant
INSERT INTO tenant (id, api_key, version, document) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])

-- name: count_webhook
SELECT count(*) FROM webhook

-- name: read_webhook
SELECT tenant, id, name, active::integer, deleted, document, sealed::integer FROM webhook
WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id

-- name: write_webhook
INSERT INTO webhook (tenant, id, name, active, deleted, document, sealed)
SELECT w.tenant, w.id, w.name, w.active <> 0, w.deleted, w.document, w.sealed <> 0
FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::bytea[], $7::integer[])
    AS w (tenant, id, name, active, deleted, document, sealed)

-- name: count_webhook_past
SELECT count(*) FROM webhook_past

-- name: read_webhook_past
SELECT tenant, webhook, version, document, sealed::integer FROM webhook_past
WHERE (tenant, webhook, version) > ($1, $2, $3) ORDER BY tenant, webhook, version

-- name: write_webhook_past
INSERT INTO webhook_past (tenant, webhook, version, document, sealed)
SELECT w.tenant, w.webhook, w.version, w.document, w.sealed <> 0
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::integer[])
    AS w (tenant, webhook, version, document, sealed)

-- name: count_secret
SELECT count(*) FROM secret

-- name: read_secret
SELECT tenant, id, name, document FROM secret WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id

-- name: write_secret
INSERT INTO secret (tenant, id, name, document) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])

-- name: count_api_key
SELECT count(*) FROM api_key

-- name: read_api_key
SELECT tenant, id, document FROM api_key WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id

-- name: write_api_key
INSERT INTO api_key (tenant, id, document) SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])

-- name: count_event
SELECT count(*) FROM event

-- name: read_event
-- Places begin with the instant of acceptance.
SELECT tenant, id, type, subject, operation, time, accepted, body, fingerprint, book, place FROM event
WHERE place > $1 ORDER BY place

-- name: write_event
WITH events AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
        $8::bytea[], $9::bytea[], $10::bigint[], $11::bigint[])
        AS e (tenant, id, type, subject, operation, time, accepted, body, fingerprint, book, place)
), ids AS (
    INSERT INTO event_id (tenant, id, place, accepted, fingerprint)
    SELECT tenant, id, place, accepted, fingerprint FROM events
)
INSERT INTO event (place, tenant, id, type, subject, operation, time, accepted, body, fingerprint, book)
SELECT place, tenant, id, type, subject, operation, time, accepted, body, fingerprint, book FROM events

-- name: count_ledger
SELECT count(*) FROM ledger

-- name: read_ledger
SELECT place, tenant, at, line, event, reason, detail, CASE WHEN line <> 'skipped' THEN delivery END, webhook,
    webhook_name, type, subject, created, origin, attempts, status, attempt
FROM ledger WHERE place > $1 ORDER BY place

-- name: write_ledger
INSERT INTO ledger (place, tenant, at, line, event, reason, detail, delivery, webhook, webhook_name, type, subject,
    created, origin, attempts, status, attempt)
SELECT l.place, l.tenant, l.at, l.line, l.event, l.reason, l.detail, coalesce(l.delivery, first_id(l.at)), l.webhook,
    l.webhook_name, l.type, l.subject, l.created, l.origin, l.attempts, l.status, l.attempt
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::text[], $15::integer[], $16::integer[],
    $17::bytea[])
    AS l (place, tenant, at, line, event, reason, detail, delivery, webhook, webhook_name, type, subject, created,
        origin, attempts, status, attempt)

-- name: count_queue
SELECT count(*) FROM queue

-- name: read_queue
-- In the order they are sent in. Due by the wall clock, which is where steady time begins in another store; what is
-- never due stays so.
SELECT q.* FROM (
    SELECT tenant, id, webhook, event, type, subject, attempts, created,
        CASE due WHEN 253402300799999 THEN due ELSE due - coalesce((SELECT steady - wall FROM clock), 0) END AS due,
        order_key, origin, held::integer, status, reason,
        CASE WHEN order_key IS NOT NULL THEN
            row_number() OVER (PARTITION BY tenant, webhook, order_key ORDER BY place)
        END AS turn,
        place
    FROM queue
) q WHERE q.place > $1 ORDER BY q.place

-- name: write_queue
-- The first of the rows gets the place $15, the next one the place after it.
INSERT INTO queue (tenant, id, webhook, event, event_place, event_accepted, type, subject, attempts, created, due,
    order_key, origin, held, status, reason, place)
SELECT d.tenant, d.id, d.webhook, d.event, i.place, i.accepted, d.type, d.subject, d.attempts, d.created, d.due,
    d.order_key, d.origin, d.held <> 0, d.status, d.reason, $15::bigint + d.number - 1
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::bigint[],
    $9::bigint[], $10::text[], $11::text[], $12::integer[], $13::integer[], $14::text[])
    WITH ORDINALITY AS d (tenant, id, webhook, event, type, subject, attempts, created, due, order_key, origin, held,
        status, reason, number)
JOIN LATERAL (
    SELECT k.place, k.accepted FROM event_id k WHERE k.tenant = d.tenant AND k.id = d.event LIMIT 1
) i ON true

-- name: count_health
SELECT count(*) FROM health

-- name: read_health
SELECT tenant, webhook, document FROM health WHERE (tenant, webhook) > ($1, $2) ORDER BY tenant, webhook

-- name: write_health
INSERT INTO health (tenant, webhook, document, node)
SELECT h.*, '' FROM unnest($1::text[], $2::text[], $3::bytea[]) AS h

-- name: count_job
SELECT count(*) FROM job

-- name: read_job
SELECT tenant, id, state, place, document FROM job WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id

-- name: write_job
INSERT INTO job (tenant, id, state, place, document)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[])

-- name: count_custom_object
SELECT count(*) FROM custom_object

-- name: read_custom_object
SELECT tenant, uid, name, id, data, created, modified, revision FROM custom_object
WHERE (tenant, uid, name, id) > ($1, $2, $3, $4) ORDER BY tenant, uid, name, id

-- name: write_custom_object
INSERT INTO custom_object (tenant, uid, name, id, data, created, modified, revision)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
    $8::bigint[])
