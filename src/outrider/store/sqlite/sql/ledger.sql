-- `queue`, `event` and `ledger` have the number of the tenant; callers give and get its id (docs/adr/0024).

-- name: events
SELECT place, id, :tenant, type, subject, operation, time, accepted, body, fingerprint
FROM event INDEXED BY event_time
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND (accepted, place) < (:before_at, :before)
    AND accepted >= :since
ORDER BY accepted DESC, place DESC LIMIT :limit

-- name: events_by_type
SELECT place, id, :tenant, type, subject, operation, time, accepted, body, fingerprint
FROM event INDEXED BY event_type
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant)
    AND type = :type AND (accepted, place) < (:before_at, :before)
    AND accepted >= :since
ORDER BY accepted DESC, place DESC LIMIT :limit

-- name: events_by_subject
SELECT place, id, :tenant, type, subject, operation, time, accepted, body, fingerprint
FROM event INDEXED BY event_subject
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant)
    AND subject = :subject AND (accepted, place) < (:before_at, :before)
    AND accepted >= :since AND (:type IS NULL OR type = :type)
ORDER BY accepted DESC, place DESC LIMIT :limit

-- name: accepted_at
SELECT accepted FROM event WHERE tenant = (SELECT number FROM tenant WHERE id = ?) AND place = ?

-- name: event
SELECT place, id, ?1, type, subject, operation, time, accepted, body, fingerprint FROM event
WHERE tenant = (SELECT number FROM tenant WHERE id = ?1) AND id = ?2

-- name: skips
SELECT event, reason, detail, at FROM ledger
WHERE tenant = (SELECT number FROM tenant WHERE id = ?) AND event = ? AND line = 'skipped' ORDER BY place

-- name: waiting
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue INDEXED BY queue_list
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND id < :top AND id >= :bottom
    AND created >= :since AND created < :until
ORDER BY id DESC

-- name: waiting_by_webhook
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue INDEXED BY queue_webhook
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND webhook = :webhook AND id < :top AND id >= :bottom
    AND created >= :since AND created < :until
ORDER BY id DESC

-- name: waiting_by_webhook_and_type
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue INDEXED BY queue_webhook_type
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant)
    AND webhook = :webhook AND type = :type AND id < :top AND id >= :bottom
    AND created >= :since AND created < :until
ORDER BY id DESC

-- name: waiting_by_type
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue INDEXED BY queue_type
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND type = :type AND id < :top AND id >= :bottom
    AND created >= :since AND created < :until
ORDER BY id DESC

-- name: waiting_by_subject
-- What is found in the index alone, and then its rows.
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM (
    SELECT id FROM queue INDEXED BY queue_subject
    WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant)
        AND lease IS NULL AND subject = :subject AND id < :top AND id >= :bottom
        AND (:webhook IS NULL OR webhook = :webhook) AND (:type IS NULL OR type = :type)
) found CROSS JOIN queue q ON q.id = found.id
WHERE q.created >= :since AND q.created < :until
ORDER BY found.id DESC

-- name: leased_by_subject
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM (
    SELECT id FROM queue INDEXED BY queue_leased
    WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant)
        AND lease IS NOT NULL AND subject = :subject AND id < :top AND id >= :bottom
        AND (:webhook IS NULL OR webhook = :webhook) AND (:type IS NULL OR type = :type)
) found CROSS JOIN queue q ON q.id = found.id
WHERE q.created >= :since AND q.created < :until
ORDER BY found.id DESC

-- name: waiting_by_event
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue INDEXED BY queue_event
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND event = :event AND id < :top AND id >= :bottom
    AND created >= :since AND created < :until
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:webhook IS NULL OR webhook = :webhook) AND (:event IS NULL OR event = :event)
ORDER BY id DESC

-- name: waiting_ahead
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue INDEXED BY queue_ahead
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant)
    AND id > format('%08x-%04x', (created + 10000) >> 16, (created + 10000) & 65535) AND id < :top AND id >= :bottom
    AND created >= :since AND created < :until
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:webhook IS NULL OR webhook = :webhook) AND (:event IS NULL OR event = :event)
ORDER BY id DESC

