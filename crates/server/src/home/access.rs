//! Who may invite a user: what the user's own documents say, known before anybody is called.
//!
//! Two of them count. Of the lists (RFC 4826) those of the blocked and of the granted, which
//! handsets keep by IMPS: they protect a user on both faces. And the access rules
//! ([`xdm::im_rules`]), which may let in or keep out by address, by domain, by time and by whether
//! the inviter hides. Whoever hides from people does not hide from the documents.

use std::collections::BTreeMap;

use room::Address;
use store::{Document, Trouble};
use xdm::im_rules::{self, Asker, ImRules, Invite};
use xdm::resource_lists::{self, Limits, ResourceLists};

use crate::house::House;
use crate::imps::blocks;

/// Somebody who invites.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inviter<'a> {
    /// The true address, also of somebody who hides. Somebody without one is on no list.
    pub(crate) address: Option<&'a Address>,
    pub(crate) hidden: bool,
    /// The URI of the conference or the group: a user may have blocked it as a whole.
    pub(crate) into: &'a str,
}

/// Why a user is not called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Barred {
    /// The inviter is blocked, or others alone are granted.
    Blocked,
    /// A rule says so.
    Rejected,
    /// What the user wants cannot be found out.
    Unreadable,
}

impl Barred {
    /// What the invitation has failed with.
    pub(crate) fn status(self) -> u16 {
        match self {
            // Whoever is blocked does not learn it: it looks like nobody being there.
            Self::Blocked => 480,
            Self::Rejected => 403,
            // Rather not called than called by somebody who may be blocked.
            Self::Unreadable => 480,
        }
    }
}

/// The name of the document of a user's access rules.
pub(crate) fn rules_name(owner: &str) -> String {
    format!("users/{owner}/rules")
}

/// May somebody invite `owner`? One read, and no more for a user without documents.
pub(crate) async fn check(
    house: &House,
    owner: &Address,
    inviter: Inviter<'_>,
) -> Result<(), Barred> {
    let asked = vec![owner.clone()];
    let known = house.keeper.read(|reader| {
        let find = |auid: &str, name: &str| reader.document(auid, name);
        known(find, asked)
    });
    let mut known = known.await.unwrap_or_else(|error| {
        unreadable(owner, &error);
        Known::new()
    });
    decide(house, owner, known.remove(owner), inviter)
}

/// What some users have said, each told by the address, and as it was stored: it is read when it
/// is needed, and not where the store waits.
pub(crate) type Known = BTreeMap<Address, Documents>;

/// The documents of a user that say who may invite them.
#[derive(Debug)]
pub(crate) struct Documents {
    lists: Option<Document>,
    rules: Option<Document>,
}

/// The documents of these users, which are found so, by application and name. Whose cannot be
/// had is left out.
pub(crate) fn known(
    find: impl Fn(&str, &str) -> Result<Option<Document>, Trouble>,
    owners: Vec<Address>,
) -> Known {
    let of = |owner: &Address| -> Result<_, Trouble> {
        Ok(Documents {
            lists: find(resource_lists::AUID, &crate::imps::lists::name(owner))?,
            rules: find(im_rules::AUID, &rules_name(owner.as_str()))?,
        })
    };
    let known = owners.into_iter().filter_map(|owner| {
        let documents = of(&owner).inspect_err(|error| unreadable(&owner, error));
        Some((owner, documents.ok()?))
    });
    known.collect()
}

fn unreadable(owner: &Address, error: &dyn std::fmt::Display) {
    tracing::error!(%owner, %error, "what a user wants cannot be read");
}

/// May somebody invite `owner`, of whom this is known?
pub(crate) fn decide(
    house: &House,
    owner: &Address,
    documents: Option<Documents>,
    inviter: Inviter<'_>,
) -> Result<(), Barred> {
    // Nobody is shut out by themselves.
    if inviter.address == Some(owner) {
        return Ok(());
    }
    let now = i64::try_from(house.world.clock.unix().as_secs()).ok();
    let wishes = documents.and_then(|documents| {
        let wishes = documents.read();
        wishes.inspect_err(|error| unreadable(owner, error)).ok()
    });
    let decided = match wishes {
        Some(wishes) => wishes.judge(inviter, now),
        None => Err(Barred::Unreadable),
    };
    if let Err(why) = decided {
        tracing::info!(guest = %owner, into = inviter.into, ?why, "is not called");
    }
    decided
}

