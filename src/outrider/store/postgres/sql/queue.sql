-- Rows of the queue are found by an index lookup for each and then changed by where they lie (ctid), because a join of
-- the queue with an array can be planned from either side, and from the wrong one it reads everything. `NOT … IS
-- DISTINCT FROM` keeps the fence on the lease out of that choice.

-- name: look
-- The configuration's version of each tenant, the digests of ids that are stored already, and numbers for the places of
-- new events. Kinds: t, k, p.
SELECT 't' AS kind, t.id AS tenant, NULL AS event, t.version AS number, NULL AS fingerprint
FROM tenant t WHERE t.id = ANY ($1::text[])
UNION ALL
SELECT 'k', g.tenant, g.event, NULL, k.fingerprint
FROM unnest($2::text[], $3::text[]) AS g (tenant, event)
JOIN LATERAL (SELECT e.fingerprint FROM event_id e WHERE e.tenant = g.tenant AND e.id = g.event LIMIT 1) k ON true
UNION ALL
SELECT 'p', NULL, NULL, nextval('event_place'), NULL FROM generate_series(1, $4::integer)

-- name: accept
-- Deliveries are due since they were made: steady time is $29 now, and $30 ahead of wall time. What was made
-- before the wall clock was set back seems to lie in the future; it is due now.
WITH ids AS (
    INSERT INTO event_id (tenant, id, place, accepted, fingerprint)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[])
), events AS (
    INSERT INTO event (tenant, id, place, accepted, fingerprint, type, subject, operation, time, body, book)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::text[], $7::text[],
        $8::text[], $9::bigint[], $10::bytea[], $11::bigint[])
), queued AS (
    INSERT INTO queue (tenant, id, webhook, event, event_place, event_accepted, type, subject, attempts, created, due,
        order_key, lease, held)
    SELECT d.tenant, d.id, d.webhook, d.event, d.event_place, d.event_accepted, d.type, d.subject, 0, d.created,
        least(d.created + $30::bigint, $29::bigint), d.order_key, d.lease, d.held
    FROM unnest($12::text[], $13::text[], $14::text[], $15::text[], $16::bigint[], $17::bigint[], $18::text[],
        $19::text[], $20::bigint[], $21::text[], $22::text[], $23::boolean[])
        AS d (tenant, id, webhook, event, event_place, event_accepted, type, subject, created, order_key, lease, held)
)
INSERT INTO ledger (tenant, at, line, event, reason, detail, delivery)
SELECT s.tenant, s.at, 'skipped', s.event, s.reason, s.detail, first_id(s.at)
FROM unnest($24::text[], $25::bigint[], $26::text[], $27::text[], $28::text[]) AS s (tenant, at, event, reason, detail)

-- name: owing
-- While events of old days are dropped, no delivery of one of them may come to be; see `stop_owing` in upkeep.sql.
SELECT pg_advisory_xact_lock_shared(hashtextextended('outrider owing', 0))

-- name: places
-- Between which places these events lie.
SELECT min(k.place), max(k.place) FROM unnest($1::text[], $2::text[]) AS g (tenant, event)
JOIN LATERAL (SELECT i.place FROM event_id i WHERE i.tenant = g.tenant AND i.id = g.event LIMIT 1) k ON true

-- name: owe
-- Deliveries of events that are stored already, at places from $9 to $10: the plan has the days of those in it only.
-- Due as above, with $11 and $12.
WITH owed AS MATERIALIZED (
    SELECT d.*, nextval('queue_place') AS place
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::boolean[])
        AS d (tenant, id, webhook, event, created, order_key, origin, held)
)
INSERT INTO queue (tenant, id, webhook, event, event_place, event_accepted, type, subject, attempts, created, due,
    order_key, origin, held, place)
SELECT d.tenant, d.id, d.webhook, d.event, k.place, k.accepted, e.type, e.subject, 0, d.created,
    least(d.created + $12::bigint, $11::bigint), d.order_key, d.origin, d.held, d.place
FROM owed d
JOIN LATERAL (SELECT i.place, i.accepted FROM event_id i WHERE i.tenant = d.tenant AND i.id = d.event LIMIT 1) k
    ON true
