-- Lists by several values (docs/adr/0016). Webhook and type together have an index of their own. Whatever is asked for
-- beside a subject is compared in the subject's index, so a row is read when it is returned and not before.
-- Expressions, though the columns alone would do: only a query in the same words may use them, so the choice between
-- these indexes and those of one value is not left to estimates (docs/adr/0019).
CREATE INDEX queue_webhook_type ON queue (tenant, (webhook || ' ' || type), id);
DROP INDEX queue_subject;
CREATE INDEX queue_subject ON queue (tenant, subject, id, webhook, type) WHERE subject IS NOT NULL;
CREATE INDEX ledger_webhook_type ON ledger (tenant, (webhook || ' ' || type), line, delivery)
    WHERE line IN ('delivered', 'exhausted', 'cancelled');
DROP INDEX ledger_subject;
CREATE INDEX ledger_subject ON ledger (tenant, subject, line, delivery, (webhook || ''), (type || ''))
    WHERE line IN ('delivered', 'exhausted', 'cancelled') AND subject IS NOT NULL;
DROP INDEX event_subject;
CREATE INDEX event_subject ON event (tenant, subject, place, type) WHERE subject IS NOT NULL;
