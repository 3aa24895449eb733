-- name: tenants
SELECT number FROM tenant

-- name: old_events
-- And whether it is owed.
SELECT accepted, place,
    EXISTS (SELECT 1 FROM queue q INDEXED BY queue_event WHERE q.tenant = event.tenant AND q.event = event.id)
FROM event INDEXED BY event_time
WHERE tenant = :tenant AND (accepted, place) > (:at, :place) AND accepted < :oldest
ORDER BY accepted, place LIMIT :limit

-- name: drop_events
-- Of those at these places, but for what is owed by now.
DELETE FROM event NOT INDEXED
WHERE place IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (
        SELECT 1 FROM queue q INDEXED BY queue_event WHERE q.tenant = event.tenant AND q.event = event.id
    )

-- name: next_lines
-- And whether the event of one that is old enough is owed.
SELECT place, at,
    at < :oldest AND EXISTS (
        SELECT 1 FROM queue q INDEXED BY queue_event WHERE q.tenant = ledger.tenant AND q.event = ledger.event
    )
FROM ledger WHERE place > :place ORDER BY place LIMIT :limit

-- name: drop_lines
DELETE FROM ledger NOT INDEXED
WHERE place IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (
        SELECT 1 FROM queue q INDEXED BY queue_event WHERE q.tenant = ledger.tenant AND q.event = ledger.event
    )

-- name: nodes
SELECT incarnation, seen FROM node
