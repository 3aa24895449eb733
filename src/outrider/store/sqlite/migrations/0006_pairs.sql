-- Lists by several values (docs/adr/0016). Webhook and type together have an index of their own. Whatever is asked for
-- beside a subject is compared in the subject's index, so a row is read when it is returned and not before.
CREATE INDEX queue_webhook_type ON queue (tenant, webhook, type, id);
DROP INDEX queue_subject;
DROP INDEX queue_leased;
CREATE INDEX queue_subject ON queue (tenant, subject, id, webhook, type, lease)
    WHERE lease IS NULL AND subject IS NOT NULL;
CREATE INDEX queue_leased ON queue (tenant, subject, id, webhook, type, lease) WHERE lease IS NOT NULL;
CREATE INDEX ledger_webhook_type ON ledger (tenant, webhook, type, line, delivery)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL;
DROP INDEX ledger_subject;
CREATE INDEX ledger_subject ON ledger (tenant, subject, line, delivery, webhook, type)
    WHERE line NOT IN ('attempted', 'deferred') AND delivery IS NOT NULL AND subject IS NOT NULL;
DROP INDEX event_subject;
CREATE INDEX event_subject ON event (tenant, subject, accepted, place, type) WHERE subject IS NOT NULL;
