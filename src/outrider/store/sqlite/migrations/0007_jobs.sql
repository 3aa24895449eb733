-- Recovery jobs read the past in the order of its instants, whatever they select (docs/adr/0031).
DROP INDEX ledger_exhausted;
CREATE INDEX ledger_exhausted ON ledger (tenant, webhook, at) WHERE line = 'exhausted';
