//! The sessions that can be rejoined (IM 7.1.1.9): what is kept of one after its end.
//!
//! A session is kept from the 200 that made it, also after a BYE: whoever left, or was cut off, may
//! come back. It is forgotten when the server says that there is no such session any more: by a BYE
//! with the reason 410, or by its answer to a rejoin, see [`is_gone`].

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sip::Uri;

use crate::core::Core;
use crate::event::{Event, SessionId};
use crate::failure::Refused;

/// A session that can be rejoined.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Known {
    /// Its IM Session Identity.
    pub identity: String,
    /// The methods the server supports in it, as last told.
    pub allow: Vec<String>,
    /// Was it made by our own conference factory? Then MAX-ADHOC-GROUP-SIZE holds in it.
    #[serde(default)]
    pub ad_hoc: bool,
}

/// The most sessions that are kept; then the oldest goes. Nobody goes back further, and each may
/// cost some kilobytes.
const KNOWN_MAX: usize = 128;

/// The longest identity that is kept, in octets. Real ones have less than 100.
const IDENTITY_MAX: usize = 1024;

/// The longest name of a method that is kept, in octets: the longest known is SUBSCRIBE.
const METHOD_MAX: usize = 32;

/// The sessions that can be rejoined, the latest last.
pub(crate) struct Memory(VecDeque<Known>);

impl Memory {
    /// What an earlier agent of this user kept.
    pub(crate) fn new(kept: Vec<Known>) -> Self {
        let mut memory = Self(VecDeque::new());
        for known in kept {
            memory.store(known);
        }
        memory
    }

    pub(crate) fn list(&self) -> Vec<Known> {
        self.0.iter().cloned().collect()
    }

    /// The session of this identity, however that is written.
    pub(crate) fn find(&self, identity: &str) -> Option<&Known> {
        self.0.iter().find(|known| same(&known.identity, identity))
    }

    /// Keeps a session as the latest. Has anything changed?
    fn store(&mut self, mut known: Known) -> bool {
        if known.identity.len() > IDENTITY_MAX || self.0.back() == Some(&known) {
            return false;
        }
        known.allow.retain(|method| method.len() <= METHOD_MAX);
        self.forget(&known.identity);
        if self.0.len() >= KNOWN_MAX {
            self.0.pop_front();
        }
        self.0.push_back(known);
        true
    }

    /// Was there something to forget?
    fn forget(&mut self, identity: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|known| !same(&known.identity, identity));
        self.0.len() < before
    }
}

/// Do two addresses name the same session?
pub(crate) fn same(a: &str, b: &str) -> bool {
    match (Uri::parse(a), Uri::parse(b)) {
        (Ok(a), Ok(b)) => a.equivalent(&b),
        (Err(_), _) | (_, Err(_)) => a == b,
    }
}

/// Does this answer to a rejoin say that the session is gone?
///
/// 404 and 410 do. A 403 does where it is the answer of IM 7.2.1.5 to an unknown session, which
/// says no more; one that names another reason (119 no anonymity, 127 not authorised) is about who
/// asks, and the session may well be there.
pub(crate) fn is_gone(refused: &Refused) -> bool {
    match refused.status {
        404 | 410 => true,
        403 => match refused.rule.as_deref() {
            Some(rule) => rule == UNKNOWN,
            None => refused.warning.is_none(),
        },
        _ => false,
    }
}

/// The rule by which a server tells that it knows no such session.
const UNKNOWN: &str = "IM-7.2.1.5-S1a";

impl Core {
    /// Keeps the identity of a conference that we are in.
    pub(crate) fn keep(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id).filter(|session| session.is_group()) else {
            return;
        };
        let known = Known {
            // IM-7.1.1.4-OK-S1, IM-7.1.1.9-OK-S2, IM-7.1.1.10-OK-S2: the Contact of the 200.
            identity: session.identity.clone(),
            // IM-7.1.1.9-OK-S1, IM-7.1.1.10-OK-S1: the Allow list, if there was one.
            allow: session.allow.clone(),
            ad_hoc: session.ad_hoc,
        };
        if self.memory.store(known) {
            self.tell_known();
        }
    }

    /// Forgets a session that the server does not know any more.
    pub(crate) fn forget_session(&mut self, identity: &str) {
        if self.memory.forget(identity) {
            self.tell_known();
        }
    }

    fn tell_known(&mut self) {
        let sessions = self.memory.list();
        self.tell(Event::Known { sessions });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(identity: &str) -> Known {
        Known {
            identity: identity.to_owned(),
            allow: vec!["INVITE".to_owned()],
            ad_hoc: false,
        }
    }

    #[test]
    fn the_oldest_goes_first_and_none_is_kept_twice() {
        let mut memory = Memory::new(Vec::new());
        for number in 0..KNOWN_MAX + 2 {
            assert!(memory.store(known(&format!("sip:s{number}@h"))));
        }
        assert_eq!(memory.list().len(), KNOWN_MAX);
        assert!(memory.find("sip:s1@h").is_none());
        assert!(memory.find("sip:s2@H").is_some());
        // What is met again is the latest, and the oldest no more.
        assert!(memory.store(known("sip:s2@H")));
        assert_eq!(memory.list().len(), KNOWN_MAX);
        assert!(!memory.store(known("sip:s2@H")), "nothing has changed");
        assert!(memory.store(known("sip:new@h")));
        assert!(memory.find("sip:s2@h").is_some() && memory.find("sip:s3@h").is_none());
        assert!(memory.forget("sip:s2@h") && !memory.forget("sip:s2@h"));
    }

    #[test]
    fn what_a_server_says_is_kept_within_bounds() {
        let mut long = known("sip:s@h");
        long.allow.push("X".repeat(METHOD_MAX + 1));
        let mut memory = Memory::new(vec![long]);
        assert_eq!(memory.list(), [known("sip:s@h")]);
        assert!(!memory.store(known(&format!("sip:{}@h", "s".repeat(IDENTITY_MAX)))));
    }
}
