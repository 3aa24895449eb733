-- Every table but `node` and `data_key` is keyed by tenant first, so that it distributes by tenant.
-- Instants are milliseconds since the epoch; texts compare by their bytes. Ids of deliveries are UUIDv7, so they begin
-- with the instant they were made. The place of an event is the instant it was accepted, times 2^20, and a number that
-- tells those of one instant apart.

CREATE SEQUENCE event_place;
CREATE SEQUENCE queue_place;
CREATE SEQUENCE ledger_place;

-- The database's own clock: leases must not depend on the clocks of nodes.
CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE
    RETURN (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- What every UUIDv7 made at this instant or later is greater than, and no earlier one.
CREATE FUNCTION first_id(at bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN overlay(lpad(to_hex(greatest(at, 0)), 12, '0') PLACING '-' FROM 9 FOR 0);

-- `dispatches`: takes part in sending. `about` describes the process (JSON).
CREATE TABLE node (
    incarnation text COLLATE "C" PRIMARY KEY,
    seen bigint NOT NULL,
    dispatches boolean NOT NULL,
    about text NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE data_key (number integer PRIMARY KEY, wrapped text NOT NULL);

-- `changed` is the instant of the last change by the database's clock, for nodes that follow changes.
CREATE TABLE tenant (
    id text COLLATE "C" PRIMARY KEY,
    api_key text COLLATE "C" NOT NULL UNIQUE,
    version bigint NOT NULL DEFAULT 1,
    changed bigint NOT NULL DEFAULT now_ms(),
    document bytea NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX tenant_changed ON tenant (changed);

CREATE TABLE webhook (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL,
    deleted bigint,
    document bytea NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX webhook_deleted ON webhook (tenant, id) WHERE deleted IS NOT NULL;

-- Every webhook as it was from each version of the configuration on; without a document it was deleted.
CREATE TABLE webhook_past (
    tenant text COLLATE "C" NOT NULL,
    webhook text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    document bytea,
    PRIMARY KEY (tenant, webhook, version)
);

CREATE TABLE secret (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE api_key (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Where an event is stored, and the keyed digest that tells a repeat. Not partitioned: ids are unique over all days.
CREATE TABLE event_id (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    place bigint NOT NULL,
    accepted bigint NOT NULL,
    fingerprint bytea NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX event_id_accepted ON event_id USING brin (accepted);

CREATE TABLE event (
    tenant text COLLATE "C" NOT NULL,
    place bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    operation text COLLATE "C",
    time bigint NOT NULL,
    accepted bigint NOT NULL,
    body bytea NOT NULL,
    fingerprint bytea NOT NULL,
    book bigint NOT NULL,
    PRIMARY KEY (tenant, place)
) PARTITION BY RANGE (place);
CREATE INDEX event_type ON event (tenant, type, place);
CREATE INDEX event_subject ON event (tenant, subject, place) WHERE subject IS NOT NULL;
-- What no day's partition takes: clocks that are far off.
CREATE TABLE event_default PARTITION OF event DEFAULT;

-- Deliveries still owed; a row leaves when the delivery ends. `lease` is the incarnation that holds it. A row that is
-- `held` waits for those of its webhook and `order_key` with a lower `place`. The event's place and day find its body.
CREATE TABLE queue (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    webhook text COLLATE "C" NOT NULL,
    event text COLLATE "C" NOT NULL,
    event_place bigint NOT NULL,
    event_accepted bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    attempts integer NOT NULL,
    created bigint NOT NULL,
    due bigint NOT NULL,
    order_key text COLLATE "C",
    origin text COLLATE "C",
    lease text COLLATE "C",
    held boolean NOT NULL,
    status integer,
    reason text,
    place bigint NOT NULL DEFAULT nextval('queue_place'),
    PRIMARY KEY (tenant, id)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.2,
    autovacuum_analyze_threshold = 5000
);
CREATE INDEX queue_claim ON queue (tenant, webhook, due, id) WHERE lease IS NULL AND NOT held;
CREATE INDEX queue_order ON queue (tenant, webhook, order_key, place) WHERE order_key IS NOT NULL;
CREATE INDEX queue_event ON queue (tenant, event, id);
-- A delivery that is born leased and ends at once costs none of the indexes of lists: those hold what waits unleased,
-- and what is leased is bounded by what processes hold in memory.
CREATE INDEX queue_lease ON queue (tenant, lease, id) WHERE lease IS NOT NULL;
CREATE INDEX queue_webhook ON queue (tenant, webhook, id) WHERE lease IS NULL;
CREATE INDEX queue_type ON queue (tenant, type, id) WHERE lease IS NULL;
CREATE INDEX queue_subject ON queue (tenant, subject, id) WHERE lease IS NULL AND subject IS NOT NULL;
-- Deliveries whose id is ahead of the instant they were made, because a clock was set back: hardly ever any.
CREATE INDEX queue_ahead ON queue (tenant, id) WHERE id > first_id(created + 10000);

-- What happened, append only: one line for each skip, attempt and ending. A day's partition holds the lines of the
-- deliveries made that day, so that a list of deliveries, which is in the order of ids, reads one day after the other.
-- A skip has no delivery: `first_id` of its instant stands there.
CREATE TABLE ledger (
    tenant text COLLATE "C" NOT NULL,
    place bigint NOT NULL DEFAULT nextval('ledger_place'),
    at bigint NOT NULL,
    line text COLLATE "C" NOT NULL,
    event text COLLATE "C" NOT NULL,
    reason text,
    detail text,
    delivery text COLLATE "C" NOT NULL,
    webhook text COLLATE "C",
    webhook_name text,
    type text COLLATE "C",
    subject text COLLATE "C",
    created bigint,
    origin text COLLATE "C",
    attempts integer,
    status integer,
    attempt bytea
) PARTITION BY RANGE (delivery);
-- `place > 0` always holds, and only a query that says so may use this index: a list with a filter would otherwise be
-- read through it, line by line, whenever the planner takes the filter for a common one.
CREATE INDEX ledger_line ON ledger (tenant, line, delivery) WHERE place > 0;
CREATE INDEX ledger_event ON ledger (tenant, event, line, delivery);
CREATE INDEX ledger_webhook ON ledger (tenant, webhook, line, delivery)
    WHERE line IN ('delivered', 'exhausted', 'cancelled');
CREATE INDEX ledger_type ON ledger (tenant, type, line, delivery)
    WHERE line IN ('delivered', 'exhausted', 'cancelled');
CREATE INDEX ledger_subject ON ledger (tenant, subject, line, delivery)
    WHERE line IN ('delivered', 'exhausted', 'cancelled') AND subject IS NOT NULL;
CREATE INDEX ledger_exhausted ON ledger (tenant, webhook, place) WHERE line = 'exhausted';
CREATE INDEX ledger_ahead ON ledger (tenant, delivery)
    WHERE created IS NOT NULL AND delivery > first_id(created + 10000);
CREATE TABLE ledger_default PARTITION OF ledger DEFAULT;

CREATE FUNCTION ledger_lines_stay() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'ledger lines are never changed'; END $$;
CREATE TRIGGER ledger_lines_stay BEFORE UPDATE ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_lines_stay();

-- `node` wrote it last, at `changed` by the database's clock, for nodes that follow changes.
CREATE TABLE health (
    tenant text COLLATE "C" NOT NULL,
    webhook text COLLATE "C" NOT NULL,
    node text COLLATE "C" NOT NULL,
    changed bigint NOT NULL DEFAULT now_ms(),
    document bytea NOT NULL,
    PRIMARY KEY (tenant, webhook)
) WITH (fillfactor = 70);
CREATE INDEX health_changed ON health (changed);

CREATE TABLE job (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    state text NOT NULL,
    place bigint NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 50);
CREATE INDEX job_running ON job (id) WHERE state = 'running';

-- Custom objects: records of a tenant about its users.
CREATE TABLE custom_object (
    tenant text COLLATE "C" NOT NULL,
    uid text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    data bytea NOT NULL,
    created bigint NOT NULL,
    modified bigint NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (tenant, uid, name, id)
);

-- Makes the partitions of event and ledger for the day that begins at `day` (ms), unless they are there. It needs the
-- tables for itself for an instant: better to fail and be tried again than to make intake wait behind a long reader.
CREATE FUNCTION add_day(day bigint) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    suffix text := to_char(to_timestamp(day / 1000) AT TIME ZONE 'UTC', 'YYYYMMDD');
    next_day bigint := day + 86400000;
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['event', 'ledger'] LOOP
        IF to_regclass(parent || '_' || suffix) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || suffix, parent,
                    CASE parent WHEN 'event' THEN (day << 20)::text ELSE first_id(day) END,
                    CASE parent WHEN 'event' THEN (next_day << 20)::text ELSE first_id(next_day) END);
            EXCEPTION WHEN check_violation THEN
                NULL; -- rows of that day lie in the default partition already, and stay there
            END;
        END IF;
    END LOOP;
END $$;

-- Drops the partitions of event and ledger for a day, given as YYYYMMDD.
CREATE FUNCTION drop_day(day text) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['event', 'ledger'] LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || day);
    END LOOP;
END $$;
