//! Accounts, made and changed in the store itself.
//!
//! A running server need not be told: it believes what it has read of an account for ten seconds
//! at most. Two administrators who change one account in the same moment may undo each other.

use sip::digest::{self, Algorithm};
use store::{
    Account, CommitError, Credentials, Cursor, Fence, OpenError, PAGE_ROWS_MAX, Store, Trouble,
    Write,
};

/// The longest name of a user, in characters. It stands in every address.
const NAME_MAX: usize = 64;

/// The longest password, in bytes. The longest that people use are sentences.
const PASSWORD_MAX: usize = 256;

/// A user to be.
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    /// The part of the address before the `@`.
    pub name: &'a str,
    /// The password, which is not stored: only its digests are.
    pub password: &'a str,
    /// The name shown to people.
    pub display: Option<&'a str>,
}

/// Why an account was not read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The name cannot be part of an address as it is.
    #[error("\"{0}\" is no name for a user: take 1 to {NAME_MAX} letters, digits and - _ . +")]
    Name(String),
    /// Nobody could type it.
    #[error("a password has 1 to {PASSWORD_MAX} bytes and no control characters")]
    Password,
    /// The name shown is too long, or would break a line.
    #[error(
        "a name to show has at most {} bytes and no control characters",
        store::TEXT_BYTES_MAX
    )]
    Display,
    /// There is such a user already or, to be changed, none; or the store is in trouble.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store cannot be opened for reading.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] Trouble),
}

/// Makes an account in `domain`. `now_ms` is in milliseconds since 1970.
///
/// # Errors
///
/// [`AdminError`]: for what is wrong with the user, or [`CommitError::AccountExists`].
pub fn add_user(
    store: &mut Store,
    domain: &str,
    user: NewUser<'_>,
    now_ms: i64,
) -> Result<(), AdminError> {
    add_users(store, domain, [user], now_ms)
}

/// Makes many accounts in `domain` at one go, or none of them: at most [`store::UNIT_WRITES_MAX`].
///
/// # Errors
///
/// As for [`add_user`], about the first user who cannot be.
pub fn add_users<'a>(
    store: &mut Store,
    domain: &str,
    users: impl IntoIterator<Item = NewUser<'a>>,
    now_ms: i64,
) -> Result<(), AdminError> {
    let writes = users
        .into_iter()
        .map(|user| account(domain, user, now_ms).map(Write::AddAccount));
    let writes = writes.collect::<Result<Vec<_>, _>>()?;
    Ok(store.commit(&writes, Fence::Unfenced)?)
}

/// The account of a user to be.
fn account(domain: &str, user: NewUser<'_>, now_ms: i64) -> Result<Account, AdminError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if !(1..=NAME_MAX).contains(&user.name.len()) || !user.name.chars().all(allowed) {
        return Err(AdminError::Name(user.name.to_owned()));
    }
    let shows =
        |text: &str| text.len() <= store::TEXT_BYTES_MAX && !text.chars().any(char::is_control);
    if !user.display.is_none_or(shows) {
        return Err(AdminError::Display);
    }
    Ok(Account {
        name: user.name.to_owned(),
        domain: domain.to_owned(),
        display_name: user.display.map(str::to_owned),
        msisdn: None,
        credentials: credentials(user.name, domain, user.password)?,
        enabled: true,
        created_at_ms: now_ms,
    })
}

/// The accounts of a domain, by name.
///
/// # Errors
///
/// The store's trouble.
pub fn users(store: &Store, domain: &str) -> Result<Vec<Account>, AdminError> {
    let reader = store.reader()?;
    let mut found = Vec::new();
    let mut next = Some(Cursor::START);
    while let Some(after) = next {
        let page = reader.accounts(&after, PAGE_ROWS_MAX)?;
        found.extend(
            page.rows
                .into_iter()
                .filter(|account| account.domain == domain),
        );
        next = page.next;
    }
    Ok(found)
}

/// Removes an account. A device that is logged in stays reachable until its registration lapses.
///
/// # Errors
///
/// [`CommitError::NoSuchAccount`], or the store's trouble.
pub fn remove_user(store: &mut Store, domain: &str, name: &str) -> Result<(), AdminError> {
    let (name, domain) = (name.to_owned(), domain.to_owned());
    commit(store, Write::RemoveAccount { name, domain })
}

/// Gives a user another password.
///
/// # Errors
///
/// [`AdminError::Password`], [`CommitError::NoSuchAccount`], or the store's trouble.
pub fn set_password(
    store: &mut Store,
    domain: &str,
    name: &str,
    password: &str,
) -> Result<(), AdminError> {
    let credentials = credentials(name, domain, password)?;
    change(store, domain, name, |account| {
        account.credentials = credentials;
    })
}

/// Lets a user log in or not. Who is logged in stays so until the registration lapses.
///
/// # Errors
///
/// [`CommitError::NoSuchAccount`], or the store's trouble.
pub fn enable_user(
    store: &mut Store,
    domain: &str,
    name: &str,
    enabled: bool,
) -> Result<(), AdminError> {
    change(store, domain, name, |account| {
        account.enabled = enabled;
    })
}

