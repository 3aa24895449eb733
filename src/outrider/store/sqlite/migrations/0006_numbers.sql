-- Tenants have numbers in the three large tables (docs/adr/0024): the tenant begins nearly every index of theirs, and a
-- UUID was a third of an entry. The tables are written anew, which takes as long as reading them.
ALTER TABLE tenant ADD COLUMN number INTEGER;
UPDATE tenant SET number = (SELECT count(*) FROM tenant t WHERE t.id <= tenant.id);
CREATE UNIQUE INDEX tenant_number ON tenant (number);

CREATE TABLE numbered_event (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT,
    operation TEXT,
    time INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    body BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    book INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO numbered_event (place, tenant, id, type, subject, operation, time, accepted, body, fingerprint, book)
SELECT e.place, t.number, e.id, e.type, e.subject, e.operation, e.time, e.accepted, e.body, e.fingerprint, e.book
FROM event e LEFT JOIN tenant t ON t.id = e.tenant ORDER BY e.place;

CREATE TABLE numbered_queue (
    id TEXT PRIMARY KEY,
    tenant INTEGER NOT NULL,
    webhook TEXT NOT NULL,
    event TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,
    lease TEXT,
    status INTEGER,
    reason TEXT,
    order_key TEXT,
    held INTEGER NOT NULL DEFAULT 0,
    origin TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO numbered_queue (id, tenant, webhook, event, type, subject, attempts, created, due, lease, status, reason,
    order_key, held, origin)
SELECT q.id, t.number, q.webhook, q.event, q.type, q.subject, q.attempts, q.created, q.due, q.lease, q.status, q.reason,
    q.order_key, q.held, q.origin
FROM queue q LEFT JOIN tenant t ON t.id = q.tenant ORDER BY q.id;

CREATE TABLE numbered_ledger (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
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
    attempt BLOB,
    origin TEXT
) STRICT;
INSERT INTO numbered_ledger (place, tenant, at, line, event, reason, detail, delivery, webhook, webhook_name, type,
    subject, created, attempts, status, attempt, origin)
SELECT l.place, t.number, l.at, l.line, l.event, l.reason, l.detail, l.delivery, l.webhook, l.webhook_name, l.type,
    l.subject, l.created, l.attempts, l.status, l.attempt, l.origin
FROM ledger l LEFT JOIN tenant t ON t.id = l.tenant ORDER BY l.place;

-- Places that were given once are not given again.
DELETE FROM sqlite_sequence WHERE name IN ('numbered_event', 'numbered_ledger');
INSERT INTO sqlite_sequence (name, seq)
SELECT 'numbered_' || name, seq FROM sqlite_sequence WHERE name IN ('event', 'ledger');
DROP TABLE event;
DROP TABLE queue;
DROP TABLE ledger;
ALTER TABLE numbered_event RENAME TO event;
ALTER TABLE numbered_queue RENAME TO queue;
ALTER TABLE numbered_ledger RENAME TO ledger;

-- Lists by several values (docs/adr/0016): webhook and type together have indexes of their own. Whatever is asked for
-- beside a subject is compared in the subject's index, so a row is read when it is returned and not before.
CREATE UNIQUE INDEX event_id ON event (tenant, id);
CREATE INDEX event_time ON event (tenant, accepted);
CREATE INDEX event_type ON event (tenant, type, accepted);
CREATE INDEX event_subject ON event (tenant, subject, accepted, place, type) WHERE subject IS NOT NULL;
CREATE INDEX queue_event ON queue (tenant, event);
CREATE INDEX queue_claim ON queue (webhook, due, id) WHERE lease IS NULL AND held = 0;
CREATE INDEX queue_order ON queue (webhook, order_key, id) WHERE order_key IS NOT NULL;
CREATE INDEX queue_ahead ON queue (tenant, id)
    WHERE id > format('%08x-%04x', (created + 10000) >> 16, (created + 10000) & 65535);
CREATE INDEX queue_list ON queue (tenant, id);
CREATE INDEX queue_webhook ON queue (tenant, webhook, id);
CREATE INDEX queue_type ON queue (tenant, type, id);
CREATE INDEX queue_webhook_type ON queue (tenant, webhook, type, id);
CREATE INDEX queue_subject ON queue (tenant, subject, id, webhook, type, lease)
    WHERE lease IS NULL AND subject IS NOT NULL;
CREATE INDEX queue_leased ON queue (tenant, subject, id, webhook, type, lease) WHERE lease IS NOT NULL;
CREATE INDEX ledger_delivery ON ledger (delivery, place) WHERE delivery IS NOT NULL;
CREATE INDEX ledger_event ON ledger (tenant, event, place);
CREATE INDEX ledger_exhausted ON ledger (tenant, webhook, place) WHERE line = 'exhausted';
CREATE INDEX ledger_line ON ledger (tenant, line, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL;
CREATE INDEX ledger_webhook ON ledger (tenant, webhook, line, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL;
CREATE INDEX ledger_type ON ledger (tenant, type, line, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL;
CREATE INDEX ledger_ahead ON ledger (tenant, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL
        AND delivery > format('%08x-%04x', (created + 10000) >> 16, (created + 10000) & 65535);
CREATE INDEX ledger_webhook_type ON ledger (tenant, webhook, type, line, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL;
CREATE INDEX ledger_subject ON ledger (tenant, subject, line, delivery, webhook, type)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL AND subject IS NOT NULL;
CREATE TRIGGER ledger_lines_stay BEFORE UPDATE ON ledger
BEGIN
    SELECT raise(ABORT, 'ledger lines are never changed');
END;
