-- name: add_day
SELECT add_day($1)

-- name: oldest_snapshot
-- The oldest snapshot anybody holds here, by a transaction under way, a prepared one or a replication slot.
SELECT s.age, s.name FROM (
    SELECT (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint AS age,
        coalesce(nullif(a.application_name, ''), 'process ' || a.pid) AS name
    FROM pg_stat_activity a
    WHERE a.backend_xmin IS NOT NULL AND a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
        AND a.datname = current_database()
    UNION ALL
    SELECT (extract(epoch FROM clock_timestamp() - p.prepared) * 1000)::bigint, 'prepared transaction ' || p.gid
    FROM pg_prepared_xacts p WHERE p.database = current_database()
) s ORDER BY s.age DESC LIMIT 1

-- name: stray
-- At most $1 of each table.
SELECT (SELECT count(*) FROM (SELECT 1 FROM event_default LIMIT $1) e)
    + (SELECT count(*) FROM (SELECT 1 FROM ledger_default LIMIT $1) l)

-- name: days_before
-- Days that have partitions and lie before $1, as YYYYMMDD, oldest first.
SELECT substring(c.relname FROM '[0-9]+$') AS day FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent IN ('event'::regclass, 'ledger'::regclass) AND c.relname ~ '^(event|ledger)_[0-9]{8}$'
    AND substring(c.relname FROM '[0-9]+$') < $1
GROUP BY 1 ORDER BY 1

-- name: stop_owing
-- Until the transaction ends nobody makes further deliveries of stored events (`owing` in queue.sql).
SELECT pg_advisory_xact_lock(hashtextextended('outrider owing', 0))

-- name: drop_day
SELECT drop_day($1)

-- name: oldest_owed
-- Bounds below the instants at which events that are owed were accepted: the first id, which begins with the instant of
-- its event; what is owed again; what has an id that is ahead of its instant. Two seeks for each tenant that is owed
-- something.
WITH RECURSIVE owed AS (
    (SELECT q.tenant, q.id FROM queue q ORDER BY q.tenant, q.id LIMIT 1)
    UNION ALL
    SELECT n.tenant, n.id FROM owed
    CROSS JOIN LATERAL (
        SELECT q.tenant, q.id FROM queue q WHERE q.tenant > owed.tenant ORDER BY q.tenant, q.id LIMIT 1
    ) n
)
SELECT (SELECT min(o.id) FROM owed o) AS first,
    (SELECT q.event_accepted FROM queue q WHERE q.origin IS NOT NULL ORDER BY q.event_accepted LIMIT 1) AS again,
    (SELECT min(q.event_accepted) FROM queue q WHERE q.id > first_id(q.created + 10000)) AS ahead

-- name: forget_ids
-- Of events of the day from place $3 up to $4, a bounded number at a time, after the one of tenant $1 at place $2; where
-- to go on. An id that was given again belongs to another place.
WITH old AS MATERIALIZED (
    SELECT e.tenant, e.place, e.id FROM event e
    WHERE (e.tenant, e.place) > ($1, $2) AND e.place >= $3 AND e.place < $4
    ORDER BY e.tenant, e.place LIMIT 10000
), found AS MATERIALIZED (
    SELECT k.lies FROM old o
    JOIN LATERAL (
        SELECT i.ctid AS lies FROM event_id i WHERE i.tenant = o.tenant AND i.id = o.id AND i.place = o.place LIMIT 1
    ) k ON true
), gone AS (
    DELETE FROM event_id i WHERE i.ctid = ANY (ARRAY(SELECT lies FROM found))
)
SELECT o.tenant, o.place FROM old o ORDER BY o.tenant DESC, o.place DESC LIMIT 1

-- name: forget_stray_events
-- With their ids; a bounded number at a time, each in a transaction of its own, and so is the statement below.
WITH old AS MATERIALIZED (
    SELECT e.ctid AS lies, e.tenant, e.place, e.id FROM event_default e WHERE e.accepted < $1 LIMIT 10000
), found AS MATERIALIZED (
    SELECT k.lies FROM old o
    JOIN LATERAL (
        SELECT i.ctid AS lies FROM event_id i WHERE i.tenant = o.tenant AND i.id = o.id AND i.place = o.place LIMIT 1
    ) k ON true
), gone AS (
    DELETE FROM event_id i WHERE i.ctid = ANY (ARRAY(SELECT lies FROM found))
)
DELETE FROM event_default WHERE ctid = ANY (ARRAY(SELECT lies FROM old))

-- name: forget_stray_lines
DELETE FROM ledger_default WHERE ctid = ANY (
    ARRAY(SELECT l.ctid FROM ledger_default l WHERE l.at < $1 LIMIT 10000)
)
