-- Steady time (docs/adr/0032): one moment on both clocks, the wall clock being the database's. Until there is a row, steady
-- time is wall time, in which everything was due before. Nodes of the version before go on by their wall clocks.
CREATE TABLE clock (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    steady bigint NOT NULL,
    wall bigint NOT NULL
) WITH (fillfactor = 50);

-- What is quarantined is never due (docs/adr/0033): hardly ever any.
CREATE INDEX queue_quarantined ON queue (tenant, id) WHERE due = 253402300799999;
