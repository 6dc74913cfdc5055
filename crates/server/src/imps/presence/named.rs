//! Whom a request names: users, and all on contact lists; and what is answered of those who cannot
//! be found.

use std::collections::BTreeSet;

use imps::Version;
use imps::csp::{DetailedResult, Outcome};
use imps::status::Code;
use room::Address;

use super::super::desk::Turn;
use super::super::user::wv_of_user;
use super::super::{Refused, contacts, lists, user};
use super::standing::members;

/// The most users and contact lists that one request names. Each costs a look at the store.
pub(super) const NAMED_MAX: usize = 500;

/// What went wrong with parts of a request, and how many went well.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) done: usize,
    failed: Vec<(Refused, Part)>,
}

#[derive(Debug)]
enum Part {
    User(String),
    List(String),
}

impl Parts {
    pub(super) fn user_failed(&mut self, refused: Refused, user: &str) {
        self.failed.push((refused, Part::User(user.to_owned())));
    }

    pub(super) fn list_failed(&mut self, refused: Refused, list: &str) {
        self.failed.push((refused, Part::List(list.to_owned())));
    }

    /// How the request went: 200, 201 with what did not go well, or if nothing did, why.
    pub(super) fn outcome(self, version: Version) -> Result<Outcome, Refused> {
        let mut details: Vec<DetailedResult> = Vec::new();
        let first = self.failed.first().map(|(refused, _)| refused.clone());
        let is_one = self
            .failed
            .iter()
            .all(|(refused, _)| first.as_ref().map(|first| first.code) == Some(refused.code));
        for (refused, part) in self.failed {
            let of_same = details.iter_mut().find(|one| one.code == refused.code);
            let detail = match of_same {
                Some(detail) => detail,
                None => {
                    details.push(DetailedResult {
                        code: refused.code,
                        description: refused.outcome().description,
                        ..DetailedResult::default()
                    });
                    match details.last_mut() {
                        Some(detail) => detail,
                        None => continue,
                    }
                }
            };
            match part {
                Part::User(user) => detail.users.push(user),
                // Before 1.2 there is no other place for them.
                Part::List(list) if version == Version::V1_1 => detail.users.push(list),
                Part::List(list) => detail.contact_lists.push(list),
            }
        }
        match first {
            Some(mut refused) if self.done == 0 => {
                if !is_one {
                    refused = Refused::new(Code::MULTIPLE_ERRORS);
                }
                refused.details = details;
                Err(refused)
            }
            Some(_) | None => Ok(Outcome::new(Code::SUCCESSFUL).with_details(details)),
        }
    }
}

/// Refuses a request that names too many users and contact lists, or nobody and is not for
/// `others` either.
pub(super) fn bound((users, contact_lists): (usize, usize), others: bool) -> Result<(), Refused> {
    match users.saturating_add(contact_lists) {
        0 if others => Ok(()),
        0 => Err(Refused::because(
            Code::BAD_PARAMETER,
            "the request names neither a user nor a contact list",
        )),
        1..=NAMED_MAX => Ok(()),
        _ => {
            let why = format!("a request names at most {NAMED_MAX} users and contact lists");
            Err(Refused::because(Code::BAD_PARAMETER, why))
        }
    }
}

/// Finds users, each once. Those who cannot be found are noted.
pub(super) async fn users<'n>(
    turn: &Turn<'_>,
    named: impl Iterator<Item = &'n str>,
    parts: &mut Parts,
) -> Result<BTreeSet<Address>, Refused> {
    let mut found = BTreeSet::new();
    for text in named {
        match user::find(turn.house, text).await {
            Ok(user) => drop(found.insert(user.address)),
            Err(refused) if refused.code == Code::INTERNAL_ERROR => return Err(refused),
            Err(refused) => parts.user_failed(refused, text),
        }
    }
    Ok(found)
}

/// A contact list of the session's user: its name, and who of this domain is on it.
pub(super) async fn on_list(
    turn: &Turn<'_>,
    list: &str,
    parts: &mut Parts,
) -> Result<Option<(String, BTreeSet<Address>)>, Refused> {
    let Some(name) = own_list(turn, list, parts).await? else {
        return Ok(None);
    };
    let theirs = lists::load(turn.house, &turn.session.user.address).await?;
    let on_it: Vec<String> = members(&theirs.lists, &name)
        .take(NAMED_MAX)
        .map(|uri| wv_of_user(&Address::new(uri)))
        .collect();
    let found = users(turn, on_it.iter().map(String::as_str), parts).await?;
    Ok(Some((name, found)))
}

/// The name of a contact list of the session's user, if there is one. Else it is noted.
pub(super) async fn own_list(
    turn: &Turn<'_>,
    list: &str,
    parts: &mut Parts,
) -> Result<Option<String>, Refused> {
    let name = match contacts::own_name(turn, list) {
        Ok(name) => name,
        Err(refused) => {
            parts.list_failed(refused, list);
            return Ok(None);
        }
    };
    let theirs = lists::load(turn.house, &turn.session.user.address).await?;
    if theirs.lists.list(&name).is_none() {
        parts.list_failed(Refused::new(Code::UNKNOWN_CONTACT_LIST), list);
        return Ok(None);
    }
    Ok(Some(name))
}

/// The address on the wire of a contact list.
pub(super) fn wv_of_list(owner: &Address, name: &str) -> String {
    let wv = wv_of_user(owner);
    match wv.split_once('@') {
        Some((user, domain)) => format!("{user}/~{name}@{domain}"),
        None => format!("{wv}/~{name}"),
    }
}
