-- When the oldest event owed was accepted is told by ids, which begin with their instant, but for deliveries of events
-- that were stored already: resent ones, and those of jobs (docs/adr/0031).
CREATE INDEX queue_again ON queue (event_accepted) WHERE origin IS NOT NULL;
