-- name: first_event
SELECT place FROM event WHERE tenant = $1 AND place >= $2 ORDER BY place LIMIT 1

-- name: last_event
SELECT place FROM event WHERE tenant = $1 AND place < $2 AND place >= $3 ORDER BY place DESC LIMIT 1

-- name: last_line
SELECT last_value FROM ledger_place

-- name: events
-- Looks at $4 events at most, in the order of places. With a webhook ($9) only those it never had. Lines about them
-- have ids from $10 on. `OFFSET 0` keeps each look a look of its own: joined, it might read everything.
SELECT e.place, e.id, e.tenant, e.type, e.subject, e.operation, e.time, e.accepted, e.body, e.fingerprint
FROM (SELECT * FROM event WHERE tenant = $1 AND place > $2 AND place <= $3 ORDER BY place LIMIT $4) e
WHERE ($5::text[] IS NULL OR e.type = ANY ($5)) AND ($6::text IS NULL OR e.subject = $6)
    AND NOT EXISTS (
        SELECT 1 FROM ledger s
        WHERE s.tenant = $1 AND s.event = e.id AND s.line = 'skipped' AND s.delivery >= $10 AND s.delivery < $11
            AND s.delivery >= first_id(e.accepted - $7) AND s.delivery < first_id(e.accepted + $7) OFFSET 0
    )
    AND ($9::text IS NULL OR NOT EXISTS (
        SELECT 1 FROM queue q WHERE q.tenant = $1 AND q.event = e.id AND q.webhook = $9 OFFSET 0
    ))
    AND ($9::text IS NULL OR NOT EXISTS (
        SELECT 1 FROM ledger d
        WHERE d.tenant = $1 AND d.event = e.id AND d.webhook = $9 AND d.delivery >= $10
            AND d.delivery >= first_id(e.accepted - $7) OFFSET 0
    ))
ORDER BY e.place LIMIT $8

-- name: event_reached
-- The last of the events looked at; none when that were all.
SELECT place FROM event WHERE tenant = $1 AND place > $2 AND place <= $3 ORDER BY place LIMIT 1 OFFSET $4

-- name: exhausted
-- Looks at $6 lines at most, in the order of places, of deliveries with ids below $5. Of each event the last time
-- only, and not when it arrived since or is on its way again: two looks, so that neither meets the line itself.
SELECT l.place, k.place AS event_place
FROM (
    SELECT * FROM ledger
    WHERE tenant = $1 AND webhook = $4 AND line = 'exhausted' AND place > $2 AND place <= $3 AND delivery < $5
    ORDER BY place LIMIT $6
) l
JOIN LATERAL (SELECT i.place, i.accepted FROM event_id i WHERE i.tenant = $1 AND i.id = l.event LIMIT 1) k ON true
WHERE l.at >= $7 AND l.at < $8
    AND ($9::text[] IS NULL OR l.type = ANY ($9)) AND ($10::text IS NULL OR l.subject = $10)
    AND NOT EXISTS (
        SELECT 1 FROM queue q WHERE q.tenant = $1 AND q.event = l.event AND q.webhook = $4 OFFSET 0
    )
    AND NOT EXISTS (
        SELECT 1 FROM ledger n
        WHERE n.tenant = $1 AND n.event = l.event AND n.line IN ('delivered', 'exhausted') AND n.webhook = $4
            AND n.place > l.place AND n.delivery > l.delivery OFFSET 0
    )
    AND NOT EXISTS (
        SELECT 1 FROM ledger n
        WHERE n.tenant = $1 AND n.event = l.event AND n.line IN ('delivered', 'exhausted') AND n.webhook = $4
            AND n.place > l.place AND n.delivery < l.delivery AND n.delivery >= first_id(k.accepted - $11) OFFSET 0
    )
ORDER BY l.place LIMIT $12

-- name: events_at
-- The span of places is given beside them, so that the plan has no other days in it.
SELECT e.place, e.id, e.tenant, e.type, e.subject, e.operation, e.time, e.accepted, e.body, e.fingerprint
FROM unnest($2::bigint[]) AS g (place)
JOIN LATERAL (
    SELECT * FROM event v WHERE v.tenant = $1 AND v.place = g.place AND v.place BETWEEN $3 AND $4 LIMIT 1
) e ON true

-- name: line_reached
SELECT place FROM ledger
WHERE tenant = $1 AND webhook = $4 AND line = 'exhausted' AND place > $2 AND place <= $3 AND delivery < $5
ORDER BY place LIMIT 1 OFFSET $6

-- name: insert_job
INSERT INTO job (tenant, id, state, place, document) VALUES ($1, $2, $3, $4, $5)

-- name: advance_job
UPDATE job SET state = $4, place = $5, document = $6
WHERE tenant = $1 AND id = $2 AND state = 'running' AND place = $3

-- name: job
SELECT document FROM job WHERE tenant = $1 AND id = $2

-- name: locked_job
SELECT document FROM job WHERE tenant = $1 AND id = $2 FOR UPDATE

-- name: jobs
SELECT document FROM job WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3

-- name: running
SELECT document FROM job WHERE state = 'running' ORDER BY id

-- name: hasten
UPDATE queue SET due = $3 WHERE tenant = $1 AND id = $2 AND lease IS NULL