-- name: quarantined
-- A few, whatever is asked for beside.
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue INDEXED BY queue_quarantined
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND due = 253402300799999
    AND id < :top AND id >= :bottom AND created >= :since AND created < :until
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:webhook IS NULL OR webhook = :webhook) AND (:event IS NULL OR event = :event)
ORDER BY id DESC

-- One kind of ending at a time: each is in the order of the list.

-- name: ended
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger INDEXED BY ledger_line
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND line = :line
    AND line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL AND delivery < :top AND delivery >= :bottom
    AND created >= :since AND created < :until
ORDER BY delivery DESC

-- name: ended_by_webhook
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger INDEXED BY ledger_webhook
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND webhook = :webhook AND line = :line
    AND line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL AND delivery < :top AND delivery >= :bottom
    AND created >= :since AND created < :until
ORDER BY delivery DESC

-- name: ended_by_webhook_and_type
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger INDEXED BY ledger_webhook_type
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant)
    AND webhook = :webhook AND type = :type AND line = :line
    AND line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL AND delivery < :top AND delivery >= :bottom
    AND created >= :since AND created < :until
ORDER BY delivery DESC

-- name: ended_by_type
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger INDEXED BY ledger_type
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND type = :type AND line = :line
    AND line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL AND delivery < :top AND delivery >= :bottom
    AND created >= :since AND created < :until
ORDER BY delivery DESC

-- name: ended_by_subject
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger INDEXED BY ledger_subject
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND subject = :subject AND line = :line
    AND line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL AND delivery < :top AND delivery >= :bottom
    AND created >= :since AND created < :until
    AND (:webhook IS NULL OR webhook = :webhook) AND (:type IS NULL OR type = :type)
ORDER BY delivery DESC

-- name: ended_by_event
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger INDEXED BY ledger_event
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND event = :event AND line = :line
    AND line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL AND delivery < :top AND delivery >= :bottom
    AND created >= :since AND created < :until
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:webhook IS NULL OR webhook = :webhook) AND (:event IS NULL OR event = :event)
ORDER BY delivery DESC

-- name: ended_ahead
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger INDEXED BY ledger_ahead
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant)
    AND line = :line AND line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL
    AND delivery > format('%08x-%04x', (created + 10000) >> 16, (created + 10000) & 65535) AND delivery < :top AND delivery >= :bottom
    AND created >= :since AND created < :until
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:webhook IS NULL OR webhook = :webhook) AND (:event IS NULL OR event = :event)
ORDER BY delivery DESC

-- name: waiting_one
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue WHERE tenant = (SELECT number FROM tenant WHERE id = ?) AND id = ?

-- name: ended_one
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger INDEXED BY ledger_delivery
WHERE tenant = (SELECT number FROM tenant WHERE id = ?)
    AND delivery = ? AND line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL

-- name: lines
SELECT line, at, reason, attempt FROM ledger INDEXED BY ledger_delivery
WHERE tenant = (SELECT number FROM tenant WHERE id = ?) AND delivery = ? ORDER BY place

-- name: healths
SELECT webhook, document FROM health WHERE tenant = ?

-- name: webhooks_then
-- Loose scan: one seek for each webhook, however many versions of it there are.
WITH RECURSIVE w (webhook) AS (
    SELECT min(webhook) FROM webhook_past WHERE tenant = ?1
    UNION ALL
    SELECT (SELECT min(n.webhook) FROM webhook_past n WHERE n.tenant = ?1 AND n.webhook > w.webhook)
    FROM w WHERE w.webhook IS NOT NULL
)
SELECT w.webhook, p.version IS NOT NULL, p.document
FROM w CROSS JOIN event e ON e.tenant = (SELECT number FROM tenant WHERE id = ?1) AND e.id = ?2
LEFT JOIN webhook_past p ON p.webhook = w.webhook
    AND p.version = (SELECT max(q.version) FROM webhook_past q WHERE q.webhook = w.webhook AND q.version <= e.book)
WHERE w.webhook IS NOT NULL

-- name: held_behind
SELECT (SELECT min(q.id) FROM queue q WHERE q.webhook = d.webhook AND q.order_key = d.order_key)
FROM queue d WHERE d.tenant = (SELECT number FROM tenant WHERE id = ?) AND d.id = ? AND d.held = 1
