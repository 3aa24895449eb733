-- name: versions
SELECT id, version FROM tenant WHERE id = ANY ($1::text[])

-- name: look
-- The configuration's version of each tenant, and the digests of ids that are stored already.
SELECT t.id AS tenant, NULL AS event, t.version, NULL AS fingerprint FROM tenant t WHERE t.id = ANY ($1::text[])
UNION ALL
SELECT g.tenant, g.event, NULL, k.fingerprint
FROM unnest($2::text[], $3::text[]) AS g (tenant, event)
JOIN LATERAL (SELECT e.fingerprint FROM event_id e WHERE e.tenant = g.tenant AND e.id = g.event LIMIT 1) k ON true

-- name: accept
WITH given AS MATERIALIZED (
    SELECT g.*, (g.accepted << 20) + (nextval('event_place') & 1048575) AS place
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bytea[],
        $9::bytea[], $10::bigint[])
        AS g (tenant, id, type, subject, operation, time, accepted, body, fingerprint, book)
), ids AS (
    INSERT INTO event_id (tenant, id, place, accepted, fingerprint)
    SELECT tenant, id, place, accepted, fingerprint FROM given
), events AS (
    INSERT INTO event (tenant, place, id, type, subject, operation, time, accepted, body, fingerprint, book)
    SELECT tenant, place, id, type, subject, operation, time, accepted, body, fingerprint, book FROM given
), owed AS MATERIALIZED (
    SELECT d.*, nextval('queue_place') AS place
    FROM unnest($11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::text[], $17::text[],
        $18::boolean[])
        AS d (tenant, id, webhook, event, created, order_key, lease, held)
), queued AS (
    INSERT INTO queue (tenant, id, webhook, event, event_place, event_accepted, type, subject, attempts, created, due,
        order_key, lease, held, place)
    SELECT d.tenant, d.id, d.webhook, d.event, g.place, g.accepted, g.type, g.subject, 0, d.created, d.created,
        d.order_key, d.lease, d.held, d.place
    FROM owed d JOIN given g ON g.tenant = d.tenant AND g.id = d.event
)
INSERT INTO ledger (tenant, at, line, event, reason, detail, delivery)
SELECT s.tenant, s.at, 'skipped', s.event, s.reason, s.detail, first_id(s.at)
FROM unnest($19::text[], $20::bigint[], $21::text[], $22::text[], $23::text[]) AS s (tenant, at, event, reason, detail)

-- name: owe
-- Deliveries of events that are stored already.
WITH owed AS MATERIALIZED (
    SELECT d.*, nextval('queue_place') AS place
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::boolean[])
        AS d (tenant, id, webhook, event, created, order_key, origin, held)
)
INSERT INTO queue (tenant, id, webhook, event, event_place, event_accepted, type, subject, attempts, created, due,
    order_key, origin, held, place)
SELECT d.tenant, d.id, d.webhook, d.event, k.place, k.accepted, e.type, e.subject, 0, d.created, d.created,
    d.order_key, d.origin, d.held, d.place
FROM owed d
JOIN LATERAL (SELECT i.place, i.accepted FROM event_id i WHERE i.tenant = d.tenant AND i.id = d.event LIMIT 1) k
    ON true
JOIN LATERAL (
    SELECT v.type, v.subject FROM event v
    WHERE v.tenant = d.tenant AND v.place = k.place AND v.accepted = k.accepted LIMIT 1
) e ON true

-- name: lock_keys
-- One at a time for each order key, whichever process: the lock ends with the transaction.
SELECT pg_advisory_xact_lock(k.number)
FROM (
    SELECT DISTINCT hashtextextended(g.tenant || ' ' || g.webhook || ' ' || g.order_key, 0) AS number
    FROM unnest($1::text[], $2::text[], $3::text[]) AS g (tenant, webhook, order_key) ORDER BY 1
) k

-- name: behind
SELECT g.tenant, g.webhook, g.order_key FROM unnest($1::text[], $2::text[], $3::text[]) AS g (tenant, webhook, order_key)
WHERE EXISTS (
    SELECT 1 FROM queue q WHERE q.tenant = g.tenant AND q.webhook = g.webhook AND q.order_key = g.order_key
)

