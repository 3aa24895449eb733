-- What is leased is in the lists' indexes as well (docs/adr/0016), so a claim changes few of them. By subject, what is
-- leased has an index of its own: that of all that waits is as large as the queue, and subjects come in no order, so a
-- delivery that is born leased and ends at once would write a page of it twice. The same index finds the leases of the
-- dead.
DROP INDEX queue_leased;
DROP INDEX queue_waiting;
DROP INDEX queue_webhook;
DROP INDEX queue_type;
CREATE INDEX queue_list ON queue (tenant, id);
CREATE INDEX queue_webhook ON queue (tenant, webhook, id);
CREATE INDEX queue_type ON queue (tenant, type, id);
CREATE INDEX queue_leased ON queue (tenant, subject, id) WHERE lease IS NOT NULL;
