//! Accounts, made and changed in the store itself.
//!
//! A running server need not be told: it believes what it has read of an account for ten seconds
//! at most. Two administrators who change one account in the same moment may undo each other.

use sip::digest::{self, Algorithm};
use store::{
    Account, CommitError, Credentials, Cursor, Fence, MSISDN_DIGITS_MAX, MSISDN_DIGITS_MIN,
    OpenError, PAGE_ROWS_MAX, Store, Trouble, Write,
};

use crate::Sealer;

/// The longest name of a user, in characters. It stands in every address.
const NAME_MAX: usize = 64;

/// The longest password, in bytes. The longest that people use are sentences.
const PASSWORD_MAX: usize = 256;

/// A user to be.
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    /// The part of the address before the `@`.
    pub name: &'a str,
    /// The password. Its digests are stored.
    pub password: &'a str,
    /// The name shown to people.
    pub display: Option<&'a str>,
    /// The telephone number by which a trusted gateway may name the user: its digits.
    pub msisdn: Option<&'a str>,
    /// Whether the user may log in over IMPS. The password is then stored, sealed.
    pub imps: bool,
}

/// Why an account was not read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The name cannot be part of an address as it is.
    #[error(
        "\"{0}\" is no name for a user or a group: take 1 to {NAME_MAX} letters, digits and - _ . +"
    )]
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
    /// A telephone number is not one.
    #[error(
        "a telephone number has {MSISDN_DIGITS_MIN} to {MSISDN_DIGITS_MAX} digits, a + before them is left out"
    )]
    Number,
    /// No such group.
    #[error("there is no group {0}")]
    NoGroup(String),
    /// A user or a group has the address.
    #[error("{0} is there already")]
    Taken(String),
    /// A document is not that of a group.
    #[error("the document of the group: {0}")]
    Document(#[source] xdm::Error),
    /// A document is that of another group.
    #[error("the document is that of {0}")]
    OtherGroup(String),
    /// Whom to block is not said in a way that can be understood.
    #[error(
        "\"{0}\" is nobody's address: take the name of a user, or an address such as sip:zoe@elsewhere.example"
    )]
    Whom(String),
    /// Whoever is to be unblocked is not blocked.
    #[error("{0} is not blocked")]
    NotBlocked(String),
    /// A block list would be too long.
    #[error("at most {} are blocked", crate::imps::blocks::LISTED_MAX)]
    TooManyBlocked,
    /// The lists of a user are no document, or would be none.
    #[error("the document of the lists: {0}")]
    Lists(#[source] xdm::Error),
    /// A user has no access rules.
    #[error("{0} has no access rules")]
    NoRules(String),
    /// A document is not one of access rules.
    #[error("the document of rules: {0}")]
    Rules(#[source] xdm::Error),
    /// A password is to be sealed, and there is no key.
    #[error("there is no key to seal the password with")]
    NoKey,
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

/// Makes an account in `domain`. `now_ms` is in milliseconds since 1970. Without a `sealer` no user
/// for IMPS can be made.
///
/// # Errors
///
/// [`AdminError`]: for what is wrong with the user, or [`CommitError::AccountExists`].
pub fn add_user(
    store: &mut Store,
    domain: &str,
    user: NewUser<'_>,
    sealer: Option<&mut Sealer>,
    now_ms: i64,
) -> Result<(), AdminError> {
    add_users(store, domain, [user], sealer, now_ms)
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
    mut sealer: Option<&mut Sealer>,
    now_ms: i64,
) -> Result<(), AdminError> {
    let writes = users.into_iter().map(|user| {
        let account = account(domain, user, sealer.as_deref_mut(), now_ms)?;
        Ok::<_, AdminError>(Write::AddAccount(account))
    });
    let writes = writes.collect::<Result<Vec<_>, _>>()?;
    let reader = store.reader()?;
    for write in &writes {
        if let Write::AddAccount(account) = write {
            let uri = format!("sip:{}@{domain}", account.name);
            if reader.document(xdm::shared_group::AUID, &uri)?.is_some() {
                return Err(AdminError::Taken(uri));
            }
        }
    }
    Ok(store.commit(&writes, Fence::Unfenced)?)
}

/// Whether a name can be part of an address as it is.
pub(super) fn check_name(name: &str) -> Result<(), AdminError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if !(1..=NAME_MAX).contains(&name.len()) || !name.chars().all(allowed) {
        return Err(AdminError::Name(name.to_owned()));
    }
    Ok(())
}

/// The account of a user to be.
fn account(
    domain: &str,
    user: NewUser<'_>,
    sealer: Option<&mut Sealer>,
    now_ms: i64,
) -> Result<Account, AdminError> {
    check_name(user.name)?;
    let shows =
        |text: &str| text.len() <= store::TEXT_BYTES_MAX && !text.chars().any(char::is_control);
    if !user.display.is_none_or(shows) {
        return Err(AdminError::Display);
    }
    Ok(Account {
        name: user.name.to_owned(),
        domain: domain.to_owned(),
        display_name: user.display.map(str::to_owned),
        msisdn: user.msisdn.map(number).transpose()?,
        credentials: credentials(user.name, domain, user.password, user.imps, sealer)?,
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

/// Gives a user another password. `imps`: whether the user may log in over IMPS from now on; as
/// before, if that is not said.
///
/// # Errors
///
/// [`AdminError::Password`], [`AdminError::NoKey`], [`CommitError::NoSuchAccount`], or the store's
/// trouble.
pub fn set_password(
    store: &mut Store,
    domain: &str,
    name: &str,
    password: &str,
    imps: Option<bool>,
    sealer: Option<&mut Sealer>,
) -> Result<(), AdminError> {
    change(store, domain, name, |account| {
        let imps = imps.unwrap_or(account.credentials.imps_secret.is_some());
        account.credentials = credentials(name, domain, password, imps, sealer)?;
        Ok(())
    })
}

/// Gives a user a telephone number, or takes it away.
///
/// # Errors
///
/// [`AdminError::Number`], [`CommitError::NoSuchAccount`], [`CommitError::NumberTaken`], or the
/// store's trouble.
pub fn set_number(
    store: &mut Store,
    domain: &str,
    name: &str,
    msisdn: Option<&str>,
) -> Result<(), AdminError> {
    let msisdn = msisdn.map(number).transpose()?;
    change(store, domain, name, |account| {
        account.msisdn = msisdn;
        Ok(())
    })
}

/// The digits of a telephone number.
fn number(text: &str) -> Result<String, AdminError> {
    let digits = text.trim().trim_start_matches('+');
    let is_number = (MSISDN_DIGITS_MIN..=MSISDN_DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit());
    is_number
        .then(|| digits.to_owned())
        .ok_or(AdminError::Number)
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
        Ok(())
    })
}

fn credentials(
    name: &str,
    domain: &str,
    password: &str,
    imps: bool,
    sealer: Option<&mut Sealer>,
) -> Result<Credentials, AdminError> {
    if !(1..=PASSWORD_MAX).contains(&password.len()) || password.chars().any(char::is_control) {
        return Err(AdminError::Password);
    }
    let ha1 = |algorithm| Some(digest::ha1(name, domain, password, algorithm));
    let imps_secret = match (imps, sealer) {
        (false, _) => None,
        (true, None) => return Err(AdminError::NoKey),
        (true, Some(sealer)) => sealer.seal(name, domain, password),
    };
    Ok(Credentials {
        ha1_md5: ha1(Algorithm::Md5),
        ha1_sha256: ha1(Algorithm::Sha256),
        imps_secret,
    })
}

fn change(
    store: &mut Store,
    domain: &str,
    name: &str,
    change: impl FnOnce(&mut Account) -> Result<(), AdminError>,
) -> Result<(), AdminError> {
    let found = store.reader()?.account(name, domain)?;
    let mut account = found.ok_or_else(|| CommitError::NoSuchAccount {
        name: name.to_owned(),
        domain: domain.to_owned(),
    })?;
    change(&mut account)?;
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
        msisdn: None,
        imps: false,
    };

    fn sealer() -> Sealer {
        Sealer::new(crate::SealKey::new([7; 32]), world::Rng::from_seed(1, 1))
    }

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
        add_user(&mut store, "localhost", ALICE, None, 7).unwrap();
        let bob = NewUser {
            name: "bob",
            ..ALICE
        };
        add_user(&mut store, "localhost", bob, None, 8).unwrap();
        add_user(&mut store, "example.org", bob, None, 9).unwrap();
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

        set_password(&mut store, "localhost", "alice", "other", None, None).unwrap();
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
        add_users(&mut store, "localhost", three, None, 7).unwrap();
        assert_eq!(names(&store).len(), 3);
        for wrong in ["carol", "d d"] {
            let error = add_users(&mut store, "localhost", ["dave", wrong].map(named), None, 8);
            assert!(error.unwrap_err().to_string().contains(wrong));
            assert_eq!(names(&store).len(), 3);
        }
    }

    #[test]
    fn refusals_say_why() {
        let mut store = Store::memory();
        add_user(&mut store, "localhost", ALICE, None, 0).unwrap();
        let long = "x".repeat(2000);
        #[rustfmt::skip]
        let rows = [
            (ALICE, "the account alice@localhost exists already"),
            (NewUser { name: "", ..ALICE }, "\"\" is no name for a user or a group"),
            (NewUser { name: "a b", ..ALICE }, "\"a b\" is no name for a user or a group"),
            (NewUser { name: "bob@x", ..ALICE }, "\"bob@x\" is no name for a user or a group"),
            (NewUser { name: &long, ..ALICE }, "is no name for a user or a group"),
            (NewUser { name: "bob", password: "", ..ALICE }, "a password has 1 to 256 bytes"),
            (NewUser { name: "bob", password: "a\n", ..ALICE }, "no control characters"),
            (NewUser { name: "bob", password: &long, ..ALICE }, "a password has 1 to 256 bytes"),
            (NewUser { name: "bob", display: Some("a\r\nb"), ..ALICE }, "a name to show has at most"),
            (NewUser { name: "bob", display: Some(&long), ..ALICE }, "a name to show has at most 1024 bytes"),
        ];
        for (user, why) in rows {
            let error = add_user(&mut store, "localhost", user, None, 0)
                .unwrap_err()
                .to_string();
            assert!(error.contains(why), "{error}");
        }
        let nobody = [
            set_password(&mut store, "localhost", "bob", "password", None, None),
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

    #[test]
    fn the_password_of_an_imps_user_is_sealed_and_stays_so() {
        let mut store = Store::memory();
        let key = crate::SealKey::new([7; 32]);
        let alice = NewUser {
            imps: true,
            msisdn: Some("+15551234"),
            ..ALICE
        };
        let keyless = add_user(&mut store, "localhost", alice, None, 0);
        assert!(matches!(keyless, Err(AdminError::NoKey)));
        add_user(&mut store, "localhost", alice, Some(&mut sealer()), 0).unwrap();
        let opened = |store: &Store| {
            let account = users(store, "localhost").unwrap().remove(0);
            let sealed = account.credentials.imps_secret?;
            key.open("alice", "localhost", &sealed)
        };
        assert_eq!(opened(&store).as_deref(), Some("password"));
        let mut again = sealer();
        let sealer = Some(&mut again);
        set_password(&mut store, "localhost", "alice", "other", None, sealer).unwrap();
        assert_eq!(opened(&store).as_deref(), Some("other"));
        set_password(&mut store, "localhost", "alice", "third", Some(false), None).unwrap();
        assert_eq!(opened(&store), None);
        let number = |store: &Store| users(store, "localhost").unwrap().remove(0).msisdn;
        assert_eq!(number(&store).as_deref(), Some("15551234"));
        set_number(&mut store, "localhost", "alice", None).unwrap();
        assert_eq!(number(&store), None);
        let wrong = set_number(&mut store, "localhost", "alice", Some("call me"));
        assert!(matches!(wrong, Err(AdminError::Number)));
    }
}
