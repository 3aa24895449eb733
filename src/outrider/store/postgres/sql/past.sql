-- name: first_event
SELECT place FROM event WHERE tenant = $1 AND place >= $2 AND place < $3 ORDER BY place LIMIT 1

-- name: last_event
SELECT place FROM event WHERE tenant = $1 AND place >= $2 AND place < $3 ORDER BY place DESC LIMIT 1

-- name: last_line
SELECT last_value FROM ledger_place

-- name: events
-- Looks at $4 events at most, in the order of places. The lines of their skips have ids from $9 to $10. `OFFSET 0`
-- keeps each look at the ledger a look of its own: joined, it might read everything.
SELECT e.place, e.id, e.tenant, e.type, e.subject, e.operation, e.time, e.accepted, e.body, e.fingerprint
FROM (SELECT * FROM event WHERE tenant = $1 AND place > $2 AND place <= $3 ORDER BY place LIMIT $4) e
WHERE ($5::text[] IS NULL OR e.type = ANY ($5)) AND ($6::text IS NULL OR e.subject = $6)
    AND NOT EXISTS (
        SELECT 1 FROM ledger s
        WHERE s.tenant = $1 AND s.event = e.id AND s.line = 'skipped' AND s.delivery >= $9 AND s.delivery < $10
            AND s.delivery >= first_id(e.accepted - $7) AND s.delivery < first_id(e.accepted + $7) OFFSET 0
    )
ORDER BY e.place LIMIT $8

-- name: event_reached
-- The last of the events looked at; none when that were all.
SELECT place FROM event WHERE tenant = $1 AND place > $2 AND place <= $3 ORDER BY place LIMIT 1 OFFSET $4

-- name: exhausted
-- Lines of deliveries with ids from $5 up to $6.
SELECT place, event, at, type, subject FROM ledger
WHERE tenant = $1 AND webhook = $2 AND line = 'exhausted' AND place > $3 AND place <= $4
    AND delivery >= $5 AND delivery < $6
ORDER BY place LIMIT $7

-- name: waiting_events
-- Which of these events the webhook is owed. The event is in the order, and `OFFSET 0` keeps the webhook out of the
-- choice of the index, so that no other will do.
SELECT g.event FROM unnest($2::text[]) AS g (event)
JOIN LATERAL (
    SELECT 1 FROM (
        SELECT q.webhook FROM queue q
        WHERE q.tenant = $1 AND (q.event, q.id) >= (g.event, '') AND (q.event, q.id) < (g.event, 'g')
        ORDER BY q.event, q.id OFFSET 0
    ) q
    WHERE q.webhook = $3 LIMIT 1
) q ON true

-- name: known_events
-- Which of these events the ledger knows a delivery of to the webhook, with an id from $4 up to $5, and the place of
-- the last ending.
SELECT g.event, l.place FROM unnest($2::text[]) AS g (event)
JOIN LATERAL (
    SELECT max(d.place) FILTER (WHERE d.line IN ('delivered', 'exhausted')) AS place, count(*) AS lines
    FROM ledger d
    WHERE d.tenant = $1 AND d.event = g.event AND d.webhook = $3 AND d.delivery >= $4 AND d.delivery < $5 OFFSET 0
) l ON l.lines > 0

-- name: event_places
SELECT i.id, i.place FROM unnest($2::text[]) AS g (event)
JOIN LATERAL (SELECT * FROM event_id k WHERE k.tenant = $1 AND k.id = g.event LIMIT 1) i ON true

-- name: events_at
-- The span of places is given beside them, so that the plan has no other days in it.
SELECT e.place, e.id, e.tenant, e.type, e.subject, e.operation, e.time, e.accepted, e.body, e.fingerprint
FROM unnest($2::bigint[]) AS g (place)
JOIN LATERAL (
    SELECT * FROM event v WHERE v.tenant = $1 AND v.place = g.place AND v.place BETWEEN $3 AND $4 LIMIT 1
) e ON true