-- name: settle
WITH s AS MATERIALIZED (
    SELECT * FROM unnest($2::text[], $3::text[], $4::boolean[], $5::integer[], $6::bigint[], $7::integer[], $8::text[],
        $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::text[],
        $17::bytea[])
        AS s (tenant, id, ended, attempts, due, status, reason, at, line, event, webhook, type, subject, created,
            origin, attempt)
), gone AS (
    DELETE FROM queue q USING s
    WHERE s.ended AND q.tenant = s.tenant AND q.id = s.id AND q.lease = $1
    RETURNING q.tenant, q.id
), kept AS (
    UPDATE queue q SET attempts = s.attempts, due = s.due, status = s.status, reason = s.reason, lease = NULL
    FROM s WHERE NOT s.ended AND q.tenant = s.tenant AND q.id = s.id AND q.lease = $1
    RETURNING q.tenant, q.id
), done AS (
    SELECT tenant, id FROM gone UNION ALL SELECT tenant, id FROM kept
), lines AS (
    INSERT INTO ledger (tenant, at, line, event, reason, delivery, webhook, webhook_name, type, subject, created,
        origin, attempts, status, attempt)
    SELECT s.tenant, s.at, s.line, s.event, s.reason, s.id, s.webhook, coalesce(w.name, ''), s.type, s.subject,
        s.created, s.origin, s.attempts, s.status, s.attempt
    FROM s JOIN done ON done.tenant = s.tenant AND done.id = s.id
    LEFT JOIN LATERAL (
        SELECT h.name FROM webhook h WHERE h.tenant = s.tenant AND h.id = s.webhook LIMIT 1
    ) w ON true
)
SELECT id FROM done

-- name: promote
-- The first of each order key is leased if it was held; its lock is ours.
WITH g AS MATERIALIZED (
    SELECT DISTINCT * FROM unnest($2::text[], $3::text[], $4::text[]) AS g (tenant, webhook, order_key)
), first AS MATERIALIZED (
    SELECT f.tenant, f.id FROM g
    JOIN LATERAL (
        SELECT q.tenant, q.id, q.held FROM queue q
        WHERE q.tenant = g.tenant AND q.webhook = g.webhook AND q.order_key = g.order_key ORDER BY q.place LIMIT 1
    ) f ON f.held
), promoted AS (
    UPDATE queue q SET held = false, lease = $1 FROM first f WHERE q.tenant = f.tenant AND q.id = f.id
    RETURNING q.*
)
SELECT p.id, p.tenant, p.webhook, p.event, p.type, p.subject, e.body, p.attempts, p.created, p.order_key, p.origin
FROM promoted p
JOIN LATERAL (
    SELECT v.body FROM event v
    WHERE v.tenant = p.tenant AND v.place = p.event_place AND v.accepted = p.event_accepted LIMIT 1
) e ON true
ORDER BY p.place

-- name: save_health
INSERT INTO health (tenant, webhook, node, document)
SELECT h.tenant, h.webhook, $1, h.document FROM unnest($2::text[], $3::text[], $4::bytea[]) AS h (tenant, webhook, document)
ON CONFLICT (tenant, webhook) DO UPDATE SET node = excluded.node, changed = now_ms(), document = excluded.document

-- name: webhook_document
SELECT document FROM webhook WHERE tenant = $1 AND id = $2 AND deleted IS NULL FOR UPDATE

-- name: backlogs
-- Loose scan of the claim index: one seek for each webhook, whatever its backlog.
WITH RECURSIVE waiting AS (
    (
        SELECT q.tenant, q.webhook, q.due FROM queue q WHERE q.lease IS NULL AND NOT q.held
        ORDER BY q.tenant, q.webhook, q.due LIMIT 1
    )
    UNION ALL
    SELECT n.tenant, n.webhook, n.due FROM waiting
    CROSS JOIN LATERAL (
        SELECT q.tenant, q.webhook, q.due FROM queue q
        WHERE q.lease IS NULL AND NOT q.held AND (q.tenant, q.webhook) > (waiting.tenant, waiting.webhook)
        ORDER BY q.tenant, q.webhook, q.due LIMIT 1
    ) n
)
SELECT w.tenant, w.id, g.due FROM waiting g
JOIN LATERAL (
    SELECT h.tenant, h.id FROM webhook h
    WHERE h.tenant = g.tenant AND h.id = g.webhook AND h.deleted IS NULL AND h.active LIMIT 1
) w ON true

