-- Which listing entry a device's name was read from, so that a renamed device is read again; and when it last wrote.
ALTER TABLE devices ADD COLUMN mark TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN seen_at_ms INTEGER;
