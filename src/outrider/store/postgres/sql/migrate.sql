-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('outrider migrations', 0))

-- name: make_table
CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())

-- name: applied
SELECT number FROM migration

-- name: all_know
-- Whether every live process knows migrations up to this number.
SELECT coalesce(min((about::jsonb ->> 'schema')::integer), 0) >= $1 FROM node

-- name: note
INSERT INTO migration (number) VALUES ($1)
