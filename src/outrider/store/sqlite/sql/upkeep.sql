-- name: drop_lines
-- Places rise with time, so the oldest come first; lines of events still owed stay.
DELETE FROM ledger WHERE place IN (
    SELECT l.place FROM ledger l
    WHERE l.at < :oldest
        AND NOT EXISTS (SELECT 1 FROM queue q WHERE q.tenant = l.tenant AND q.event = l.event)
    ORDER BY l.place LIMIT :limit
)

-- name: drop_events
DELETE FROM event WHERE place IN (
    SELECT e.place FROM event e
    WHERE e.accepted < :oldest
        AND NOT EXISTS (SELECT 1 FROM queue q WHERE q.tenant = e.tenant AND q.event = e.id)
    ORDER BY e.place LIMIT :limit
)

-- name: nodes
SELECT incarnation, seen FROM node
