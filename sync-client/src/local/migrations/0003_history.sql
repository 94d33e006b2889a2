-- The checkpoints that were merged and may still be in the store; `known` is JSON without anything that a record says.

CREATE TABLE checkpoints (
    space TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    known TEXT NOT NULL,
    PRIMARY KEY (space, checkpoint)
) STRICT;

-- What a person should be told, and when it was last noticed.
CREATE TABLE notices (
    space TEXT NOT NULL,
    kind TEXT NOT NULL,
    noticed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (space, kind)
) STRICT, WITHOUT ROWID;
