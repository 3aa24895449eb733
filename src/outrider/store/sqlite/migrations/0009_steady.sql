-- Steady time (docs/adr/0032): one moment on both clocks, as of the last heartbeat. Until the first one there is none, and
-- steady time is wall time, in which everything was due before.
CREATE TABLE clock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    steady INTEGER NOT NULL,
    wall INTEGER NOT NULL
) STRICT;

-- What is quarantined is never due (docs/adr/0033): hardly ever any.
CREATE INDEX queue_quarantined ON queue (tenant, id) WHERE due = 253402300799999;
