-- The telephone number by which a trusted gateway names the owner: digits alone.
ALTER TABLE account ADD COLUMN msisdn TEXT;

CREATE UNIQUE INDEX account_msisdn ON account (domain, msisdn) WHERE msisdn IS NOT NULL;

-- A body may be large. Rows therefore lie outside the index of their key, which stays small.
CREATE TABLE document (
    collection    TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    owner         TEXT    NOT NULL,
    etag          TEXT    NOT NULL,
    body          BLOB    NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (collection, name)
) STRICT;

-- For "which of these are this person's".
CREATE INDEX document_owner ON document (collection, owner, name);

-- What was said to somebody who has not had it yet.
CREATE TABLE message (
    -- The order in which they came. No number is given twice: one that was read may be gone, and
    -- the next page begins behind it all the same.
    number        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    to_address    TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    from_address  TEXT    NOT NULL,
    display       TEXT,
    subject       TEXT,
    content_type  TEXT    NOT NULL,
    content       BLOB    NOT NULL,
    extra         BLOB    NOT NULL, -- what the face that took it wants back
    sent_at_ms    INTEGER NOT NULL,
    expires_at_ms INTEGER,
    report        INTEGER NOT NULL CHECK (report IN (0, 1)),
    UNIQUE (to_address, id)
) STRICT;

-- For "what waits for this person".
CREATE INDEX message_queue ON message (to_address, number);

-- For the purge.
CREATE INDEX message_expiry ON message (expires_at_ms, number) WHERE expires_at_ms IS NOT NULL;

-- Word for a sender of what became of a message.
CREATE TABLE delivery (
    to_address TEXT    NOT NULL, -- of the one to be told
    message    TEXT    NOT NULL, -- it may be gone from its table
    recipient  TEXT    NOT NULL,
    code       INTEGER NOT NULL CHECK (code BETWEEN 0 AND 65535),
    at_ms      INTEGER NOT NULL,
    extra      BLOB    NOT NULL,
    PRIMARY KEY (to_address, message, recipient)
) STRICT, WITHOUT ROWID;

-- For the purge.
CREATE INDEX delivery_age ON delivery (at_ms, to_address, message, recipient);
