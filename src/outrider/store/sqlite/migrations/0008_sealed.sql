-- Documents of webhooks are sealed (docs/adr/0036). Those of the version before are not, until the next start.
ALTER TABLE webhook ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhook_past ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX webhook_unsealed ON webhook (id) WHERE sealed = 0;
CREATE INDEX webhook_past_unsealed ON webhook_past (webhook, version)
    WHERE sealed = 0 AND document IS NOT NULL;
-- A row while pages of the file may still hold what was sealed since.
CREATE TABLE unwiped (place INTEGER PRIMARY KEY CHECK (place = 1)) STRICT;
