-- Documents of webhooks are sealed (docs/adr/0036) once no process of the version before lives: it writes none.
ALTER TABLE webhook ADD COLUMN sealed boolean NOT NULL DEFAULT false;
ALTER TABLE webhook_past ADD COLUMN sealed boolean NOT NULL DEFAULT false;
CREATE INDEX webhook_unsealed ON webhook (tenant, id) WHERE NOT sealed;
CREATE INDEX webhook_past_unsealed ON webhook_past (tenant, webhook, version)
    WHERE NOT sealed AND document IS NOT NULL;
CREATE FUNCTION takes_sealed() RETURNS boolean LANGUAGE sql STABLE RETURN false;
