-- name: oldest
-- The instant at which the oldest day with a partition begins; without any, now.
SELECT coalesce(
    min((extract(epoch FROM to_date(substring(c.relname FROM '[0-9]{8}$'), 'YYYYMMDD')) * 1000)::bigint), now_ms()
)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent IN ('event'::regclass, 'ledger'::regclass) AND c.relname ~ '_[0-9]{8}$'
