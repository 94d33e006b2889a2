-- The objects to which nothing refers, and since when, as this device saw it.
CREATE TABLE unreferenced (
    space TEXT NOT NULL,
    object TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (space, object)
) STRICT, WITHOUT ROWID;
