-- name: events
SELECT place, id, tenant, type, subject, operation, time, accepted, body, fingerprint FROM event
WHERE tenant = $1 AND place < $2 AND place >= $3
ORDER BY place DESC LIMIT $4

-- name: events_by_type
-- The type is in the order, though there is but one, so that no other index will do.
SELECT place, id, tenant, type, subject, operation, time, accepted, body, fingerprint FROM event
WHERE tenant = $1 AND (type, place) < ($5, $2) AND (type, place) >= ($5, $3) AND place < $2 AND place >= $3
ORDER BY type DESC, place DESC LIMIT $4

-- name: events_by_subject
SELECT place, id, tenant, type, subject, operation, time, accepted, body, fingerprint FROM event
WHERE tenant = $1 AND (subject, place) < ($5, $2) AND (subject, place) >= ($5, $3) AND place < $2 AND place >= $3
    AND subject IS NOT NULL AND ($6::text IS NULL OR type = $6)
ORDER BY subject DESC, place DESC LIMIT $4

-- name: event_place
SELECT place, accepted FROM event_id WHERE tenant = $1 AND id = $2

-- name: event
SELECT place, id, tenant, type, subject, operation, time, accepted, body, fingerprint, book FROM event
WHERE tenant = $1 AND place = $2

-- name: skips
SELECT event, reason, detail, at FROM ledger
WHERE tenant = $1 AND event = $2 AND line = 'skipped' AND delivery >= $3 AND delivery < $4 ORDER BY place

-- name: waiting
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT w.name FROM webhook w WHERE w.tenant = $1 AND w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM queue q
WHERE q.tenant = $1 AND q.id < $2 AND q.id >= $3 AND q.created >= $4 AND q.created < $5
ORDER BY q.id DESC LIMIT $6

-- name: waiting_by_event
-- The event is in the order, though there is but one, so that no other index will do.
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT w.name FROM webhook w WHERE w.tenant = $1 AND w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM queue q
WHERE q.tenant = $1 AND (q.event, q.id) < ($7, $2) AND (q.event, q.id) >= ($7, $3)
    AND q.created >= $4 AND q.created < $5
    AND ($8::text IS NULL OR q.subject = $8) AND ($9::text IS NULL OR q.webhook = $9)
    AND ($10::text IS NULL OR q.type = $10)
ORDER BY q.event DESC, q.id DESC LIMIT $6

-- name: waiting_by_subject
-- The value is in the order, as above. The same below. Webhook and type are compared in the index.
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT w.name FROM webhook w WHERE w.tenant = $1 AND w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM queue q
WHERE q.tenant = $1 AND (q.subject, q.id) < ($7, $2) AND (q.subject, q.id) >= ($7, $3)
    AND q.subject IS NOT NULL AND q.created >= $4 AND q.created < $5
    AND ($8::text IS NULL OR q.webhook = $8) AND ($9::text IS NULL OR q.type = $9)
ORDER BY q.subject DESC, q.id DESC LIMIT $6

-- name: waiting_by_webhook
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT w.name FROM webhook w WHERE w.tenant = $1 AND w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM queue q
WHERE q.tenant = $1 AND (q.webhook, q.id) < ($7, $2) AND (q.webhook, q.id) >= ($7, $3)
    AND q.created >= $4 AND q.created < $5
ORDER BY q.webhook DESC, q.id DESC LIMIT $6

-- name: waiting_by_type
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT w.name FROM webhook w WHERE w.tenant = $1 AND w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM queue q
WHERE q.tenant = $1 AND (q.type, q.id) < ($7, $2) AND (q.type, q.id) >= ($7, $3)
    AND q.created >= $4 AND q.created < $5
ORDER BY q.type DESC, q.id DESC LIMIT $6

-- name: waiting_by_webhook_and_type
-- In the words of the index. Ids of webhooks and event types have no spaces, so only this pair makes this text.
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT w.name FROM webhook w WHERE w.tenant = $1 AND w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM queue q
WHERE q.tenant = $1 AND (q.webhook || ' ' || q.type, q.id) < ($7 || ' ' || $8, $2)
    AND (q.webhook || ' ' || q.type, q.id) >= ($7 || ' ' || $8, $3) AND q.created >= $4 AND q.created < $5
ORDER BY q.webhook || ' ' || q.type DESC, q.id DESC LIMIT $6

-- name: quarantined
-- A few, whatever is asked for beside; as `NEVER` in domain/delivery.py.
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT w.name FROM webhook w WHERE w.tenant = $1 AND w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM queue q
WHERE q.tenant = $1 AND q.id < $2 AND q.id >= $3 AND q.created >= $4 AND q.created < $5
    AND q.due = 253402300799999
    AND ($7::text IS NULL OR q.event = $7) AND ($8::text IS NULL OR q.subject = $8)
    AND ($9::text IS NULL OR q.webhook = $9) AND ($10::text IS NULL OR q.type = $10)
