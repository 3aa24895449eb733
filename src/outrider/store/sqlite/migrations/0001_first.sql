CREATE TABLE node (incarnation TEXT PRIMARY KEY, seen INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE data_key (number INTEGER PRIMARY KEY, wrapped TEXT NOT NULL) STRICT;

CREATE TABLE tenant (
    id TEXT PRIMARY KEY,
    api_key TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL DEFAULT 1,
    document BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    secret TEXT NOT NULL,
    active INTEGER NOT NULL,
    deleted INTEGER,
    document BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_by_tenant ON webhook (tenant) WHERE deleted IS NULL;
CREATE INDEX webhook_deleted ON webhook (id) WHERE deleted IS NOT NULL;
-- LoginRadius' API does not require a name, so "" may repeat.
CREATE UNIQUE INDEX webhook_name ON webhook (tenant, lower(name)) WHERE deleted IS NULL AND name <> '';

CREATE TABLE secret (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX secret_name ON secret (tenant, lower(name));

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenant (id),
    document BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_by_tenant ON api_key (tenant);

CREATE TABLE event (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT,
    operation TEXT,
    time INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    body BLOB NOT NULL,
    fingerprint BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_id ON event (tenant, id);
CREATE INDEX event_type ON event (tenant, type, place);
CREATE INDEX event_subject ON event (tenant, subject, place) WHERE subject IS NOT NULL;

-- Deliveries still owed; a row leaves when the delivery ends. `lease` is the incarnation that holds it.
CREATE TABLE queue (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    webhook TEXT NOT NULL,
    event TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,
    lease TEXT,
    status INTEGER,
    reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_claim ON queue (webhook, due, id) WHERE lease IS NULL;
CREATE INDEX queue_event ON queue (tenant, event);

-- What happened, append only: one line for each skip, attempt and ending.
CREATE TABLE ledger (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL,
    line TEXT NOT NULL,
    event TEXT NOT NULL,
    reason TEXT,
    detail TEXT,
    delivery TEXT,
    webhook TEXT,
    webhook_name TEXT,
    type TEXT,
    subject TEXT,
    created INTEGER,
    attempts INTEGER,
    status INTEGER,
    attempt BLOB
) STRICT;
CREATE INDEX ledger_delivery ON ledger (delivery, place) WHERE delivery IS NOT NULL;
CREATE INDEX ledger_event ON ledger (tenant, event, place);
CREATE INDEX ledger_ended ON ledger (tenant, delivery) WHERE line IN ('delivered', 'exhausted', 'cancelled');
CREATE INDEX ledger_webhook ON ledger (tenant, webhook, delivery)
    WHERE line IN ('delivered', 'exhausted', 'cancelled');

CREATE TRIGGER ledger_lines_stay BEFORE UPDATE ON ledger
BEGIN
    SELECT raise(ABORT, 'ledger lines are never changed');
END;
