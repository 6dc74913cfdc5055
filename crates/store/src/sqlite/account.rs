//! Accounts and their credentials.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{Account, CommitError, Credentials, Cursor};

const ADD: &str = "
    INSERT INTO account (domain, name, display_name, enabled, created_at_ms, msisdn)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const CHANGE: &str = "
    UPDATE account SET display_name = ?3, enabled = ?4, created_at_ms = ?5, msisdn = ?6
    WHERE domain = ?1 AND name = ?2";

const IS_THERE: &str = "SELECT 1 FROM account WHERE domain = ?1 AND name = ?2";

pub(super) const NUMBER_TAKEN: &str = "
    SELECT 1 FROM account WHERE domain = ?1 AND msisdn = ?2 AND name <> ?3";

const REMOVE: &str = "DELETE FROM account WHERE domain = ?1 AND name = ?2";

const FORGET_CREDENTIALS: &str = "DELETE FROM credential WHERE domain = ?1 AND name = ?2";

const ADD_CREDENTIAL: &str = "
    INSERT INTO credential (domain, name, algorithm, value) VALUES (?1, ?2, ?3, ?4)";

// One statement and not two: a reader between two commits must not see half of each.
const SELECT: &str = "
    SELECT name, domain, display_name, msisdn, enabled, created_at_ms,
        (SELECT value FROM credential AS c WHERE c.domain = account.domain
            AND c.name = account.name AND c.algorithm = 'MD5') AS md5,
        (SELECT value FROM credential AS c WHERE c.domain = account.domain
            AND c.name = account.name AND c.algorithm = 'SHA-256') AS sha256,
        (SELECT value FROM credential AS c WHERE c.domain = account.domain
            AND c.name = account.name AND c.algorithm = 'IMPS') AS imps
    FROM account";

pub(super) fn add(db: &Connection, account: &Account) -> Result<(), CommitError> {
    if is_there(db, account)? {
        return Err(CommitError::AccountExists {
            name: account.name.clone(),
            domain: account.domain.clone(),
        });
    }
    check_number(db, account)?;
    write_row(db, ADD, account)?;
    Ok(write_credentials(db, account)?)
}

pub(super) fn change(db: &Connection, account: &Account) -> Result<(), CommitError> {
    if !is_there(db, account)? {
        return Err(no_such(&account.name, &account.domain));
    }
    check_number(db, account)?;
    write_row(db, CHANGE, account)?;
    db.prepare_cached(FORGET_CREDENTIALS)?
        .execute([&account.domain, &account.name])?;
    Ok(write_credentials(db, account)?)
}

pub(super) fn remove(db: &Connection, name: &str, domain: &str) -> Result<(), CommitError> {
    match db.prepare_cached(REMOVE)?.execute([domain, name])? {
        0 => Err(no_such(name, domain)),
        _ => Ok(()),
    }
}

pub(super) fn find(db: &Connection, name: &str, domain: &str) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached(&format!("{SELECT} WHERE domain = ?1 AND name = ?2"))?
        .query_row([domain, name], read)
        .optional()
}

pub(super) fn find_by_msisdn(
    db: &Connection,
    msisdn: &str,
    domain: &str,
) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached(&format!("{SELECT} WHERE domain = ?1 AND msisdn = ?2"))?
        .query_row([domain, msisdn], read)
        .optional()
}

pub(super) fn list(db: &Connection, after: &Cursor, rows: u32) -> rusqlite::Result<Vec<Account>> {
    db.prepare_cached(&format!(
        "{SELECT} WHERE (domain, name) > (?1, ?2) ORDER BY domain, name LIMIT ?3"
    ))?
    .query_map(params![after.first, after.second, rows], read)?
    .collect()
}

fn is_there(db: &Connection, account: &Account) -> rusqlite::Result<bool> {
    db.prepare_cached(IS_THERE)?
        .exists([&account.domain, &account.name])
}

/// Whether the account may have its telephone number. The index would refuse it too, but does
/// not say so in a way that tells it from other mistakes.
fn check_number(db: &Connection, account: &Account) -> Result<(), CommitError> {
    let Some(msisdn) = &account.msisdn else {
        return Ok(());
    };
    if db
        .prepare_cached(NUMBER_TAKEN)?
        .exists([&account.domain, msisdn, &account.name])?
    {
        return Err(CommitError::NumberTaken {
            msisdn: msisdn.clone(),
            domain: account.domain.clone(),
        });
    }
    Ok(())
}

/// Runs a statement that takes the columns of an account.
fn write_row(db: &Connection, statement: &str, account: &Account) -> rusqlite::Result<()> {
    db.prepare_cached(statement)?.execute(params![
        account.domain,
        account.name,
        account.display_name,
        account.enabled,
        account.created_at_ms,
        account.msisdn,
    ])?;
    Ok(())
}

fn write_credentials(db: &Connection, account: &Account) -> rusqlite::Result<()> {
    let credentials = &account.credentials;
    let rows = [
        ("MD5", credentials.ha1_md5.as_deref().map(str::as_bytes)),
        (
            "SHA-256",
            credentials.ha1_sha256.as_deref().map(str::as_bytes),
        ),
        ("IMPS", credentials.imps_secret.as_deref()),
    ];
    let mut add = db.prepare_cached(ADD_CREDENTIAL)?;
    for (algorithm, value) in rows {
        if let Some(value) = value {
            add.execute(params![account.domain, account.name, algorithm, value])?;
        }
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        name: row.get("name")?,
        domain: row.get("domain")?,
        display_name: row.get("display_name")?,
        msisdn: row.get("msisdn")?,
        credentials: Credentials {
            ha1_md5: row.get::<_, Option<Digest>>("md5")?.map(|digest| digest.0),
            ha1_sha256: row
                .get::<_, Option<Digest>>("sha256")?
                .map(|digest| digest.0),
            imps_secret: row.get("imps")?,
        },
        enabled: row.get("enabled")?,
        created_at_ms: row.get("created_at_ms")?,
    })
}

/// Hexadecimal digits in a column that holds bytes, since other credentials are bytes.
struct Digest(String);

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        let digits = str::from_utf8(bytes).map_err(FromSqlError::other)?;
        Ok(Self(digits.to_owned()))
    }
}

fn no_such(name: &str, domain: &str) -> CommitError {
    CommitError::NoSuchAccount {
        name: name.to_owned(),
        domain: domain.to_owned(),
    }
}