JOIN LATERAL (
    SELECT v.type, v.subject FROM event v
    WHERE v.tenant = d.tenant AND v.place = k.place AND v.place BETWEEN $9 AND $10 LIMIT 1
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
-- Everything a ledger line needs comes back from the queue's row, so that nothing has to be joined again. A quarantined
-- delivery leaves the order: those behind it do not wait for it, and it will not wait for them.
WITH s AS MATERIALIZED (
    SELECT * FROM unnest($2::text[], $3::text[], $4::boolean[], $5::integer[], $6::bigint[], $7::integer[], $8::text[],
        $9::bigint[], $10::text[], $11::bytea[])
        AS s (tenant, id, ended, attempts, due, status, reason, at, line, attempt)
), owned AS MATERIALIZED (
    SELECT s.*, o.lies, o.event, o.webhook, o.type, o.subject, o.created, o.origin FROM s
    JOIN LATERAL (
        SELECT q.ctid AS lies, q.event, q.webhook, q.type, q.subject, q.created, q.origin FROM queue q
        WHERE q.tenant = s.tenant AND q.id = s.id AND q.lease = $1 LIMIT 1
    ) o ON true
), gone AS (
    DELETE FROM queue q
    WHERE q.ctid = ANY (ARRAY(SELECT o.lies FROM owned o WHERE o.ended)) AND NOT q.lease IS DISTINCT FROM $1
    RETURNING q.ctid AS lies
), kept AS (
    UPDATE queue q SET attempts = o.attempts, due = o.due, status = o.status, reason = o.reason, lease = NULL,
        order_key = CASE WHEN o.line = 'quarantined' THEN NULL ELSE q.order_key END
    FROM owned o
    WHERE q.ctid = ANY (ARRAY(SELECT o.lies FROM owned o WHERE NOT o.ended)) AND NOT q.lease IS DISTINCT FROM $1
        AND q.ctid = o.lies
    RETURNING o.lies
), done AS (
    SELECT * FROM owned WHERE lies IN (SELECT lies FROM gone UNION ALL SELECT lies FROM kept)
), lines AS (
    INSERT INTO ledger (tenant, at, line, event, reason, delivery, webhook, webhook_name, type, subject, created,
        origin, attempts, status, attempt)
    SELECT d.tenant, d.at, d.line, d.event, d.reason, d.id, d.webhook, coalesce(w.name, ''), d.type, d.subject,
        d.created, d.origin, d.attempts, d.status, d.attempt
    FROM done d
    LEFT JOIN LATERAL (
        SELECT h.name FROM webhook h WHERE h.tenant = d.tenant AND h.id = d.webhook LIMIT 1
    ) w ON true
)
SELECT id FROM done

-- name: promote
-- The first of each order key is leased if it was held; its lock is ours.
WITH g AS MATERIALIZED (
    SELECT DISTINCT * FROM unnest($2::text[], $3::text[], $4::text[]) AS g (tenant, webhook, order_key)
), first AS MATERIALIZED (
    SELECT f.lies FROM g
    JOIN LATERAL (
        SELECT q.ctid AS lies, q.held FROM queue q
        WHERE q.tenant = g.tenant AND q.webhook = g.webhook AND q.order_key = g.order_key ORDER BY q.place LIMIT 1
    ) f ON f.held
), promoted AS (
    UPDATE queue q SET held = false, lease = $1 WHERE q.ctid = ANY (ARRAY(SELECT lies FROM first)) AND q.held
    RETURNING q.*
)
SELECT id, tenant, webhook, event, type, subject, event_place, attempts, created, order_key, origin FROM promoted
ORDER BY place

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
    SELECT q.ctid AS lies FROM queue q
    WHERE q.tenant = $2 AND q.webhook = $3 AND q.lease IS NULL AND NOT q.held AND q.due BETWEEN $6 AND $4
        AND EXISTS (
            SELECT 1 FROM webhook w WHERE w.tenant = $2 AND w.id = $3 AND w.deleted IS NULL AND w.active
        )
    ORDER BY q.due, q.id LIMIT $5
    FOR UPDATE OF q SKIP LOCKED
), claimed AS (
    UPDATE queue q SET lease = $1 WHERE q.ctid = ANY (ARRAY(SELECT lies FROM due))
    RETURNING q.*
)
SELECT id, tenant, webhook, event, type, subject, event_place, attempts, created, order_key, origin, due FROM claimed
ORDER BY due, id