ORDER BY q.id DESC LIMIT $6

-- name: ended
-- Three branches, each in the order of ids, are merged as far as the page needs. What is given is known when the plan is
-- made, so branches of other states are gone from it.
SELECT l.delivery, l.event, l.type, l.subject, l.webhook, l.webhook_name,
    l.line, l.attempts, l.created, NULL, l.at, l.reason, l.status, l.origin
FROM (
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'delivered' AND ($7::text IS NULL OR $7 = 'delivered')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND place > 0
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'exhausted' AND ($7::text IS NULL OR $7 = 'exhausted')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND place > 0
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'cancelled' AND ($7::text IS NULL OR $7 = 'cancelled')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND place > 0
    ORDER BY delivery DESC LIMIT $6)
) l ORDER BY l.delivery DESC LIMIT $6

-- name: ended_by_webhook
SELECT l.delivery, l.event, l.type, l.subject, l.webhook, l.webhook_name,
    l.line, l.attempts, l.created, NULL, l.at, l.reason, l.status, l.origin
FROM (
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'delivered' AND ($8::text IS NULL OR $8 = 'delivered')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND webhook = $7
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'exhausted' AND ($8::text IS NULL OR $8 = 'exhausted')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND webhook = $7
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'cancelled' AND ($8::text IS NULL OR $8 = 'cancelled')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND webhook = $7
    ORDER BY delivery DESC LIMIT $6)
) l ORDER BY l.delivery DESC LIMIT $6

-- name: ended_by_type
SELECT l.delivery, l.event, l.type, l.subject, l.webhook, l.webhook_name,
    l.line, l.attempts, l.created, NULL, l.at, l.reason, l.status, l.origin
FROM (
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'delivered' AND ($8::text IS NULL OR $8 = 'delivered')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND type = $7
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'exhausted' AND ($8::text IS NULL OR $8 = 'exhausted')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND type = $7
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'cancelled' AND ($8::text IS NULL OR $8 = 'cancelled')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND type = $7
    ORDER BY delivery DESC LIMIT $6)
) l ORDER BY l.delivery DESC LIMIT $6

-- name: ended_by_webhook_and_type
-- In the words of the index, so that no other will do.
SELECT l.delivery, l.event, l.type, l.subject, l.webhook, l.webhook_name,
    l.line, l.attempts, l.created, NULL, l.at, l.reason, l.status, l.origin
FROM (
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'delivered' AND ($9::text IS NULL OR $9 = 'delivered')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND webhook || ' ' || type = $7 || ' ' || $8
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'exhausted' AND ($9::text IS NULL OR $9 = 'exhausted')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND webhook || ' ' || type = $7 || ' ' || $8
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'cancelled' AND ($9::text IS NULL OR $9 = 'cancelled')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND webhook || ' ' || type = $7 || ' ' || $8
    ORDER BY delivery DESC LIMIT $6)
) l ORDER BY l.delivery DESC LIMIT $6

-- name: ended_by_subject
-- The same; webhook and type are compared in the index.
SELECT l.delivery, l.event, l.type, l.subject, l.webhook, l.webhook_name,
    l.line, l.attempts, l.created, NULL, l.at, l.reason, l.status, l.origin
FROM (
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'delivered' AND ($10::text IS NULL OR $10 = 'delivered')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND subject = $7 AND ($8::text IS NULL OR webhook || '' = $8) AND ($9::text IS NULL OR type || '' = $9)
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'exhausted' AND ($10::text IS NULL OR $10 = 'exhausted')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND subject = $7 AND ($8::text IS NULL OR webhook || '' = $8) AND ($9::text IS NULL OR type || '' = $9)
    ORDER BY delivery DESC LIMIT $6)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND line = 'cancelled' AND ($10::text IS NULL OR $10 = 'cancelled')
        AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND subject = $7 AND ($8::text IS NULL OR webhook || '' = $8) AND ($9::text IS NULL OR type || '' = $9)
    ORDER BY delivery DESC LIMIT $6)
) l ORDER BY l.delivery DESC LIMIT $6

-- name: ended_by_event
-- `OFFSET 0` keeps the other conditions from choosing the index.
SELECT l.delivery, l.event, l.type, l.subject, l.webhook, l.webhook_name,
    l.line, l.attempts, l.created, NULL, l.at, l.reason, l.status, l.origin
FROM (
    (SELECT * FROM ledger
    WHERE tenant = $1 AND event = $7 AND line = 'delivered' AND ($11::text IS NULL OR $11 = 'delivered')
        AND delivery < $2 AND delivery >= $3
    ORDER BY delivery DESC OFFSET 0)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND event = $7 AND line = 'exhausted' AND ($11::text IS NULL OR $11 = 'exhausted')
        AND delivery < $2 AND delivery >= $3
    ORDER BY delivery DESC OFFSET 0)
    UNION ALL
    (SELECT * FROM ledger
    WHERE tenant = $1 AND event = $7 AND line = 'cancelled' AND ($11::text IS NULL OR $11 = 'cancelled')
        AND delivery < $2 AND delivery >= $3
    ORDER BY delivery DESC OFFSET 0)
) l
WHERE l.created >= $4 AND l.created < $5
    AND ($8::text IS NULL OR l.subject = $8) AND ($9::text IS NULL OR l.webhook = $9)
    AND ($10::text IS NULL OR l.type = $10)
ORDER BY l.delivery DESC LIMIT $6

-- name: waiting_ahead
-- Only those whose ids are ahead of their instants. `OFFSET 0` keeps the other conditions from choosing the index.
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT w.name FROM webhook w WHERE w.tenant = $1 AND w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL, q.reason, q.status, q.origin
FROM (
    SELECT * FROM queue
    WHERE tenant = $1 AND id < $2 AND id >= $3 AND created >= $4 AND created < $5 AND id > first_id(created + 10000)
    ORDER BY id DESC OFFSET 0
) q
WHERE ($7::text IS NULL OR q.event = $7) AND ($8::text IS NULL OR q.subject = $8)
    AND ($9::text IS NULL OR q.webhook = $9) AND ($10::text IS NULL OR q.type = $10)
ORDER BY q.id DESC LIMIT $6

-- name: ended_ahead
SELECT l.delivery, l.event, l.type, l.subject, l.webhook, l.webhook_name,
    l.line, l.attempts, l.created, NULL, l.at, l.reason, l.status, l.origin
FROM (
    SELECT * FROM ledger
    WHERE tenant = $1 AND delivery < $2 AND delivery >= $3 AND created >= $4 AND created < $5
        AND delivery > first_id(created + 10000)
    ORDER BY delivery DESC OFFSET 0
) l
WHERE ($7::text IS NULL OR l.event = $7) AND ($8::text IS NULL OR l.subject = $8)
    AND ($9::text IS NULL OR l.webhook = $9) AND ($10::text IS NULL OR l.type = $10)
    AND l.line IN ('delivered', 'exhausted', 'cancelled') AND ($11::text IS NULL OR l.line = $11)
ORDER BY l.delivery DESC LIMIT $6

-- name: delivery
-- Waiting or ended, never both: one statement sees one moment. Each kind of line is looked up by itself, so that its
-- index is entered with every column (docs/adr/0031).
SELECT q.id, q.event, q.type, q.subject, q.webhook,
    coalesce((SELECT w.name FROM webhook w WHERE w.tenant = $1 AND w.id = q.webhook), ''),
    'waiting', q.attempts, q.created, q.due, NULL::bigint, q.reason, q.status, q.origin
FROM queue q WHERE q.tenant = $1 AND q.id = $2
UNION ALL
SELECT l.delivery, l.event, l.type, l.subject, l.webhook, l.webhook_name,
    l.line, l.attempts, l.created, NULL, l.at, l.reason, l.status, l.origin
FROM unnest(ARRAY['delivered', 'exhausted', 'cancelled']) AS kind (line)
JOIN LATERAL (
    SELECT * FROM ledger e
    WHERE e.tenant = $1 AND e.line = kind.line AND e.delivery = $2 AND e.place > 0 OFFSET 0
) l ON true

-- name: lines
SELECT l.line, l.at, l.reason, l.attempt
FROM unnest(ARRAY['attempted', 'deferred', 'quarantined', 'delivered', 'exhausted', 'cancelled']) AS kind (line)
JOIN LATERAL (
    SELECT * FROM ledger e
    WHERE e.tenant = $1 AND e.line = kind.line AND e.delivery = $2 AND e.place > 0 OFFSET 0
) l ON true
ORDER BY l.place

-- name: webhooks_then
SELECT w.id, p.version IS NOT NULL, p.document FROM webhook w
LEFT JOIN LATERAL (
    SELECT v.version, v.document FROM webhook_past v
    WHERE v.tenant = $1 AND v.webhook = w.id AND v.version <= $2 ORDER BY v.version DESC LIMIT 1
) p ON true
WHERE w.tenant = $1

-- name: held_behind
SELECT (
    SELECT q.id FROM queue q
    WHERE q.tenant = $1 AND q.webhook = d.webhook AND q.order_key = d.order_key ORDER BY q.place LIMIT 1
)
FROM queue d WHERE d.tenant = $1 AND d.id = $2 AND d.held

-- name: healths
SELECT webhook, document FROM health WHERE tenant = $1
