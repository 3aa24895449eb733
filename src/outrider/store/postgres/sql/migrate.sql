-- name: patience
-- Another process may be migrating, and a migration may take longer than other statements.
SET LOCAL lock_timeout = '290s'; SET LOCAL statement_timeout = '290s'

-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('outrider migrations', 0))

-- name: haste
-- Tables are in use: better to fail and be tried again than to make intake wait behind a long reader.
SET LOCAL lock_timeout = '4s'

-- name: make_table
CREATE TABLE IF NOT EXISTS migration (
    number integer PRIMARY KEY, after boolean NOT NULL, applied timestamptz NOT NULL DEFAULT now()
)

-- name: applied
SELECT number FROM migration

-- name: known_by_all
-- The last migration that every live process knows, this one ($1) among them.
SELECT least($1, min((about::jsonb ->> 'schema')::integer)) FROM node

-- name: note
INSERT INTO migration (number, after) VALUES ($1, $2)
