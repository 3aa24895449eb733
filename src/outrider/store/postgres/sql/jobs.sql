-- name: insert_job
INSERT INTO job (tenant, id, state, place, document) VALUES ($1, $2, $3, $4, $5)

-- name: advance_job
UPDATE job SET state = $4, place = $5, document = $6
WHERE tenant = $1 AND id = $2 AND state = 'running' AND place = $3

-- name: job
SELECT document FROM job WHERE tenant = $1 AND id = $2

-- name: locked_job
SELECT document FROM job WHERE tenant = $1 AND id = $2 FOR UPDATE

-- name: jobs
SELECT document FROM job WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3

-- name: running
SELECT document FROM job WHERE state = 'running' ORDER BY id

-- name: hasten
UPDATE queue SET due = $3 WHERE tenant = $1 AND id = $2 AND lease IS NULL
