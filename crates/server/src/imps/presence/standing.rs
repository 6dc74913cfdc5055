//! Who may see which attributes of a user.
//!
//! ```text
//!   blocked ─▶ nothing, and no word of it
//!   the user's attribute list ─▶ those of contact lists that the user is on, together
//!     ─▶ the default ─▶ what the owner has answered when asked ─▶ not said
//! ```
//!
//! The first that says anything decides. Where nothing was said nothing is seen, not even whether
//! somebody is there; clients of CSP 1.1 and 1.2 are asked then, and those of 1.3 make lists.

use room::Address;
use xdm::resource_lists::{Item, ResourceLists};

use super::kept::Kept;
use super::kinds::Kinds;

/// How one user stands to another's presence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// The owner does not want to hear from the user, who is not to know.
    Blocked,
    /// These attributes may be seen; perhaps none.
    May(Kinds),
    /// The owner has not said anything: nothing may be seen until then.
    NotSaid,
}

impl Standing {
    /// What may be seen.
    pub(super) fn kinds(self) -> Kinds {
        match self {
            Self::May(kinds) => kinds,
            Self::Blocked | Self::NotSaid => Kinds::NONE,
        }
    }
}

/// How `watcher`, who is not blocked, stands to the owner of these.
pub(super) fn standing(
    kept: &Kept,
    lists: &ResourceLists,
    owner: &Address,
    watcher: &Address,
) -> Standing {
    if watcher == owner {
        return Standing::May(Kinds::all());
    }
    if let Some(granted) = kept.users.get(watcher) {
        return Standing::May(granted.kinds);
    }
    let by_lists = kept
        .contact_lists
        .iter()
        .filter(|(name, _)| is_on(lists, name, watcher))
        .map(|(_, granted)| granted.kinds)
        .reduce(Kinds::either);
    if let Some(kinds) = by_lists {
        return Standing::May(kinds);
    }
    if let Some(granted) = &kept.default {
        return Standing::May(granted.kinds);
    }
    match kept.answers.get(watcher) {
        Some(answer) => Standing::May(answer.unwrap_or_default()),
        None => Standing::NotSaid,
    }
}

/// The addresses on a contact list; none at all if there is no such list.
pub(super) fn members<'l>(
    lists: &'l ResourceLists,
    name: &str,
) -> impl Iterator<Item = &'l str> + use<'l> {
    let items = lists.list(name).map(|list| &*list.items);
    items
        .unwrap_or_default()
        .iter()
        .filter_map(|item| match item {
            Item::Entry(entry) => Some(&*entry.uri),
            Item::EntryRef(_) | Item::External(_) | Item::List(_) => None,
        })
}

fn is_on(lists: &ResourceLists, name: &str, who: &Address) -> bool {
    members(lists, name).any(|uri| uri == who.as_str())
}

#[cfg(test)]
mod tests {
    use xdm::resource_lists::{Entry, List};

    use super::super::kept::Granted;
    use super::super::kinds::Kind;
    use super::*;

    fn who(name: &str) -> Address {
        Address::new(&format!("sip:{name}@localhost"))
    }

    fn granted(kind: Kind) -> Granted {
        Granted {
            kinds: [kind].into_iter().collect(),
            notify: None,
        }
    }

    fn may(kinds: &[Kind]) -> Standing {
        Standing::May(kinds.iter().copied().collect())
    }

    /// A document in which bob is on two lists.
    fn lists() -> ResourceLists {
        let list = |name: &str| List {
            name: Some(name.to_owned()),
            items: vec![Item::Entry(Entry::new("sip:bob@localhost"))],
            ..List::default()
        };
        ResourceLists {
            lists: vec![list("friends"), list("work")],
        }
    }

    type Spoil = fn(&mut Kept);

    #[test]
    fn the_first_that_says_anything_decides() {
        use Kind::{Alias, OnlineStatus, StatusMood, StatusText, UserAvailability};
        fn list(kept: &mut Kept, name: &str, kind: Kind) {
            kept.contact_lists.insert(name.to_owned(), granted(kind));
        }
        #[rustfmt::skip]
        let rows: &[(Spoil, Standing)] = &[
            (|_| {}, Standing::NotSaid),
            (|k| { k.answers.insert(who("bob"), None); }, may(&[])),
            (|k| { k.answers.insert(who("carol"), None); }, Standing::NotSaid),
            (|k| { k.answers.insert(who("bob"), Some(granted(Alias).kinds)); }, may(&[Alias])),
            (|k| k.default = Some(granted(OnlineStatus)), may(&[OnlineStatus])),
            (|k| k.default = Some(Granted::default()), may(&[])),
            (|k| list(k, "friends", StatusText), may(&[StatusText])),
            (|k| list(k, "nobody", StatusText), Standing::NotSaid),
            (|k| { list(k, "friends", StatusText); list(k, "work", StatusMood) },
                may(&[StatusText, StatusMood])),
            (|k| { k.users.insert(who("bob"), granted(UserAvailability)); }, may(&[UserAvailability])),
            (|k| { k.users.insert(who("carol"), granted(UserAvailability)); }, Standing::NotSaid),
            // The order.
            (|k| {
                k.answers.insert(who("bob"), Some(granted(Alias).kinds));
                k.default = Some(granted(OnlineStatus));
            }, may(&[OnlineStatus])),
            (|k| {
                k.default = Some(granted(OnlineStatus));
                list(k, "friends", StatusText);
            }, may(&[StatusText])),
            (|k| {
                list(k, "friends", StatusText);
                k.users.insert(who("bob"), Granted::default());
            }, may(&[])),
        ];
        for (number, (spoil, want)) in rows.iter().enumerate() {
            let mut kept = Kept::default();
            spoil(&mut kept);
            let got = standing(&kept, &lists(), &who("alice"), &who("bob"));
            assert_eq!(got, *want, "row {number}");
            let own = standing(&kept, &lists(), &who("alice"), &who("alice"));
            assert_eq!(own, Standing::May(Kinds::all()), "row {number}");
        }
    }
}
