-- What was found when a space was last looked through as a whole, so that a sync that brings nothing new reads no change. It is
-- forgotten in the transaction that writes or removes a change, or removes a content.
CREATE TABLE looked (
    space TEXT PRIMARY KEY NOT NULL,
    conflicts INTEGER NOT NULL,
    kinds TEXT NOT NULL
) STRICT, WITHOUT ROWID;
