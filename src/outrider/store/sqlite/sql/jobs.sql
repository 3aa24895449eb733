-- name: last_event
SELECT coalesce(max(place), 0) FROM event

-- name: last_line
SELECT coalesce(max(place), 0) FROM ledger

-- name: accepted_after
SELECT accepted FROM event WHERE place > ? ORDER BY place LIMIT 1

-- name: exhausted
-- Of each event the last time only, and not when it arrived since or is on its way again.
SELECT l.place, e.id, :tenant, e.type, e.subject, e.operation, e.time, e.accepted, e.body, e.fingerprint
FROM ledger l INDEXED BY ledger_exhausted JOIN event e ON e.tenant = l.tenant AND e.id = l.event
WHERE l.tenant = (SELECT number FROM tenant WHERE id = :tenant) AND l.webhook = :webhook AND l.line = 'exhausted'
    AND l.place > :place AND l.place <= :end
    AND (:since IS NULL OR l.at >= :since) AND (:until IS NULL OR l.at < :until)
    AND (:events IS NULL OR e.type IN (SELECT value FROM json_each(:events)))
    AND (:subject IS NULL OR e.subject = :subject)
    AND NOT EXISTS (
        SELECT 1 FROM ledger n WHERE n.tenant = l.tenant AND n.event = l.event AND n.webhook = l.webhook
            AND n.line IN ('delivered', 'exhausted') AND n.place > l.place
    )
    AND NOT EXISTS (SELECT 1 FROM queue q WHERE q.tenant = l.tenant AND q.event = l.event AND q.webhook = l.webhook)
ORDER BY l.place LIMIT :limit

-- name: replay
SELECT e.place, e.id, :tenant, e.type, e.subject, e.operation, e.time, e.accepted, e.body, e.fingerprint
FROM event e
WHERE e.tenant = (SELECT number FROM tenant WHERE id = :tenant) AND e.place > :place AND e.place <= :end
    AND (:since IS NULL OR e.accepted >= :since) AND (:until IS NULL OR e.accepted < :until)
    AND (:events IS NULL OR e.type IN (SELECT value FROM json_each(:events)))
    AND (:subject IS NULL OR e.subject = :subject)
    AND NOT EXISTS (SELECT 1 FROM ledger s WHERE s.tenant = e.tenant AND s.event = e.id AND s.line = 'skipped')
ORDER BY e.place LIMIT :limit

-- name: missed
SELECT e.place, e.id, :tenant, e.type, e.subject, e.operation, e.time, e.accepted, e.body, e.fingerprint
FROM event e
WHERE e.tenant = (SELECT number FROM tenant WHERE id = :tenant) AND e.place > :place AND e.place <= :end
    AND (:since IS NULL OR e.accepted >= :since) AND (:until IS NULL OR e.accepted < :until)
    AND (:events IS NULL OR e.type IN (SELECT value FROM json_each(:events)))
    AND (:subject IS NULL OR e.subject = :subject)
    AND NOT EXISTS (SELECT 1 FROM ledger s WHERE s.tenant = e.tenant AND s.event = e.id AND s.line = 'skipped')
    AND NOT EXISTS (SELECT 1 FROM ledger d WHERE d.tenant = e.tenant AND d.event = e.id AND d.webhook = :webhook)
    AND NOT EXISTS (SELECT 1 FROM queue q WHERE q.tenant = e.tenant AND q.event = e.id AND q.webhook = :webhook)
ORDER BY e.place LIMIT :limit

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