-- name: backlogs_from
-- The same from known starting points, without walking through index entries of rows long gone; every webhook.
SELECT w.tenant, w.id, g.due FROM webhook w
LEFT JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS f (tenant, webhook, due)
    ON f.tenant = w.tenant AND f.webhook = w.id
LEFT JOIN LATERAL (
    SELECT q.due FROM queue q
    WHERE q.tenant = w.tenant AND q.webhook = w.id AND q.lease IS NULL AND NOT q.held AND q.due >= coalesce(f.due, 0)
    ORDER BY q.due LIMIT 1
) g ON true
WHERE w.deleted IS NULL AND w.active

-- name: claim
WITH due AS MATERIALIZED (
    SELECT q.tenant, q.id FROM queue q
    WHERE q.tenant = $2 AND q.webhook = $3 AND q.lease IS NULL AND NOT q.held AND q.due BETWEEN $6 AND $4
        AND EXISTS (
            SELECT 1 FROM webhook w WHERE w.tenant = $2 AND w.id = $3 AND w.deleted IS NULL AND w.active
        )
    ORDER BY q.due, q.id LIMIT $5
    FOR UPDATE OF q SKIP LOCKED
), claimed AS (
    UPDATE queue q SET lease = $1 FROM due WHERE q.tenant = due.tenant AND q.id = due.id
    RETURNING q.*
)
SELECT c.id, c.tenant, c.webhook, c.event, c.type, c.subject, e.body, c.attempts, c.created, c.order_key, c.origin, c.due
FROM claimed c
JOIN LATERAL (
    SELECT v.body FROM event v
    WHERE v.tenant = c.tenant AND v.place = c.event_place AND v.accepted = c.event_accepted LIMIT 1
) e ON true
ORDER BY c.due, c.id

-- name: release
UPDATE queue q SET lease = NULL FROM unnest($2::text[], $3::text[]) AS g (tenant, id)
WHERE q.tenant = g.tenant AND q.id = g.id AND q.lease = $1

-- name: release_all
UPDATE queue SET lease = NULL WHERE lease = $1

-- name: deleted_webhooks
SELECT w.tenant, w.id FROM webhook w
WHERE w.deleted IS NOT NULL
    AND EXISTS (SELECT 1 FROM queue q WHERE q.tenant = w.tenant AND q.webhook = w.id AND q.lease IS NULL)

-- name: cancel
WITH owed AS MATERIALIZED (
    SELECT q.tenant, q.id FROM queue q
    WHERE q.tenant = $1 AND q.webhook = $2 AND q.lease IS NULL ORDER BY q.id LIMIT $3
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM queue q USING owed o WHERE q.tenant = o.tenant AND q.id = o.id RETURNING q.*
)
INSERT INTO ledger (tenant, at, line, event, reason, delivery, webhook, webhook_name, type, subject, created, origin,
    attempts)
SELECT g.tenant, $4, 'cancelled', g.event, 'webhook deleted', g.id, g.webhook, coalesce(w.name, ''), g.type, g.subject,
    g.created, g.origin, g.attempts
FROM gone g LEFT JOIN webhook w ON w.tenant = g.tenant AND w.id = g.webhook

-- name: healths
SELECT webhook, document FROM health

-- name: newest
-- Of each tenant one seek, so that nothing is sorted.
SELECT max(n.id) FROM tenant t
CROSS JOIN LATERAL (SELECT q.id FROM queue q WHERE q.tenant = t.id ORDER BY q.id DESC LIMIT 1) n

-- name: size
SELECT count(*) FROM queue
