-- What each change supersedes (ids of 16 bytes, one behind the other), and whether it is a relocation: by this alone it is
-- decided which changes of a long history have to be read. NULL where nobody has noted it yet.
ALTER TABLE changes ADD COLUMN supersedes BLOB;
ALTER TABLE changes ADD COLUMN is_relocation INTEGER NOT NULL DEFAULT 0;
