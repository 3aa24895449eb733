-- Tables as `ports/contents.py` describes their rows: `read_…` in the order of the key, after a key; `write_…`.

-- name: look_only
PRAGMA query_only = ON

-- name: unfinished
-- The table is there from the first commit of a copy to its last.
SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'copying'

-- name: make_progress
CREATE TABLE copying (
    part TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    rows INTEGER NOT NULL DEFAULT 0,
    after TEXT,
    done INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID

-- name: begin_part
INSERT INTO copying (part, source) VALUES (?, ?)

-- name: progress
SELECT part, source, rows, after, done FROM copying

-- name: advance
UPDATE copying SET rows = ?, after = ?, done = ? WHERE part = ? AND rows = ? AND done = 0

-- name: drop_progress
DROP TABLE copying

-- name: not_empty
SELECT 'data_key' WHERE EXISTS (SELECT 1 FROM data_key)
UNION ALL SELECT 'tenant' WHERE EXISTS (SELECT 1 FROM tenant)
UNION ALL SELECT 'webhook' WHERE EXISTS (SELECT 1 FROM webhook)
UNION ALL SELECT 'webhook_past' WHERE EXISTS (SELECT 1 FROM webhook_past)
UNION ALL SELECT 'secret' WHERE EXISTS (SELECT 1 FROM secret)
UNION ALL SELECT 'api_key' WHERE EXISTS (SELECT 1 FROM api_key)
UNION ALL SELECT 'event' WHERE EXISTS (SELECT 1 FROM event)
UNION ALL SELECT 'ledger' WHERE EXISTS (SELECT 1 FROM ledger)
UNION ALL SELECT 'queue' WHERE EXISTS (SELECT 1 FROM queue)
UNION ALL SELECT 'health' WHERE EXISTS (SELECT 1 FROM health)
UNION ALL SELECT 'job' WHERE EXISTS (SELECT 1 FROM job)
UNION ALL SELECT 'custom_object' WHERE EXISTS (SELECT 1 FROM custom_object)

-- name: mark
-- Every change a served store makes changes one of these: configurations have versions, outcomes ledger lines.
SELECT
    (SELECT group_concat(number || ' ' || wrapped, ',') FROM (SELECT number, wrapped FROM data_key ORDER BY number)),
    (SELECT group_concat(id || ' ' || version, ',') FROM (SELECT id, version FROM tenant ORDER BY id)),
    (SELECT group_concat(name || ' ' || seq, ',') FROM (SELECT name, seq FROM sqlite_sequence ORDER BY name)),
    (SELECT count(*) FROM event),
    (SELECT count(*) FROM ledger),
    (SELECT count(*) || ' ' || total(due) || ' ' || total(attempts) || ' ' || total(held) FROM queue),
    (SELECT count(*) || ' ' || total(place) || ' ' || total(state = 'running') FROM job),
    (SELECT count(*) || ' ' || total(revision) || ' ' || total(modified) FROM custom_object)

-- name: last_line
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'ledger'), 0)

-- name: forget_last_line
DELETE FROM sqlite_sequence WHERE name = 'ledger'

-- name: set_last_line
INSERT INTO sqlite_sequence (name, seq) VALUES ('ledger', ?)

-- name: running_jobs
SELECT count(*) FROM job WHERE state = 'running'

-- name: count_data_key
SELECT count(*) FROM data_key

-- name: read_data_key
SELECT number, wrapped FROM data_key WHERE number > ? ORDER BY number

-- name: write_data_key
INSERT INTO data_key (number, wrapped) VALUES (?, ?)

-- name: count_tenant
SELECT count(*) FROM tenant

-- name: read_tenant
SELECT id, api_key, version, document FROM tenant WHERE id > ? ORDER BY id

-- name: write_tenant
INSERT INTO tenant (id, api_key, version, document, number)
VALUES (?, ?, ?, ?, (SELECT coalesce(max(number), 0) + 1 FROM tenant))

-- name: count_webhook
SELECT count(*) FROM webhook

-- name: read_webhook
SELECT tenant, id, name, active, deleted, document, sealed FROM webhook
WHERE (tenant, id) > (?, ?) ORDER BY tenant, id

-- name: write_webhook
INSERT INTO webhook (tenant, id, name, active, deleted, document, sealed, secret) VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: count_webhook_past
SELECT count(*) FROM webhook_past

