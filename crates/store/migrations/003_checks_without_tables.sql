-- To check `x IN (...)` of three words or more SQLite makes a table of them, anew for each row that
-- is written. `OR` needs none.
CREATE TABLE room_new (
    identity      TEXT    NOT NULL PRIMARY KEY,
    partition     INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 1023),
    kind          TEXT    NOT NULL CHECK (kind = 'ad-hoc' OR kind = 'group' OR kind = 'public'),
    group_uri     TEXT,
    host          TEXT    NOT NULL,
    subject       TEXT,
    created_at_ms INTEGER NOT NULL,
    closed_at_ms  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE member_new (
    room          TEXT    NOT NULL REFERENCES room_new (identity) ON DELETE CASCADE,
    address       TEXT    NOT NULL,
    display       TEXT,
    role          TEXT    NOT NULL CHECK (role IN ('guest', 'host')),
    hidden        INTEGER NOT NULL CHECK (hidden IN (0, 1)),
    state         TEXT    NOT NULL CHECK (state = 'invited' OR state = 'joined'
                                       OR state = 'left' OR state = 'removed'),
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (room, address)
) STRICT, WITHOUT ROWID;

INSERT INTO room_new SELECT * FROM room;
INSERT INTO member_new SELECT * FROM member;

-- The members first: with a room they would go too.
DROP TABLE member;
DROP TABLE room;
ALTER TABLE room_new RENAME TO room;
ALTER TABLE member_new RENAME TO member;

CREATE INDEX room_open ON room (identity) WHERE closed_at_ms IS NULL;

-- For the purge.
CREATE INDEX room_closed ON room (closed_at_ms, identity) WHERE closed_at_ms IS NOT NULL;

-- For "which rooms is this person in".
CREATE INDEX member_rooms ON member (address, room);
