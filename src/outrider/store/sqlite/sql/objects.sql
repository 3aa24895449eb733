-- name: records
SELECT id, tenant, uid, name, data, created, modified, revision FROM custom_object
WHERE tenant = ? AND uid = ? AND name = ? ORDER BY created, id

-- name: record
SELECT id, tenant, uid, name, data, created, modified, revision FROM custom_object
WHERE tenant = ? AND uid = ? AND name = ? AND id = ?

-- name: count_records
SELECT count(*) FROM custom_object WHERE tenant = ? AND uid = ? AND name = ?

-- name: insert_record
INSERT INTO custom_object (id, tenant, uid, name, data, created, modified, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: update_record
UPDATE custom_object SET data = ?, modified = ?, revision = ?
WHERE tenant = ? AND uid = ? AND name = ? AND id = ? AND revision = ?

-- name: delete_record
DELETE FROM custom_object WHERE tenant = ? AND uid = ? AND name = ? AND id = ? AND revision = ?