-- name: read_webhook_past
SELECT tenant, webhook, version, document, sealed FROM webhook_past
WHERE (tenant, webhook, version) > (?, ?, ?) ORDER BY tenant, webhook, version

-- name: write_webhook_past
INSERT INTO webhook_past (tenant, webhook, version, document, sealed) VALUES (?, ?, ?, ?, ?)

-- name: count_secret
SELECT count(*) FROM secret

-- name: read_secret
SELECT tenant, id, name, document FROM secret WHERE (tenant, id) > (?, ?) ORDER BY tenant, id

-- name: write_secret
INSERT INTO secret (tenant, id, name, document) VALUES (?, ?, ?, ?)

-- name: count_api_key
SELECT count(*) FROM api_key

-- name: read_api_key
SELECT tenant, id, document FROM api_key WHERE (tenant, id) > (?, ?) ORDER BY tenant, id

-- name: write_api_key
INSERT INTO api_key (tenant, id, document) VALUES (?, ?, ?)

-- name: count_event
SELECT count(*) FROM event

-- name: read_event
-- Only the keys are sorted, not the bodies: what is MATERIALIZED keeps its order, and CROSS JOIN reads it first.
WITH turns AS MATERIALIZED (
    SELECT accepted, place FROM event WHERE (accepted, place) > (?, ?) ORDER BY accepted, place
)
SELECT (SELECT id FROM tenant WHERE number = e.tenant),
    e.id, e.type, e.subject, e.operation, e.time, e.accepted, e.body, e.fingerprint, e.book,
    t.accepted, t.place
FROM turns t CROSS JOIN event e ON e.place = t.place

-- name: write_event
INSERT INTO event (tenant, id, type, subject, operation, time, accepted, body, fingerprint, book)
VALUES ((SELECT number FROM tenant WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: count_ledger
SELECT count(*) FROM ledger

-- name: read_ledger
SELECT place, (SELECT id FROM tenant WHERE number = ledger.tenant), at, line, event, reason, detail, delivery, webhook,
    webhook_name, type, subject, created, origin, attempts, status, attempt
FROM ledger WHERE place > ? ORDER BY place

-- name: write_ledger
INSERT INTO ledger (place, tenant, at, line, event, reason, detail, delivery, webhook, webhook_name, type, subject,
    created, origin, attempts, status, attempt)
VALUES (?, (SELECT number FROM tenant WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: count_queue
SELECT count(*) FROM queue

-- name: read_queue
-- Due by the wall clock, which is where steady time begins in another store; what is never due stays so.
WITH turns AS MATERIALIZED (
    SELECT id, row_number() OVER (PARTITION BY webhook, order_key ORDER BY id) AS turn
    FROM queue WHERE order_key IS NOT NULL
)
SELECT (SELECT id FROM tenant WHERE number = q.tenant),
    q.id, q.webhook, q.event, q.type, q.subject, q.attempts, q.created,
    CASE q.due WHEN 253402300799999 THEN q.due ELSE q.due - coalesce((SELECT steady - wall FROM clock), 0) END,
    q.order_key, q.origin,
    q.held, q.status, q.reason, t.turn
FROM queue q LEFT JOIN turns t ON t.id = q.id
WHERE q.id > ? ORDER BY q.id

-- name: write_queue
-- Turns are those of ids here.
INSERT INTO queue (tenant, id, webhook, event, type, subject, attempts, created, due, order_key, origin, held, status,
    reason)
VALUES ((SELECT number FROM tenant WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: count_health
SELECT count(*) FROM health

-- name: read_health
SELECT tenant, webhook, document FROM health WHERE (tenant, webhook) > (?, ?) ORDER BY tenant, webhook

-- name: write_health
INSERT INTO health (tenant, webhook, document) VALUES (?, ?, ?)

-- name: count_job
SELECT count(*) FROM job

-- name: read_job
SELECT tenant, id, state, place, document FROM job WHERE (tenant, id) > (?, ?) ORDER BY tenant, id

-- name: write_job
INSERT INTO job (tenant, id, state, place, document) VALUES (?, ?, ?, ?, ?)

-- name: count_custom_object
SELECT count(*) FROM custom_object

-- name: read_custom_object
SELECT tenant, uid, name, id, data, created, modified, revision FROM custom_object
WHERE (tenant, uid, name, id) > (?, ?, ?, ?) ORDER BY tenant, uid, name, id

-- name: write_custom_object
INSERT INTO custom_object (tenant, uid, name, id, data, created, modified, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
