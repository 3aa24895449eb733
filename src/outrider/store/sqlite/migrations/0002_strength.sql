-- Order: a row with `held` = 1 waits for the earlier rows of its webhook with its `order_key` to end.
ALTER TABLE queue ADD COLUMN order_key TEXT;
ALTER TABLE queue ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
-- The resend or job that made the delivery; NULL for the event itself.
ALTER TABLE queue ADD COLUMN origin TEXT;
ALTER TABLE ledger ADD COLUMN origin TEXT;
DROP INDEX queue_claim;
CREATE INDEX queue_claim ON queue (webhook, due, id) WHERE lease IS NULL AND held = 0;
CREATE INDEX queue_order ON queue (webhook, order_key, id) WHERE order_key IS NOT NULL;

-- The version of the configuration an event was fanned out with, and every webhook as it was at each version.
ALTER TABLE event ADD COLUMN book INTEGER NOT NULL DEFAULT 0;
CREATE TABLE webhook_past (
    webhook TEXT NOT NULL,
    version INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    document BLOB,
    PRIMARY KEY (webhook, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_past_by_tenant ON webhook_past (tenant, webhook);
INSERT INTO webhook_past SELECT id, 0, tenant, document FROM webhook;
INSERT INTO webhook_past
    SELECT w.id, t.version, t.id, NULL FROM webhook w JOIN tenant t ON t.id = w.tenant WHERE w.deleted IS NOT NULL;

CREATE TABLE health (webhook TEXT PRIMARY KEY, tenant TEXT NOT NULL, document BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX health_by_tenant ON health (tenant);

CREATE TABLE job (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    state TEXT NOT NULL,
    place INTEGER NOT NULL,
    document BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX job_by_tenant ON job (tenant, id);
CREATE INDEX job_running ON job (id) WHERE state = 'running';

CREATE INDEX ledger_exhausted ON ledger (tenant, webhook, place) WHERE line = 'exhausted';
