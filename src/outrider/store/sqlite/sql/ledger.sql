-- name: events
SELECT place, id, tenant, type, subject, operation, time, accepted, body, fingerprint FROM event
WHERE tenant = :tenant AND place < :before
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:since IS NULL OR accepted >= :since) AND (:until IS NULL OR accepted < :until)
ORDER BY place DESC LIMIT :limit

-- name: events_by_type
SELECT place, id, tenant, type, subject, operation, time, accepted, body, fingerprint
FROM event INDEXED BY event_type
WHERE tenant = :tenant AND type = :type AND place < :before
    AND (:subject IS NULL OR subject = :subject)
    AND (:since IS NULL OR accepted >= :since) AND (:until IS NULL OR accepted < :until)
ORDER BY place DESC LIMIT :limit

-- name: events_by_subject
SELECT place, id, tenant, type, subject, operation, time, accepted, body, fingerprint
FROM event INDEXED BY event_subject
WHERE tenant = :tenant AND subject = :subject AND place < :before
    AND (:type IS NULL OR type = :type)
    AND (:since IS NULL OR accepted >= :since) AND (:until IS NULL OR accepted < :until)
ORDER BY place DESC LIMIT :limit

-- name: event
SELECT place, id, tenant, type, subject, operation, time, accepted, body, fingerprint FROM event
WHERE tenant = ? AND id = ?

-- name: skips
SELECT event, reason, detail, at FROM ledger WHERE tenant = ? AND event = ? AND line = 'skipped' ORDER BY place

-- name: waiting
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue
WHERE tenant = :tenant AND id < :before
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:webhook IS NULL OR webhook = :webhook) AND (:event IS NULL OR event = :event)
    AND (:since IS NULL OR created >= :since) AND (:until IS NULL OR created < :until)
ORDER BY id DESC LIMIT :limit

-- name: ended
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger
WHERE tenant = :tenant AND line IN ('delivered', 'exhausted', 'cancelled') AND delivery < :before
    AND (:state IS NULL OR line = :state)
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:webhook IS NULL OR webhook = :webhook) AND (:event IS NULL OR event = :event)
    AND (:since IS NULL OR created >= :since) AND (:until IS NULL OR created < :until)
ORDER BY delivery DESC LIMIT :limit

-- name: waiting_of_event
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue INDEXED BY queue_event
WHERE tenant = :tenant AND event = :event AND id < :before
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:webhook IS NULL OR webhook = :webhook)
    AND (:since IS NULL OR created >= :since) AND (:until IS NULL OR created < :until)
ORDER BY id DESC LIMIT :limit

-- name: ended_of_event
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger INDEXED BY ledger_event
WHERE tenant = :tenant AND event = :event AND line IN ('delivered', 'exhausted', 'cancelled')
    AND delivery < :before
    AND (:state IS NULL OR line = :state)
    AND (:type IS NULL OR type = :type) AND (:subject IS NULL OR subject = :subject)
    AND (:webhook IS NULL OR webhook = :webhook)
    AND (:since IS NULL OR created >= :since) AND (:until IS NULL OR created < :until)
ORDER BY delivery DESC LIMIT :limit

-- name: waiting_one
SELECT id, event, type, subject, webhook,
    coalesce((SELECT name FROM webhook w WHERE w.id = queue.webhook), ''),
    'waiting', attempts, created, due, NULL, reason, status, origin
FROM queue WHERE tenant = ? AND id = ?

-- name: ended_one
SELECT delivery, event, type, subject, webhook, webhook_name, line, attempts, created, NULL, at, reason, status, origin
FROM ledger WHERE tenant = ? AND delivery = ? AND line IN ('delivered', 'exhausted', 'cancelled')

-- name: lines
SELECT line, at, reason, attempt FROM ledger WHERE tenant = ? AND delivery = ? ORDER BY place

-- name: healths
SELECT webhook, document FROM health WHERE tenant = ?

-- name: webhooks_then
SELECT w.webhook, p.version IS NOT NULL, p.document
FROM (SELECT DISTINCT webhook FROM webhook_past WHERE tenant = ?1) w
JOIN event e ON e.tenant = ?1 AND e.id = ?2
LEFT JOIN webhook_past p ON p.webhook = w.webhook
    AND p.version = (SELECT max(q.version) FROM webhook_past q WHERE q.webhook = w.webhook AND q.version <= e.book)

-- name: held_behind
SELECT (SELECT min(q.id) FROM queue q WHERE q.webhook = d.webhook AND q.order_key = d.order_key)
FROM queue d WHERE d.tenant = ? AND d.id = ? AND d.held = 1
