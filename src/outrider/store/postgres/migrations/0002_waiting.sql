-- What is leased is in the lists' indexes as well (docs/adr/0019). Processes of the version before read these as they
-- read theirs.
DROP INDEX queue_webhook;
DROP INDEX queue_type;
DROP INDEX queue_subject;
CREATE INDEX queue_webhook ON queue (tenant, webhook, id);
CREATE INDEX queue_type ON queue (tenant, type, id);
CREATE INDEX queue_subject ON queue (tenant, subject, id) WHERE subject IS NOT NULL;
