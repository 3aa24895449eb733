-- name: tenants
SELECT id FROM tenant ORDER BY id

-- name: tenant
-- Everything in one statement, so that it is of one version. Kinds: t, w, s, k.
SELECT 't' AS kind, document, version FROM tenant WHERE id = $1
UNION ALL
SELECT 'w', document, NULL FROM webhook WHERE tenant = $1 AND deleted IS NULL
UNION ALL
SELECT 's', document, NULL FROM secret WHERE tenant = $1
UNION ALL
SELECT 'k', document, NULL FROM api_key WHERE tenant = $1

-- name: insert_tenant
INSERT INTO tenant (id, api_key, document) VALUES ($1, $2, $3)

-- name: lock_first
SELECT pg_advisory_xact_lock(hashtextextended('outrider first tenant', 0))

-- name: insert_first
INSERT INTO tenant (id, api_key, document) SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM tenant)

-- name: save_tenant
UPDATE tenant SET document = $2 WHERE id = $1

-- name: raise_version
UPDATE tenant SET version = version + 1, changed = now_ms() WHERE id = $1 AND ($2::bigint IS NULL OR version = $2)
RETURNING version

-- name: save_webhook
INSERT INTO webhook (tenant, id, name, active, document, sealed) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, id) DO UPDATE
SET name = excluded.name, active = excluded.active, document = excluded.document, sealed = excluded.sealed

-- name: keep_webhook
INSERT INTO webhook_past (tenant, webhook, version, document, sealed) VALUES ($1, $2, $3, $4, $5)

-- name: takes_sealed
SELECT takes_sealed()

-- name: unsealed
SELECT tenant, id, NULL::bigint, document FROM webhook WHERE NOT sealed ORDER BY tenant, id LIMIT $1

-- name: unsealed_past
SELECT tenant, webhook, version, document FROM webhook_past
WHERE NOT sealed AND document IS NOT NULL ORDER BY tenant, webhook, version LIMIT $1

-- name: seal
UPDATE webhook SET document = $1, sealed = true WHERE tenant = $2 AND id = $3 AND document = $4 AND NOT sealed

-- name: seal_past
UPDATE webhook_past SET document = $1, sealed = true
WHERE tenant = $2 AND webhook = $3 AND document = $4 AND version = $5 AND NOT sealed

-- name: delete_webhook
UPDATE webhook SET deleted = $3 WHERE tenant = $1 AND id = $2 AND deleted IS NULL

-- name: save_secret
INSERT INTO secret (tenant, id, name, document) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, document = excluded.document

-- name: delete_secret
DELETE FROM secret WHERE tenant = $1 AND id = $2

-- name: save_key
INSERT INTO api_key (tenant, id, document) VALUES ($1, $2, $3)
ON CONFLICT (tenant, id) DO UPDATE SET document = excluded.document

-- name: delete_key
DELETE FROM api_key WHERE tenant = $1 AND id = $2

-- name: data_keys
SELECT number, wrapped FROM data_key

-- name: add_data_key
INSERT INTO data_key (number, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING
