-- name: journal
PRAGMA journal_mode = WAL

-- name: durable
PRAGMA synchronous = FULL

-- name: is_durable
PRAGMA synchronous

-- name: keys
PRAGMA foreign_keys = ON

-- name: cache
-- KiB: the indexes of a long queue stay in memory.
PRAGMA cache_size = -65536

-- name: temporary
-- What a statement sorts or may have to undo stays in memory: a served store needs no directory for temporary files.
PRAGMA temp_store = MEMORY

-- name: version
PRAGMA user_version

-- name: origin
-- How many tables and the like there are, and whether ours are among them.
SELECT count(*), total(type = 'table' AND name IN ('data_key', 'tenant', 'event', 'queue', 'ledger')) = 5
FROM sqlite_schema

-- name: write_anew
VACUUM INTO ?

-- name: check
PRAGMA quick_check(1)
