-- Custom objects: records of a tenant about its users.
CREATE TABLE custom_object (
    tenant TEXT NOT NULL,
    uid TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    data BLOB NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (tenant, uid, name, id)
) STRICT;