fn credentials(name: &str, domain: &str, password: &str) -> Result<Credentials, AdminError> {
    if !(1..=PASSWORD_MAX).contains(&password.len()) || password.chars().any(char::is_control) {
        return Err(AdminError::Password);
    }
    let ha1 = |algorithm| Some(digest::ha1(name, domain, password, algorithm));
    Ok(Credentials {
        ha1_md5: ha1(Algorithm::Md5),
        ha1_sha256: ha1(Algorithm::Sha256),
        imps_secret: None,
    })
}

fn change(
    store: &mut Store,
    domain: &str,
    name: &str,
    change: impl FnOnce(&mut Account),
) -> Result<(), AdminError> {
    let found = store.reader()?.account(name, domain)?;
    let mut account = found.ok_or_else(|| CommitError::NoSuchAccount {
        name: name.to_owned(),
        domain: domain.to_owned(),
    })?;
    change(&mut account);
    commit(store, Write::ChangeAccount(account))
}

/// Accounts need no fence: no procedure of a server depends on who else may write them.
fn commit(store: &mut Store, write: Write) -> Result<(), AdminError> {
    Ok(store.commit(&[write], Fence::Unfenced)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: NewUser<'_> = NewUser {
        name: "alice",
        password: "password",
        display: Some("Alice"),
    };

    fn names(store: &Store) -> Vec<(String, bool)> {
        let users = users(store, "localhost").unwrap();
        users
            .into_iter()
            .map(|user| (user.name, user.enabled))
            .collect()
    }

    #[test]
    fn a_user_comes_changes_and_goes() {
        let mut store = Store::memory();
        add_user(&mut store, "localhost", ALICE, 7).unwrap();
        let bob = NewUser {
            name: "bob",
            ..ALICE
        };
        add_user(&mut store, "localhost", bob, 8).unwrap();
        add_user(&mut store, "example.org", bob, 9).unwrap();
        assert_eq!(
            names(&store),
            [("alice".to_owned(), true), ("bob".to_owned(), true)]
        );

        let before = users(&store, "localhost").unwrap().remove(0);
        assert_eq!(
            (before.created_at_ms, before.display_name.as_deref()),
            (7, Some("Alice"))
        );
        // The digests of RFC 7616: computed with md5sum and sha256sum.
        let credentials = &before.credentials;
        assert_eq!(
            credentials.ha1_md5.as_deref(),
            Some("57886c71adca51b405c63f6d62a9b3f6")
        );
        assert_eq!(
            credentials.ha1_sha256.as_deref(),
            Some("663970d2a0d91e5b79f3cfdb235af4a716cd440baa4d4061e3e73edfa40334ec")
        );

        set_password(&mut store, "localhost", "alice", "other").unwrap();
        enable_user(&mut store, "localhost", "alice", false).unwrap();
        assert_eq!(names(&store)[0], ("alice".to_owned(), false));
        let after = users(&store, "localhost").unwrap().remove(0);
        assert_ne!(after.credentials, before.credentials);
        enable_user(&mut store, "localhost", "alice", true).unwrap();

        remove_user(&mut store, "localhost", "alice").unwrap();
        assert_eq!(names(&store), [("bob".to_owned(), true)]);
    }

    #[test]
    fn many_come_together_or_not_at_all() {
        let mut store = Store::memory();
        let named = |name| NewUser { name, ..ALICE };
        let three = ["alice", "bob", "carol"].map(named);
        add_users(&mut store, "localhost", three, 7).unwrap();
        assert_eq!(names(&store).len(), 3);
        for wrong in ["carol", "d d"] {
            let error = add_users(&mut store, "localhost", ["dave", wrong].map(named), 8);
            assert!(error.unwrap_err().to_string().contains(wrong));
            assert_eq!(names(&store).len(), 3);
        }
    }

    #[test]
    fn refusals_say_why() {
        let mut store = Store::memory();
        add_user(&mut store, "localhost", ALICE, 0).unwrap();
        let long = "x".repeat(2000);
        #[rustfmt::skip]
        let rows = [
            (ALICE, "the account alice@localhost exists already"),
            (NewUser { name: "", ..ALICE }, "\"\" is no name for a user"),
            (NewUser { name: "a b", ..ALICE }, "\"a b\" is no name for a user"),
            (NewUser { name: "bob@x", ..ALICE }, "\"bob@x\" is no name for a user"),
            (NewUser { name: &long, ..ALICE }, "is no name for a user"),
            (NewUser { name: "bob", password: "", ..ALICE }, "a password has 1 to 256 bytes"),
            (NewUser { name: "bob", password: "a\n", ..ALICE }, "no control characters"),
            (NewUser { name: "bob", password: &long, ..ALICE }, "a password has 1 to 256 bytes"),
            (NewUser { name: "bob", display: Some("a\r\nb"), ..ALICE }, "a name to show has at most"),
            (NewUser { name: "bob", display: Some(&long), ..ALICE }, "a name to show has at most 1024 bytes"),
        ];
        for (user, why) in rows {
            let error = add_user(&mut store, "localhost", user, 0)
                .unwrap_err()
                .to_string();
            assert!(error.contains(why), "{error}");
        }
        let nobody = [
            set_password(&mut store, "localhost", "bob", "password"),
            enable_user(&mut store, "localhost", "bob", true),
            remove_user(&mut store, "localhost", "bob"),
        ];
        for result in nobody {
            let error = result.unwrap_err().to_string();
            assert!(
                error.starts_with("there is no account bob@localhost"),
                "{error}"
            );
        }
        assert_eq!(names(&store).len(), 1);
    }
}