/// What a user has said about who may invite them.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    lists: Option<ResourceLists>,
    rules: Option<ImRules>,
}

impl Wishes {
    fn judge(&self, inviter: Inviter<'_>, now: Option<i64>) -> Result<(), Barred> {
        let nobody = Address::new("");
        let address = inviter.address.unwrap_or(&nobody);
        if let Some(lists) = &self.lists {
            let reached = blocks::judge(lists, address, Some(inviter.into));
            reached.map_err(|_| Barred::Blocked)?;
        }
        let asker = Asker {
            uri: address.as_str(),
            is_anonymous: inviter.hidden,
            now,
        };
        match self.rules.as_ref().and_then(|rules| rules.verdict(asker)) {
            Some(Invite::Reject) => Err(Barred::Rejected),
            // Whether to accept without asking is for the device.
            Some(Invite::Accept | Invite::Pass) => Ok(()),
            // No rule is about them.
            None => Ok(()),
        }
    }
}

impl Documents {
    fn read(&self) -> Result<Wishes, xdm::Error> {
        let lists = self.lists.as_ref();
        let rules = self.rules.as_ref();
        Ok(Wishes {
            lists: lists
                .map(|lists| resource_lists::read(&lists.body, Limits::STORED))
                .transpose()?,
            rules: rules.map(|rules| ImRules::read(&rules.body)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xdm::im_rules::{Condition, Rule};
    use xdm::resource_lists::{BLOCKED_CONTACTS, Entry, GRANTED_CONTACTS, Item, List};

    fn lists(name: &str, in_use: bool, uri: &str) -> Option<ResourceLists> {
        let list = List {
            name: Some(name.to_owned()),
            in_use,
            items: vec![Item::Entry(Entry::new(uri))],
            ..List::default()
        };
        Some(ResourceLists { lists: vec![list] })
    }

    fn rules(condition: Option<Condition>, invite: Invite) -> Option<ImRules> {
        let rule = Rule {
            id: "r".to_owned(),
            conditions: condition.into_iter().collect(),
            invite: Some(invite),
            other_actions: Vec::new(),
            transformations: Vec::new(),
        };
        Some(ImRules { rules: vec![rule] })
    }

    #[test]
    fn the_lists_come_before_the_rules() {
        let anonymous = || rules(Some(Condition::AnonymousRequest), Invite::Reject);
        let all = |invite| rules(None, invite);
        let (block, grant) = (BLOCKED_CONTACTS, GRANTED_CONTACTS);
        let (bob, club) = ("sip:bob@h", "sip:club@h");
        let (blocked, rejected) = (Err(Barred::Blocked), Err(Barred::Rejected));
        #[rustfmt::skip]
        let rows = [
            // lists, rules, what becomes of bob, of bob hidden, of somebody without an address
            (None, None, [Ok(()), Ok(()), Ok(())]),
            (lists(block, true, bob), None, [blocked, blocked, Ok(())]),
            (lists(block, false, bob), None, [Ok(()), Ok(()), Ok(())]),
            (lists(block, true, "sip:Bob@H"), None, [blocked, blocked, Ok(())]),
            (lists(block, true, club), None, [blocked, blocked, blocked]),
            (lists(grant, true, bob), None, [Ok(()), Ok(()), blocked]),
            (lists(grant, true, "sip:eve@h"), None, [blocked, blocked, blocked]),
            (None, anonymous(), [Ok(()), rejected, rejected]),
            (None, all(Invite::Reject), [rejected, rejected, rejected]),
            (None, all(Invite::Accept), [Ok(()), Ok(()), Ok(())]),
            // A rule lets nobody in whom a list keeps out, nor the other way round.
            (lists(block, true, bob), all(Invite::Accept), [blocked, blocked, Ok(())]),
            (lists(grant, true, bob), all(Invite::Reject), [rejected, rejected, blocked]),
        ];
        for (row, (lists, rules, want)) in rows.into_iter().enumerate() {
            let wishes = Wishes { lists, rules };
            let bob = Address::new(bob);
            let judge = |address, hidden| {
                let inviter = Inviter {
                    address,
                    hidden,
                    into: club,
                };
                wishes.judge(inviter, None)
            };
            let got = [
                judge(Some(&bob), false),
                judge(Some(&bob), true),
                judge(None, true),
            ];
            assert_eq!(got, want, "row {row}");
        }
    }
}
