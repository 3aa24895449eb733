-- Every list reads the rows it returns and next to nothing else (docs/adr/0016).
DROP INDEX event_type;
DROP INDEX event_subject;
CREATE INDEX event_time ON event (tenant, accepted);
CREATE INDEX event_type ON event (tenant, type, accepted);
CREATE INDEX event_subject ON event (tenant, subject, accepted) WHERE subject IS NOT NULL;

-- Lists of what waits: unleased through indexes of their own, so that a delivery which is born leased and ends at once
-- costs none of them; leased by reading what the tenant has leased, which is bounded by what a process holds in memory.
CREATE INDEX queue_leased ON queue (tenant, id) WHERE lease IS NOT NULL;
CREATE INDEX queue_waiting ON queue (tenant, id) WHERE lease IS NULL;
CREATE INDEX queue_webhook ON queue (tenant, webhook, id) WHERE lease IS NULL;
CREATE INDEX queue_type ON queue (tenant, type, id) WHERE lease IS NULL;
CREATE INDEX queue_subject ON queue (tenant, subject, id) WHERE lease IS NULL AND subject IS NOT NULL;
-- Ids are UUIDv7 and begin with their instant. These are ahead of the instant their delivery was made by more than ten
-- seconds, because the clock was set back: hardly ever any.
CREATE INDEX queue_ahead ON queue (tenant, id)
    WHERE id > format('%08x-%04x', (created + 10000) >> 16, (created + 10000) & 65535);

-- Endings. A list of three values would be made into a table for each row that comes; lists of two are compared.
DROP INDEX ledger_ended;
DROP INDEX ledger_webhook;
CREATE INDEX ledger_line ON ledger (tenant, line, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL;
CREATE INDEX ledger_webhook ON ledger (tenant, webhook, line, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL;
CREATE INDEX ledger_type ON ledger (tenant, type, line, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL;
CREATE INDEX ledger_subject ON ledger (tenant, subject, line, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL AND subject IS NOT NULL;
CREATE INDEX ledger_ahead ON ledger (tenant, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL
        AND delivery > format('%08x-%04x', (created + 10000) >> 16, (created + 10000) & 65535);
