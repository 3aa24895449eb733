-- name: journal
PRAGMA journal_mode = WAL

-- name: durable
PRAGMA synchronous = FULL

-- name: is_durable
PRAGMA synchronous

-- name: keys
PRAGMA foreign_keys = ON

-- name: version
PRAGMA user_version

-- name: checkpoint
PRAGMA wal_checkpoint(PASSIVE)
