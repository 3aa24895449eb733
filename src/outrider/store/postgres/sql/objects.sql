-- name: records
SELECT id, tenant, uid, name, data, created, modified, revision FROM custom_object
WHERE tenant = $1 AND uid = $2 AND name = $3 ORDER BY created, id

-- name: record
SELECT id, tenant, uid, name, data, created, modified, revision FROM custom_object
WHERE tenant = $1 AND uid = $2 AND name = $3 AND id = $4

-- name: insert
INSERT INTO custom_object (tenant, uid, name, id, data, created, modified, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING

-- name: update
UPDATE custom_object SET data = $5, modified = $6, revision = $7
WHERE tenant = $1 AND uid = $2 AND name = $3 AND id = $4 AND revision = $7 - 1

-- name: delete
DELETE FROM custom_object WHERE tenant = $1 AND uid = $2 AND name = $3 AND id = $4 AND revision = $5
