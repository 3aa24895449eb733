-- name: tenants
SELECT id FROM tenant ORDER BY id

-- name: tenant
SELECT document, version FROM tenant WHERE id = ?

-- name: webhooks
SELECT document FROM webhook WHERE tenant = ? AND deleted IS NULL

-- name: secrets
SELECT document FROM secret WHERE tenant = ?

-- name: keys
SELECT document FROM api_key WHERE tenant = ?

-- name: insert_tenant
INSERT INTO tenant (id, api_key, document, number)
VALUES (?, ?, ?, (SELECT coalesce(max(number), 0) + 1 FROM tenant))

-- name: insert_first
INSERT INTO tenant (id, api_key, document, number) SELECT ?1, ?2, ?3, 1 WHERE NOT EXISTS (SELECT 1 FROM tenant)

-- name: save_tenant
UPDATE tenant SET document = ? WHERE id = ?

-- name: raise_version
UPDATE tenant SET version = version + 1 WHERE id = ?

-- name: save_webhook
INSERT INTO webhook (id, tenant, name, secret, active, document, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret = excluded.secret, active = excluded.active,
    document = excluded.document, sealed = excluded.sealed

-- name: keep_webhook
INSERT INTO webhook_past (webhook, version, tenant, document, sealed)
SELECT ?2, t.version, t.id, ?3, ?4 FROM tenant t WHERE t.id = ?1

-- name: unsealed
SELECT tenant, id, NULL, document FROM webhook INDEXED BY webhook_unsealed WHERE sealed = 0 LIMIT ?

-- name: unsealed_past
SELECT tenant, webhook, version, document FROM webhook_past INDEXED BY webhook_past_unsealed
WHERE sealed = 0 AND document IS NOT NULL LIMIT ?

-- name: seal
UPDATE webhook SET document = ?1, sealed = 1 WHERE id = ?2 AND document = ?3 AND sealed = 0

-- name: seal_past
UPDATE webhook_past SET document = ?1, sealed = 1 WHERE webhook = ?2 AND version = ?4 AND document = ?3 AND sealed = 0

-- name: owe_wiping
INSERT INTO unwiped (place) VALUES (1) ON CONFLICT DO NOTHING

-- name: owes_wiping
SELECT 1 FROM unwiped

-- name: wiped
DELETE FROM unwiped

-- name: delete_webhook
UPDATE webhook SET deleted = ? WHERE tenant = ? AND id = ? AND deleted IS NULL

-- name: save_secret
INSERT INTO secret (id, tenant, name, document) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, document = excluded.document

-- name: delete_secret
DELETE FROM secret WHERE tenant = ? AND id = ?

-- name: save_key
INSERT INTO api_key (id, tenant, document) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET document = excluded.document

-- name: delete_key
DELETE FROM api_key WHERE tenant = ? AND id = ?

-- name: data_keys
SELECT number, wrapped FROM data_key

-- name: add_data_key
INSERT INTO data_key (number, wrapped) VALUES (?, ?) ON CONFLICT DO NOTHING
