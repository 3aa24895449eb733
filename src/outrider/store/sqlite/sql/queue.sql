-- name: tenant_version
SELECT version FROM tenant WHERE id = ?

-- name: fingerprints
SELECT id, fingerprint FROM event WHERE tenant = (SELECT number FROM tenant WHERE id = ?)
    AND id IN (SELECT value FROM json_each(?))

-- name: insert_event
INSERT INTO event (tenant, id, type, subject, operation, time, accepted, body, fingerprint, book)
VALUES ((SELECT number FROM tenant WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: insert_delivery
INSERT INTO queue (id, tenant, webhook, event, type, subject, attempts, created, due, order_key, origin, lease, held)
VALUES (?, (SELECT number FROM tenant WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: is_behind
SELECT 1 FROM queue WHERE webhook = ? AND order_key = ? LIMIT 1

-- name: promote
UPDATE queue SET held = 0, lease = ?1
WHERE id = (SELECT min(q.id) FROM queue q WHERE q.webhook = ?2 AND q.order_key = ?3) AND held = 1
RETURNING id, (SELECT id FROM tenant WHERE number = queue.tenant), webhook, event, type, subject,
    (SELECT e.body FROM event e WHERE e.tenant = queue.tenant AND e.id = queue.event), attempts, created,
    order_key, origin

-- name: insert_skip
INSERT INTO ledger (tenant, at, line, event, reason, detail)
VALUES ((SELECT number FROM tenant WHERE id = ?), ?, 'skipped', ?, ?, ?)

-- name: insert_line
INSERT INTO ledger (tenant, at, line, event, reason, delivery, webhook, webhook_name, type, subject, created,
    origin, attempts, status, attempt)
VALUES ((SELECT number FROM tenant WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: webhook_names
SELECT id, name FROM webhook WHERE id IN (SELECT value FROM json_each(?))

-- name: backlogs
-- Loose scan of the claim index: one seek for each webhook, whatever its backlog.
WITH RECURSIVE waiting (webhook) AS (
    SELECT min(webhook) FROM queue WHERE lease IS NULL AND held = 0
    UNION ALL
    SELECT (SELECT min(q.webhook) FROM queue q
        WHERE q.lease IS NULL AND q.held = 0 AND q.webhook > waiting.webhook)
    FROM waiting WHERE waiting.webhook IS NOT NULL
)
SELECT w.tenant, w.id,
    (SELECT min(q.due) FROM queue q WHERE q.lease IS NULL AND q.held = 0 AND q.webhook = w.id)
FROM waiting JOIN webhook w ON w.id = waiting.webhook
WHERE w.deleted IS NULL AND w.active = 1

-- name: claim
UPDATE queue SET lease = ?1
WHERE id IN (
    SELECT q.id FROM queue q
    WHERE q.webhook = ?3 AND q.lease IS NULL AND q.held = 0 AND q.due <= ?4
        AND EXISTS (
            SELECT 1 FROM webhook w WHERE w.tenant = ?2 AND w.id = ?3 AND w.deleted IS NULL AND w.active = 1
        )
    ORDER BY q.due, q.id LIMIT ?5
)
RETURNING id, ?2, webhook, event, type, subject,
    (SELECT e.body FROM event e WHERE e.tenant = queue.tenant AND e.id = queue.event), attempts, created,
    order_key, origin, due

-- name: leased
SELECT json_group_array(id) FROM queue WHERE id IN (SELECT value FROM json_each(?)) AND lease = ?

-- name: end_deliveries
DELETE FROM queue WHERE id IN (SELECT value FROM json_each(?))

-- name: postpone_delivery
UPDATE queue SET attempts = ?, due = ?, status = ?, reason = ?, lease = NULL WHERE id = ?

-- name: leave_order
-- A quarantined delivery: those behind it do not wait for it, and it will not wait for them.
UPDATE queue SET order_key = NULL WHERE id = ? AND order_key IS NOT NULL

-- name: release_one
UPDATE queue SET lease = NULL WHERE id = ? AND lease = ?

-- name: release_all
UPDATE queue SET lease = NULL WHERE lease = ?

-- name: beat
INSERT INTO node (incarnation, seen) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET seen = ?2

-- name: begin_trial
-- A long name needs room. It goes in the same transaction, and is written to the log all the same.
INSERT INTO node (incarnation, seen) VALUES (?, 0)

-- name: end_trial
DELETE FROM node WHERE incarnation = ?

-- name: anchor
SELECT steady, wall FROM clock

-- name: keep_anchor
INSERT INTO clock (one, steady, wall) VALUES (1, ?1, ?2) ON CONFLICT DO UPDATE SET steady = ?1, wall = ?2

-- name: bury
DELETE FROM node WHERE seen < ?

-- name: release_orphans
UPDATE queue SET lease = NULL WHERE lease IS NOT NULL AND lease NOT IN (SELECT incarnation FROM node)

-- name: forget_others
DELETE FROM node WHERE incarnation <> ?

-- name: deleted_webhooks
SELECT w.tenant, w.id FROM webhook w
WHERE w.deleted IS NOT NULL
    AND (
        EXISTS (SELECT 1 FROM queue q WHERE q.webhook = w.id AND q.lease IS NULL AND q.held = 0)
        OR EXISTS (SELECT 1 FROM queue q WHERE q.webhook = w.id AND q.order_key IS NOT NULL AND q.lease IS NULL)
    )

-- name: cancel
DELETE FROM queue
WHERE id IN (
    SELECT q.id FROM queue q
    WHERE q.tenant = (SELECT number FROM tenant WHERE id = ?1) AND q.webhook = ?2 AND q.lease IS NULL AND q.held = 0
    ORDER BY q.due, q.id LIMIT ?3
)
RETURNING id, ?1, webhook, event, type, subject, created, origin, attempts

-- name: cancel_held
DELETE FROM queue
WHERE id IN (
    SELECT q.id FROM queue q
    WHERE q.tenant = (SELECT number FROM tenant WHERE id = ?1) AND q.webhook = ?2 AND q.order_key IS NOT NULL
        AND q.lease IS NULL
    ORDER BY q.order_key, q.id LIMIT ?3
)
RETURNING id, ?1, webhook, event, type, subject, created, origin, attempts

-- name: save_health
INSERT INTO health (webhook, tenant, document) VALUES (?, ?, ?)
ON CONFLICT (webhook) DO UPDATE SET document = excluded.document

-- name: healths
SELECT webhook, document FROM health

-- name: newest
SELECT max(id) FROM queue

-- name: webhook_document
SELECT document FROM webhook WHERE id = ? AND deleted IS NULL

-- name: size
SELECT count(*) FROM queue WHERE tenant = (SELECT number FROM tenant WHERE id = ?)

-- name: quarantined
-- In the words of the index; as `NEVER` in domain/delivery.py.
SELECT count(*) FROM queue WHERE tenant = (SELECT number FROM tenant WHERE id = ?) AND due = 253402300799999
