-- Contents that lie as sealed files beside the database: a row stands for a file that was written and synced before it.
CREATE TABLE files (
    space TEXT NOT NULL,
    hmac TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (space, hmac)
) STRICT, WITHOUT ROWID;

-- What is known of such a file's bytes that may be sent to the store: their length and hashes, and how far an upload has come.
-- A file without a row here was in the store before, and is sealed anew before it is sent again.
CREATE TABLE uploads (
    space TEXT NOT NULL,
    hmac TEXT NOT NULL,
    length INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    began_at_ms INTEGER,
    upload_id TEXT,
    stored INTEGER NOT NULL,
    PRIMARY KEY (space, hmac)
) STRICT, WITHOUT ROWID;
