-- What this device keeps for itself and sends to nobody: logins of services and how far they were read. All of it is sealed; the
-- name says whose it is, and nothing of what.
CREATE TABLE private (
    name TEXT PRIMARY KEY NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
