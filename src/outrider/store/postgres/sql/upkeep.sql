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
SELECT (SELECT count(*) FROM event_default) + (SELECT count(*) FROM ledger_default)

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
SELECT min(event_accepted) FROM queue

-- name: forget_ids
-- A bounded number at a time, each in a transaction of its own; so are those below.
DELETE FROM event_id i USING (
    SELECT tenant, id FROM event_id WHERE accepted < $1 LIMIT 10000
) old WHERE i.tenant = old.tenant AND i.id = old.id

-- name: forget_stray_events
DELETE FROM event_default WHERE ctid = ANY (
    ARRAY(SELECT e.ctid FROM event_default e WHERE e.accepted < $1 LIMIT 10000)
)

-- name: forget_stray_lines
DELETE FROM ledger_default WHERE ctid = ANY (
    ARRAY(SELECT l.ctid FROM ledger_default l WHERE l.at < $1 LIMIT 10000)
)
