//! Whom an invitation is for, and what is checked before it is sent.

use sip::Uri;
use xdm::resource_lists::Entry;

use crate::core::Core;
use crate::event::SessionId;
use crate::failure::Failure;
use crate::known::same;

/// Whom an invitation is for.
#[derive(Clone, Debug)]
pub enum Invitee {
    /// One address, without a conference factory: as a rule a person.
    Address(String),
    /// A pre-defined group (IM 7.1.1.4) or a public conference (IM 7.1.1.10), by its address. Which
    /// of the two it is only the server knows.
    Group(String),
    /// These people, by way of the conference factory.
    Guests(Vec<Entry>),
    /// A session that we were in (IM 7.1.1.9), by its IM Session Identity.
    Known(String),
}

/// An invitation that may be sent.
#[derive(Default)]
pub(crate) struct Plan {
    /// The Request-URI.
    pub(crate) uri: String,
    /// The people of the list, each once.
    pub(crate) guests: Vec<Entry>,
    /// The address that messages are to; empty for a conference.
    pub(crate) whom: String,
    /// The one person at the other end, if it is one.
    pub(crate) peer: Option<String>,
    /// Does it go back to a session that we know?
    pub(crate) rejoins: bool,
    /// Is the conference one of our own factory?
    pub(crate) ad_hoc: bool,
    /// The session of two that it extends.
    pub(crate) extends: Option<SessionId>,
}

impl Core {
    /// What to send for an invitation.
    pub(crate) fn plan(&self, invitee: Invitee) -> Result<Plan, Failure> {
        match invitee {
            Invitee::Address(uri) => Ok(Plan {
                uri: checked(&uri)?,
                peer: Some(uri.clone()),
                whom: uri,
                ..Plan::default()
            }),
            // IM-7.1.1.4-S1a, IM-7.1.1.10-S2: the Request-URI is that of the pre-defined group, or
            // of the public conference.
            Invitee::Group(uri) => Ok(Plan {
                uri: checked(&uri)?,
                ..Plan::default()
            }),
            Invitee::Guests(guests) => {
                let plan = self.ad_hoc(each_once(guests))?;
                let peer = match plan.guests.as_slice() {
                    [one] => Some(one.uri.clone()),
                    _ => None,
                };
                Ok(Plan { peer, ..plan })
            }
            Invitee::Known(identity) => self.rejoined(identity),
        }
    }

    /// A conference that our factory is to make.
    pub(crate) fn ad_hoc(&self, guests: Vec<Entry>) -> Result<Plan, Failure> {
        self.check_guests(&guests)?;
        for guest in &guests {
            checked(&guest.uri)?;
        }
        Ok(Plan {
            // IM-7.1.1.3-S2, IM-7.1.1.6-S2: the conference factory of the home network.
            uri: checked(&self.config.factory)?,
            guests,
            ad_hoc: true,
            ..Plan::default()
        })
    }

    /// A session that we were in.
    fn rejoined(&self, identity: String) -> Result<Plan, Failure> {
        // IM-7.1.1.9-S1: is the identity still stored?
        let Some(known) = self.memory.find(&identity) else {
            // IM-7.1.1.9-S1a: the user is told, and nothing is sent.
            return Err(Failure::UnknownSession { identity });
        };
        let mut others = self.sessions.values();
        if others.any(|session| session.is_group() && same(&session.identity, &identity)) {
            return Err(Failure::NotNow {
                why: "you are in this session",
            });
        }
        Ok(Plan {
            // IM-7.1.1.9-S3: the Request-URI is what is stored.
            uri: checked(&known.identity)?,
            rejoins: true,
            ad_hoc: known.ad_hoc,
            ..Plan::default()
        })
    }

    /// An invitation must name somebody, and no more than are allowed.
    pub(crate) fn check_guests(&self, guests: &[Entry]) -> Result<(), Failure> {
        if guests.is_empty() {
            return Err(Failure::NoGuests);
        }
        // IM-7.1.1.3-S4, IM-7.1.1.6-S5, IM-7.1.1.7-S5: MAX-ADHOC-GROUP-SIZE counts those who are
        // in the list.
        let limit = self.config.max_adhoc_group_size.unwrap_or(u32::MAX);
        let within = usize::try_from(limit).is_ok_and(|limit| guests.len() <= limit);
        if within {
            return Ok(());
        }
        // IM-7.1.1.3-S4a, IM-7.1.1.6-S5a, IM-7.1.1.7-S5a: the user is told, and nothing is sent.
        Err(Failure::TooManyGuests {
            guests: guests.len(),
            limit,
        })
    }
}

/// An address that can stand in a request.
pub(crate) fn checked(uri: &str) -> Result<String, Failure> {
    match Uri::parse(uri) {
        Ok(parsed) if parsed.as_str() == uri => Ok(uri.to_owned()),
        Ok(_) | Err(_) => Err(Failure::Malformed {
            why: format!("{uri} is no address"),
        }),
    }
}

/// Everybody once, whatever way their address is written (RFC 5366 section 4: duplicates count
/// once). The first spelling stays.
pub(crate) fn each_once(guests: Vec<Entry>) -> Vec<Entry> {
    let mut once: Vec<Entry> = Vec::with_capacity(guests.len().min(64));
    let mut seen = std::collections::BTreeMap::new();
    for guest in guests {
        let key = Uri::parse(&guest.uri).map_or_else(|_| guest.uri.clone(), |uri| uri.aor());
        let known = seen.get(&key).and_then(|at: &usize| once.get_mut(*at));
        match known {
            Some(known) => known.merge_duplicate(&guest),
            None => {
                seen.insert(key, once.len());
                once.push(guest);
            }
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_counts_once() {
        let uris = [
            "sip:bob@h?Replaces=c",
            "sip:bob@H",
            "sip:carol@h",
            "sip:bob@h;transport=tcp",
        ];
        let once = each_once(uris.map(Entry::new).to_vec());
        let uris: Vec<_> = once.iter().map(|entry| entry.uri.as_str()).collect();
        assert_eq!(uris, ["sip:bob@h?Replaces=c", "sip:carol@h"]);
    }

    #[test]
    fn an_address_is_checked_before_it_is_sent() {
        assert!(checked("sip:bob@h").is_ok());
        for bad in ["", "bob", "sip:", "sip:a b@h", "sip:a@h>\r\nEvil: 1"] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
