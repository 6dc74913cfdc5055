-- Text is compared byte by byte everywhere: keys arrive in the one form their owner gave them.
-- Times are milliseconds since 1970 (UTC).

-- Who may write what. A row appears when a node first takes the partitions.
CREATE TABLE partition (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id BETWEEN 0 AND 1023),
    epoch INTEGER NOT NULL CHECK (epoch > 0),
    node  TEXT    NOT NULL
) STRICT;

CREATE TABLE account (
    domain        TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    display_name  TEXT,
    enabled       INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (domain, name)
) STRICT, WITHOUT ROWID;

-- What proves that someone is the account's owner: one row per algorithm.
CREATE TABLE credential (
    domain    TEXT NOT NULL,
    name      TEXT NOT NULL,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('MD5', 'SHA-256', 'IMPS')),
    value     BLOB NOT NULL,
    PRIMARY KEY (domain, name, algorithm),
    FOREIGN KEY (domain, name) REFERENCES account (domain, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE binding (
    aor           TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    contact       TEXT    NOT NULL,
    params        TEXT    NOT NULL,
    path          TEXT    NOT NULL, -- one URI per line
    call_id       TEXT    NOT NULL,
    cseq          INTEGER NOT NULL,
    q             INTEGER NOT NULL CHECK (q BETWEEN 0 AND 1000),
    instance      TEXT,
    reg_id        INTEGER,
    node          TEXT    NOT NULL,
    flow          TEXT    NOT NULL,
    user_agent    TEXT,
    expires_at_ms INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (aor, key)
) STRICT, WITHOUT ROWID;

-- For the purge.
CREATE INDEX binding_expiry ON binding (expires_at_ms, aor, key);

CREATE TABLE room (
    identity      TEXT    NOT NULL PRIMARY KEY,
    partition     INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 1023),
    kind          TEXT    NOT NULL CHECK (kind IN ('ad-hoc', 'group', 'public')),
    group_uri     TEXT,
    host          TEXT    NOT NULL,
    subject       TEXT,
    created_at_ms INTEGER NOT NULL,
    closed_at_ms  INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX room_open ON room (identity) WHERE closed_at_ms IS NULL;

-- For the purge.
CREATE INDEX room_closed ON room (closed_at_ms, identity) WHERE closed_at_ms IS NOT NULL;

CREATE TABLE member (
    room          TEXT    NOT NULL REFERENCES room (identity) ON DELETE CASCADE,
    address       TEXT    NOT NULL,
    display       TEXT,
    role          TEXT    NOT NULL CHECK (role IN ('guest', 'host')),
    hidden        INTEGER NOT NULL CHECK (hidden IN (0, 1)),
    state         TEXT    NOT NULL CHECK (state IN ('invited', 'joined', 'left', 'removed')),
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (room, address)
) STRICT, WITHOUT ROWID;

-- For "which rooms is this person in".
CREATE INDEX member_rooms ON member (address, room);

CREATE TABLE secret (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
