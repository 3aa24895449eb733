-- What jobs draw on, in the order of its instants, after the row at :place, whose instant is :at. A row that is not in
-- the selection has NULL for its event: it is returned, so that whoever reads can stop after a number of rows. The first
-- ledger line of an event tells whether it was skipped, because skips are stored together with the event. With :webhook,
-- only events that webhook has no delivery of.

-- name: past
SELECT e.place, e.accepted, CASE WHEN e.place <= :end
    AND (
        SELECT line FROM ledger s INDEXED BY ledger_event
        WHERE s.tenant = e.tenant AND s.event = e.id ORDER BY s.place LIMIT 1
    ) IS NOT 'skipped'
    AND (
        :webhook IS NULL
        OR NOT EXISTS (
            SELECT 1 FROM ledger d INDEXED BY ledger_event
            WHERE d.tenant = e.tenant AND d.event = e.id AND d.webhook = :webhook
        )
        AND NOT EXISTS (
            SELECT 1 FROM queue q INDEXED BY queue_event
            WHERE q.tenant = e.tenant AND q.event = e.id AND q.webhook = :webhook
        )
    ) THEN e.id END
FROM event e INDEXED BY event_time
WHERE e.tenant = (SELECT number FROM tenant WHERE id = :tenant)
    AND (e.accepted, e.place) > (:at, :place) AND e.accepted < :until
ORDER BY e.accepted, e.place

-- name: past_by_type
SELECT e.place, e.accepted, CASE WHEN e.place <= :end
    AND (
        SELECT line FROM ledger s INDEXED BY ledger_event
        WHERE s.tenant = e.tenant AND s.event = e.id ORDER BY s.place LIMIT 1
    ) IS NOT 'skipped'
    AND (
        :webhook IS NULL
        OR NOT EXISTS (
            SELECT 1 FROM ledger d INDEXED BY ledger_event
            WHERE d.tenant = e.tenant AND d.event = e.id AND d.webhook = :webhook
        )
        AND NOT EXISTS (
            SELECT 1 FROM queue q INDEXED BY queue_event
            WHERE q.tenant = e.tenant AND q.event = e.id AND q.webhook = :webhook
        )
    ) THEN e.id END
FROM event e INDEXED BY event_type
WHERE e.tenant = (SELECT number FROM tenant WHERE id = :tenant) AND e.type = :type
    AND (e.accepted, e.place) > (:at, :place) AND e.accepted < :until
ORDER BY e.accepted, e.place

-- name: past_by_subject
-- The type is compared in the index.
SELECT e.place, e.accepted, CASE WHEN e.place <= :end
    AND (:events IS NULL OR e.type IN (SELECT value FROM json_each(:events)))
    AND (
        SELECT line FROM ledger s INDEXED BY ledger_event
        WHERE s.tenant = e.tenant AND s.event = e.id ORDER BY s.place LIMIT 1
    ) IS NOT 'skipped'
    AND (
        :webhook IS NULL
        OR NOT EXISTS (
            SELECT 1 FROM ledger d INDEXED BY ledger_event
            WHERE d.tenant = e.tenant AND d.event = e.id AND d.webhook = :webhook
        )
        AND NOT EXISTS (
            SELECT 1 FROM queue q INDEXED BY queue_event
            WHERE q.tenant = e.tenant AND q.event = e.id AND q.webhook = :webhook
        )
    ) THEN e.id END
FROM event e INDEXED BY event_subject
WHERE e.tenant = (SELECT number FROM tenant WHERE id = :tenant) AND e.subject = :subject
    AND (e.accepted, e.place) > (:at, :place) AND e.accepted < :until
ORDER BY e.accepted, e.place

-- name: past_failures
-- Of each event the last time only, and not when it arrived since or is on its way again.
SELECT l.place, l.at, CASE WHEN l.place <= :end
    AND (:events IS NULL OR l.type IN (SELECT value FROM json_each(:events)))
    AND (:subject IS NULL OR l.subject = :subject)
    AND NOT EXISTS (
        SELECT 1 FROM ledger n INDEXED BY ledger_event
        WHERE n.tenant = l.tenant AND n.event = l.event AND n.place > l.place AND n.webhook = l.webhook
            AND n.line IN ('delivered', 'exhausted')
    )
    AND NOT EXISTS (
        SELECT 1 FROM queue q INDEXED BY queue_event
        WHERE q.tenant = l.tenant AND q.event = l.event AND q.webhook = l.webhook
    ) THEN l.event END
FROM ledger l INDEXED BY ledger_exhausted
WHERE l.tenant = (SELECT number FROM tenant WHERE id = :tenant) AND l.webhook = :webhook AND l.line = 'exhausted'
    AND (l.at, l.place) > (:at, :place) AND l.at < :until
ORDER BY l.at, l.place

-- name: first_event
SELECT place FROM event INDEXED BY event_time
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND accepted >= :since
ORDER BY accepted, place LIMIT 1

-- name: first_failure
SELECT place FROM ledger INDEXED BY ledger_exhausted
WHERE tenant = (SELECT number FROM tenant WHERE id = :tenant) AND webhook = :webhook AND line = 'exhausted'
    AND at >= :since
ORDER BY at, place LIMIT 1

-- name: last_event
SELECT coalesce(max(place), 0) FROM event

-- name: last_line
SELECT coalesce(max(place), 0) FROM ledger

-- The instant of what stands at a place, or of what stood next before it when that is gone.

-- name: event_instant
SELECT accepted FROM event WHERE place <= ? ORDER BY place DESC LIMIT 1

-- name: line_instant
SELECT at FROM ledger WHERE place <= ? ORDER BY place DESC LIMIT 1

-- name: insert_job
INSERT INTO job (id, tenant, state, place, document) VALUES (?, ?, ?, ?, ?)

-- name: advance_job
UPDATE job SET state = ?, place = ?, document = ? WHERE id = ? AND state = 'running' AND place = ?

-- name: job
SELECT document FROM job WHERE tenant = ? AND id = ?

-- name: jobs
SELECT document FROM job WHERE tenant = ? AND id < ? ORDER BY id DESC LIMIT ?

-- name: running
SELECT document FROM job WHERE state = 'running' ORDER BY id

-- name: hasten
UPDATE queue SET due = ? WHERE tenant = (SELECT number FROM tenant WHERE id = ?) AND id = ? AND lease IS NULL

-- name: is_stored
SELECT 1 FROM event WHERE tenant = (SELECT number FROM tenant WHERE id = ?) AND id = ?
