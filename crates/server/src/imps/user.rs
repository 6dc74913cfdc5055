//! Addresses of CSP and those of the house: `wv:alice@localhost` is `sip:alice@localhost`, and the
//! group `wv:/lobby@localhost` is `sip:lobby@localhost`.

use std::collections::HashSet;
use std::sync::Arc;

use imps::id::Address as Wv;
use imps::status::Code;
use store::Account;

use super::Refused;
use crate::house::House;

/// A user of this domain, who has an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct User {
    /// The name of the account.
    pub(crate) name: Arc<str>,
    /// The address in the house: canonical, and the same for every face.
    pub(crate) address: room::Address,
    /// What the account calls its owner.
    pub(crate) display: Option<Arc<str>>,
}

impl User {
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            name: account.name.as_str().into(),
            address: room::Address::new(&format!("sip:{}@{}", account.name, account.domain)),
            display: account.display_name.as_deref().map(Arc::from),
        }
    }

    /// The address on the wire.
    pub(crate) fn wv(&self) -> String {
        wv_of_user(&self.address)
    }
}

/// Who is meant by an address that has to be a user's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Named {
    /// Somebody of this domain, if there is such an account.
    Home {
        /// The name as it was written.
        name: String,
    },
    /// Somebody of another domain.
    Away {
        /// That domain.
        domain: String,
    },
}

/// Reads the address of a user.
pub(crate) fn named(house: &House, text: &str) -> Result<Named, Refused> {
    let address = parse(text)?;
    if !address.is_user() {
        let why = format!("{text} is no address of a user");
        return Err(Refused::because(Code::UNKNOWN_USER, why));
    }
    let name = address.user().unwrap_or_default().to_owned();
    match address.domain().filter(|domain| !house.is_domain(domain)) {
        Some(domain) => Ok(Named::Away {
            domain: domain.to_owned(),
        }),
        None => Ok(Named::Home { name }),
    }
}

/// Addresses of users, each once however it is written: `bob` is `wv:bob@localhost`. What is no
/// address is left, to be refused by itself.
pub(crate) fn distinct(house: &House, all: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let is_new = |text: &String| {
        let key = match Wv::parse(text) {
            Ok(address) => address.at(&house.setup.domain).to_string(),
            Err(_) => text.clone(),
        };
        seen.insert(key.to_ascii_lowercase())
    };
    all.into_iter().filter(is_new).collect()
}

/// The user of an address, who has to be one of ours.
pub(crate) async fn find(house: &House, text: &str) -> Result<User, Refused> {
    match named(house, text)? {
        Named::Home { name } => account(house, &name)
            .await?
            .map(|account| User::of(&account))
            .ok_or_else(|| Refused::because(Code::UNKNOWN_USER, format!("{text} is nobody here"))),
        Named::Away { domain } => Err(Refused::because(
            Code::DOMAIN_NOT_SUPPORTED,
            format!("{domain} cannot be reached from here"),
        )),
    }
}

/// The account of a name. Handsets do not keep to letter case, so that of the account counts.
pub(crate) async fn account(house: &House, name: &str) -> Result<Option<Account>, Refused> {
    let domain = house.setup.domain.clone();
    let (exact, small) = (name.to_owned(), name.to_ascii_lowercase());
    let found = house.keeper.read(move |reader| {
        let found = reader.account(&exact, &domain)?;
        if found.is_some() || exact == small {
            return Ok::<_, store::Trouble>(found);
        }
        reader.account(&small, &domain)
    });
    let found = found.await.map_err(super::refused::broken)?;
    found.map_err(super::refused::broken)
}

/// Reads an address.
pub(crate) fn parse(text: &str) -> Result<Wv, Refused> {
    Wv::parse(text).map_err(|error| {
        let why = format!("{error}: {text}");
        Refused::because(Code::ADDRESS_ERROR, why)
    })
}

/// The address on the wire of a user whose address in the house this is.
pub(crate) fn wv_of_user(address: &room::Address) -> String {
    format!("wv:{}", bare(address.as_str()))
}

/// The address on the wire of a group whose URI this is: `wv:/lobby@localhost`, or
/// `wv:alice/club@localhost` for a group of a user.
pub(crate) fn wv_of_group(uri: &str) -> String {
    let bare = bare(uri);
    match bare.split_once('@') {
        Some((local, _)) if local.contains('/') => format!("wv:{bare}"),
        _ => format!("wv:/{bare}"),
    }
}

/// The URI of the group of an address, which has to be of this domain.
pub(crate) fn group_uri(house: &House, text: &str) -> Result<String, Refused> {
    let address = parse(text)?;
    let unknown = |why: String| Refused::because(Code::UNKNOWN_GROUP, why);
    if let Some(domain) = address.domain().filter(|domain| !house.is_domain(domain)) {
        let why = format!("{domain} cannot be reached from here");
        return Err(Refused::because(Code::DOMAIN_NOT_SUPPORTED, why));
    }
    let domain = &house.setup.domain;
    // Small letters throughout: addresses are the same in whatever letter case.
    let local = match (address.user(), address.group()) {
        (Some(user), Some(group)) => format!("{user}/{group}"),
        (None, Some(group)) => group.to_owned(),
        // Written without the slash by clients that take it for a user's.
        (Some(name), None) if address.is_user() => name.to_owned(),
        _ => return Err(unknown(format!("{text} is no address of a group"))),
    };
    Ok(format!("sip:{}@{domain}", local.to_ascii_lowercase()))
}

/// An address without its scheme.
fn bare(address: &str) -> &str {
    address.split_once(':').map_or(address, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_on_the_wire() {
        let alice = room::Address::new("sip:alice@localhost");
        assert_eq!(wv_of_user(&alice), "wv:alice@localhost");
        assert_eq!(wv_of_group("sip:lobby@localhost"), "wv:/lobby@localhost");
        assert_eq!(
            wv_of_group("sip:alice/club@localhost"),
            "wv:alice/club@localhost"
        );
    }
}