-- name: bodies
-- Of the events of what was leased. The span of places is given beside them, so that the plan has the days in it that
-- matter, and not every day there is.
SELECT v.tenant, v.place, v.body FROM unnest($1::text[], $2::bigint[]) AS g (tenant, place)
JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.tenant = g.tenant AND e.place = g.place AND e.place BETWEEN $3 AND $4 LIMIT 1
) v ON true

-- name: release
WITH owned AS MATERIALIZED (
    SELECT o.lies FROM unnest($2::text[], $3::text[]) AS g (tenant, id)
    JOIN LATERAL (
        SELECT q.ctid AS lies FROM queue q WHERE q.tenant = g.tenant AND q.id = g.id AND q.lease = $1 LIMIT 1
    ) o ON true
)
UPDATE queue q SET lease = NULL
WHERE q.ctid = ANY (ARRAY(SELECT lies FROM owned)) AND NOT q.lease IS DISTINCT FROM $1

-- name: release_all
-- At most $2 of them. Loose scan of the leases: one seek for each tenant that has any.
UPDATE queue q SET lease = NULL
WHERE q.ctid = ANY (ARRAY(
        WITH RECURSIVE holder AS (
            (SELECT p.tenant FROM queue p WHERE p.lease IS NOT NULL ORDER BY p.tenant, p.lease LIMIT 1)
            UNION ALL
            SELECT n.tenant FROM holder
            CROSS JOIN LATERAL (
                SELECT p.tenant FROM queue p WHERE p.lease IS NOT NULL AND p.tenant > holder.tenant
                ORDER BY p.tenant, p.lease LIMIT 1
            ) n
        )
        SELECT o.lies FROM holder h
        JOIN LATERAL (SELECT p.ctid AS lies FROM queue p WHERE p.tenant = h.tenant AND p.lease = $1 LIMIT $2) o ON true
        LIMIT $2
    ))
    AND NOT q.lease IS DISTINCT FROM $1

-- name: deleted_webhooks
SELECT w.tenant, w.id FROM webhook w
WHERE w.deleted IS NOT NULL
    AND EXISTS (SELECT 1 FROM queue q WHERE q.tenant = w.tenant AND q.webhook = w.id AND q.lease IS NULL)

-- name: cancel
WITH owed AS MATERIALIZED (
    SELECT q.ctid AS lies FROM queue q
    WHERE q.tenant = $1 AND q.webhook = $2 AND q.lease IS NULL ORDER BY q.id LIMIT $3
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM queue q WHERE q.ctid = ANY (ARRAY(SELECT lies FROM owed)) RETURNING q.*
)
INSERT INTO ledger (tenant, at, line, event, reason, delivery, webhook, webhook_name, type, subject, created, origin,
    attempts)
SELECT g.tenant, $4, 'cancelled', g.event, 'webhook deleted', g.id, g.webhook, coalesce(w.name, ''), g.type, g.subject,
    g.created, g.origin, g.attempts
FROM gone g LEFT JOIN webhook w ON w.tenant = g.tenant AND w.id = g.webhook

-- name: healths
SELECT webhook, document FROM health

-- name: newest
-- Two seeks for each tenant that is owed something, so that nothing is sorted.
WITH RECURSIVE owed AS (
    (SELECT q.tenant FROM queue q ORDER BY q.tenant, q.id LIMIT 1)
    UNION ALL
    SELECT n.tenant FROM owed
    CROSS JOIN LATERAL (
        SELECT q.tenant FROM queue q WHERE q.tenant > owed.tenant ORDER BY q.tenant, q.id LIMIT 1
    ) n
)
SELECT max(n.id) FROM owed t
CROSS JOIN LATERAL (SELECT q.id FROM queue q WHERE q.tenant = t.tenant ORDER BY q.id DESC LIMIT 1) n

-- name: size
SELECT count(*) FROM queue WHERE tenant = $1

-- name: quarantined
-- In the index of those; as `NEVER` in domain/delivery.py.
SELECT count(*) FROM queue WHERE tenant = $1 AND due = 253402300799999
