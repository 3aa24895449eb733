-- name: records
SELECT id, tenant, uid, name, data, created, modified, revision FROM custom_object
WHERE tenant = $1 AND uid = $2 AND name = $3 ORDER BY created, id

-- name: record
SELECT id, tenant, uid, name, data, created, modified, revision FROM custom_object
WHERE tenant = $1 AND uid = $2 AND name = $3 AND id = $4

-- name: lock_user
-- One new record of an object and user at a time, so that their number can be counted.
SELECT pg_advisory_xact_lock(hashtextextended($1::text || ' ' || $2::text || ' ' || $3::text, 1))

-- name: count
SELECT count(*) FROM custom_object WHERE tenant = $1 AND uid = $2 AND name = $3

-- name: insert
INSERT INTO custom_object (tenant, uid, name, id, data, created, modified, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING

-- name: update
UPDATE custom_object SET data = $5, modified = $6, revision = $7
WHERE tenant = $1 AND uid = $2 AND name = $3 AND id = $4 AND revision = $7 - 1

-- name: delete
DELETE FROM custom_object WHERE tenant = $1 AND uid = $2 AND name = $3 AND id = $4 AND revision = $5
