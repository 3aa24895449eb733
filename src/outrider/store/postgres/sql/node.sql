-- name: server
SELECT current_setting('server_version_num')::integer AS version, current_setting('fsync') AS fsync,
    current_setting('synchronous_commit') AS synchronous_commit, current_setting('full_page_writes') AS full_page_writes,
    current_setting('server_encoding') AS encoding, current_setting('transaction_read_only') AS read_only,
    pg_is_in_recovery() AS standby, current_schema() AS schema,
    has_schema_privilege(current_schema(), 'CREATE') AS creates, r.rolsuper AS superuser,
    least(
        current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
            - coalesce(current_setting('reserved_connections', true)::integer, 0),
        nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)
    ) AS connections
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()

-- name: join
-- Not to be sent through until it beats.
INSERT INTO node (incarnation, seen, dispatches, about) VALUES ($1, now_ms(), false, $2)
ON CONFLICT (incarnation) DO NOTHING

-- name: beat
-- What was known of this process before, and that it lives, by the database's clock; unless migrations have taken away
-- what it needs.
WITH before AS MATERIALIZED (
    SELECT seen FROM node WHERE incarnation = $1
), further AS MATERIALIZED (
    SELECT EXISTS (SELECT 1 FROM migration WHERE after AND number > $4) AS too_new
), beat AS (
    INSERT INTO node (incarnation, seen, dispatches, about)
    SELECT $1, now_ms(), $2, $3 FROM further WHERE NOT too_new
    ON CONFLICT (incarnation) DO UPDATE SET seen = excluded.seen, dispatches = excluded.dispatches,
        about = excluded.about
)
SELECT now_ms() AS now, (SELECT seen FROM before) AS seen, (SELECT too_new FROM further) AS too_new,
    (SELECT steady FROM clock) AS steady, (SELECT wall FROM clock) AS wall

-- name: peers
SELECT incarnation FROM node WHERE dispatches ORDER BY incarnation

-- name: one_housekeeper
-- Whoever gets the lock keeps house until its transaction ends.
SELECT pg_try_advisory_xact_lock(hashtextextended('outrider housekeeping', 0))

-- name: begin_trial
-- What it says needs room. It goes in the same transaction.
INSERT INTO node (incarnation, seen, dispatches, about) VALUES ('trial of ' || $1, 0, false, $2)

-- name: end_trial
DELETE FROM node WHERE incarnation = 'trial of ' || $1

-- name: keep_anchor
-- Steady time is $1 when this clock says $2, unless another node has said so meanwhile: $3 and $4 are what we know of.
INSERT INTO clock (steady, wall) VALUES ($1, $2)
ON CONFLICT (one) DO UPDATE SET steady = excluded.steady, wall = excluded.wall
WHERE (clock.steady, clock.wall) = ($3, $4)

-- name: bury
-- Also who beat later than now: before this clock was set back.
DELETE FROM node WHERE seen NOT BETWEEN now_ms() - $1 AND now_ms() + $1 RETURNING incarnation

-- name: orphaned
-- Every holder of leases in a tenant that is no live process: one seek for each.
WITH RECURSIVE holder AS (
    (SELECT q.tenant, q.lease FROM queue q WHERE q.lease IS NOT NULL ORDER BY q.tenant, q.lease LIMIT 1)
    UNION ALL
    SELECT n.tenant, n.lease FROM holder
    CROSS JOIN LATERAL (
        SELECT q.tenant, q.lease FROM queue q
        WHERE q.lease IS NOT NULL AND (q.tenant, q.lease) > (holder.tenant, holder.lease)
        ORDER BY q.tenant, q.lease LIMIT 1
    ) n
)
SELECT h.tenant, h.lease FROM holder h WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.incarnation = h.lease)

-- name: release_orphans
-- At most $3 of them. `array_position` is a fence that the planner cannot use as an index.
UPDATE queue q SET lease = NULL
WHERE q.ctid = ANY (ARRAY(
        SELECT o.lies FROM unnest($1::text[], $2::text[]) AS g (tenant, lease)
        JOIN LATERAL (
            SELECT p.ctid AS lies FROM queue p WHERE p.tenant = g.tenant AND p.lease = g.lease LIMIT $3
        ) o ON true
        LIMIT $3
    ))
    AND array_position($2::text[], q.lease) IS NOT NULL

-- name: leave
DELETE FROM node WHERE incarnation = $1

-- name: nodes
SELECT incarnation, seen, about FROM node ORDER BY incarnation

-- name: notify
SELECT pg_notify('outrider', '')

-- name: changed_tenants
SELECT id, version FROM tenant WHERE changed >= $1

-- name: foreign_healths
SELECT webhook, document FROM health WHERE changed >= $1 AND node <> $2

-- name: now
SELECT now_ms()
