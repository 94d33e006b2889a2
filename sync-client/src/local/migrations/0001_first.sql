-- One row of a table for each row of the engine (sync-core, engine::persist). Columns named `sealed` hold envelopes under the
-- local-store key; nothing else here tells what a record says or is called.

CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    id TEXT PRIMARY KEY NOT NULL,
    blob BLOB NOT NULL,
    unsent INTEGER NOT NULL
) STRICT;

CREATE TABLE changes (
    space TEXT NOT NULL,
    cid TEXT NOT NULL,
    sealed BLOB NOT NULL,
    brought_by TEXT NOT NULL,
    PRIMARY KEY (space, cid)
) STRICT;

CREATE TABLE covered (
    space TEXT NOT NULL,
    device TEXT NOT NULL,
    chain TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (space, device, chain, seq, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE floors (
    space TEXT NOT NULL,
    device TEXT NOT NULL,
    chain TEXT NOT NULL,
    floor INTEGER NOT NULL,
    PRIMARY KEY (space, device, chain)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    space TEXT NOT NULL,
    cid TEXT NOT NULL,
    doubtful INTEGER NOT NULL,
    PRIMARY KEY (space, cid)
) STRICT, WITHOUT ROWID;

CREATE TABLE chains (
    space TEXT PRIMARY KEY NOT NULL,
    chain TEXT NOT NULL,
    seq INTEGER NOT NULL,
    prev TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE built (
    space TEXT PRIMARY KEY NOT NULL,
    segment TEXT NOT NULL,
    bytes BLOB NOT NULL,
    cids TEXT NOT NULL,
    built_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE contents (
    space TEXT NOT NULL,
    hmac TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (space, hmac)
) STRICT;

CREATE TABLE quarantined (
    space TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    retry_at_ms INTEGER NOT NULL,
    PRIMARY KEY (space, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE holes (
    space TEXT NOT NULL,
    segment TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (space, segment)
) STRICT, WITHOUT ROWID;

CREATE TABLE listed (
    space TEXT PRIMARY KEY NOT NULL,
    listed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    device TEXT PRIMARY KEY NOT NULL,
    sealed_name BLOB NOT NULL
) STRICT;
