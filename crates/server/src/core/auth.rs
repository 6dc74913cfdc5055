//! Who sent a request: a trusted peer's word, or digest (RFC 7616, RFC 8760, RFC 3325).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sip::digest::{self, Algorithm, Challenge, Credentials, NonceError};
use sip::header::{From, Header as _, PAssertedIdentity, Privacy};
use sip::{Fields, Method, Name, Request, Uri};
use store::Account;
use world::{Clock, Rng};

use crate::core::Answer;

/// A sender whose identity is established.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Identity {
    /// The address of record, canonical: `sip:alice@localhost`.
    pub(crate) aor: Arc<str>,
    /// The name of the account, if the sender is a user of ours.
    pub(crate) display: Option<Arc<str>>,
}

/// What is known about the sender of a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is this one.
    Known(Identity),
    /// Not yet, or not at all: say this.
    Answer(Answer),
    /// The store has to be asked about this account first.
    Ask(String),
}

/// Nonces and their counts, shared by all shards without a lock.
///
/// A nonce carries the slot of the table in which its counts are kept. When the slot is given to
/// a newer nonce the older one becomes stale, so memory is fixed and no replay ever passes.
pub(crate) struct Nonces {
    keyed: digest::Nonces,
    slots: Box<[Slot]>,
}

#[derive(Default)]
struct Slot {
    /// The nonce that has the slot.
    owner: AtomicU64,
    /// Which counts were seen.
    seen: AtomicU64,
}

/// Nonces in use at a time: one a user in the five minutes that a nonce lives. 1 MiB.
const SLOTS: u32 = 65_536;

impl Nonces {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            keyed: digest::Nonces::new(key),
            slots: (0..SLOTS).map(|_| Slot::default()).collect(),
        }
    }

    fn issue(&self, clock: &Clock, rng: &mut Rng) -> String {
        let id = rng.u64();
        let slot = u32::try_from(rng.below(u64::from(SLOTS))).unwrap_or_default();
        if let Some(slot) = self.slot(slot) {
            slot.owner.store(id, Ordering::Release);
            slot.seen.store(0, Ordering::Release);
        }
        self.keyed.issue(clock.unix().as_secs(), id, slot)
    }

    /// Takes a nonce-count. `Err` when the nonce cannot be used (again).
    fn take(&self, text: &str, nc: u32, clock: &Clock) -> Result<(), NonceError> {
        let nonce = self.keyed.check(text, clock.unix().as_secs())?;
        let slot = self.slot(nonce.slot).ok_or(NonceError::Forged)?;
        if slot.owner.load(Ordering::Acquire) != nonce.id {
            return Err(NonceError::Stale);
        }
        let advance = |seen| digest::advance(seen, nc);
        match slot
            .seen
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, advance)
        {
            Ok(_) => Ok(()),
            Err(_) => Err(NonceError::Stale),
        }
    }

    fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(usize::try_from(slot).ok()?)
    }
}

/// Everything a verdict needs besides the request.
pub(crate) struct Court<'a> {
    pub(crate) realm: &'a str,
    pub(crate) nonces: &'a Nonces,
    pub(crate) clock: &'a Clock,
    pub(crate) rng: &'a mut Rng,
    /// The algorithms that count, in the order in which they are offered.
    pub(crate) offered: &'a [Algorithm],
}

impl Court<'_> {
    /// Who sent this? `account` answers from memory: `None` means ask the store.
    pub(crate) fn judge<'m>(
        &mut self,
        request: &Request,
        account: impl FnOnce(&str) -> Option<Option<&'m Arc<Account>>>,
    ) -> Verdict {
        let name = match request.method() {
            Method::Register => Name::Authorization,
            _ => Name::ProxyAuthorization,
        };
        let ours = request
            .raw_all(name)
            .chain(request.raw_all(Name::Authorization))
            .filter_map(|value| Credentials::parse(value).ok())
            .find(|credentials| {
                credentials.realm == self.realm && self.offered.contains(&credentials.algorithm)
            });
        let Some(credentials) = ours else {
            return Verdict::Answer(self.challenge(request, false));
        };
        let Some(account) = account(&credentials.username) else {
            return Verdict::Ask(credentials.username);
        };
        let account = account.filter(|account| account.enabled);
        self.weigh(request, &credentials, account)
    }

    fn weigh(
        &mut self,
        request: &Request,
        credentials: &Credentials,
        account: Option<&Arc<Account>>,
    ) -> Verdict {
        let ha1 = account.and_then(|account| match credentials.algorithm {
            Algorithm::Sha256 => account.credentials.ha1_sha256.as_deref(),
            Algorithm::Md5 => account.credentials.ha1_md5.as_deref(),
        });
        // The same work and the same answer for an unknown user and a wrong password.
        let right = digest::verify(credentials, ha1, request.method().as_str(), request.uri());
        let (true, Some(account)) = (right, account) else {
            return Verdict::Answer(self.challenge(request, false));
        };
        let nc = credentials.proof.as_ref().map_or(0, |proof| proof.nc);
        match self.nonces.take(&credentials.nonce, nc, self.clock) {
            Ok(()) => vouch(request, account),
            Err(error) => {
                let stale = error == NonceError::Stale;
                Verdict::Answer(self.challenge(request, stale))
            }
        }
    }

    /// 401 to a REGISTER, 407 to all others: one challenge for each algorithm that is offered, the
    /// preferred one first (RFC 8760 section 2.3).
    fn challenge(&mut self, request: &Request, stale: bool) -> Answer {
        let (status, name) = match request.method() {
            Method::Register => (401, Name::WwwAuthenticate),
            _ => (407, Name::ProxyAuthenticate),
        };
        let nonce = self.nonces.issue(self.clock, self.rng);
        let mut answer = Answer::plain(status);
        for algorithm in self.offered {
            let mut challenge = Challenge::new(self.realm, &nonce, *algorithm);
            challenge.stale = stale;
            answer = answer.with(name, challenge.to_string());
        }
        answer
    }
}

/// The password was right: does the request speak for the same user?
fn vouch(request: &Request, account: &Arc<Account>) -> Verdict {
    let aor = format!("sip:{}@{}", sip::escape_user(&account.name), account.domain);
    let Ok(Some(from)) = request.get::<From<'_>>() else {
        return Verdict::Answer(Answer::because(400, "Bad From"));
    };
    if from.uri.aor() != aor && !is_anonymous(&from.uri) {
        return Verdict::Answer(Answer::because(403, "From Is Not the Authenticated User"));
    }
    Verdict::Known(Identity {
        aor: aor.into(),
        display: account.display_name.as_deref().map(Into::into),
    })
}

/// Is the sender to be kept from everybody but this server?
///
/// RFC 3325 section 7: with `id` it is, with `none` it must not be. `user` and `header` of RFC 3323
/// ask for more than that, and what cannot be read may have. Who writes the anonymous URI as From
/// and says nothing else wants to be nobody too (RFC 3323 section 4.1.1.3).
pub(crate) fn hides_sender(message: &Fields) -> bool {
    if !message.has(Name::Privacy) {
        return matches!(message.get::<From<'_>>(), Ok(Some(from)) if is_anonymous(&from.uri));
    }
    let mut privacies = message.raw_all(Name::Privacy).map(Privacy::parse);
    !privacies.all(|privacy| privacy.is_ok_and(|privacy| !privacy.is_anonymous()))
}

/// Is it the anonymous URI of RFC 3323 section 4.1.1.3?
pub(crate) fn is_anonymous(uri: &Uri<'_>) -> bool {
    uri.is_sip() && uri.host().eq_ignore_ascii_case("anonymous.invalid")
}

/// The word of a trusted peer (RFC 3325): the first SIP identity it asserts.
pub(crate) fn asserted(request: &Request) -> Option<Identity> {
    request
        .list::<PAssertedIdentity<'_>>()
        .flatten()
        .find(|identity| identity.uri.is_sip())
        .map(|identity| Identity {
            aor: identity.uri.aor().into(),
            display: identity.display().map(Into::into),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Message;

    #[test]
    fn rfc_3325_7_privacy() {
        const OPEN: &str = "From: <sip:alice@h>;tag=a\r\n";
        const NOBODY: &str = "From: \"A\" <sip:anonymous@anonymous.invalid>;tag=a\r\n";
        for (from, privacy, want) in [
            (OPEN, "", false),
            (OPEN, "Privacy: id\r\n", true),
            (OPEN, "Privacy: none\r\n", false),
            (OPEN, "Privacy: user;critical\r\n", true),
            (OPEN, "Privacy: session\r\n", false),
            (OPEN, "Privacy: ;\r\n", true),
            (OPEN, "Privacy: session\r\nPrivacy: id\r\n", true),
            (NOBODY, "", true),
            (NOBODY, "Privacy: none\r\n", false),
        ] {
            let text = format!("INVITE sip:h SIP/2.0\r\n{from}{privacy}Call-ID: c\r\n\r\n");
            let Message::Request(request) = Message::parse(text.into()).unwrap() else {
                panic!("a request")
            };
            assert_eq!(hides_sender(&request), want, "{from} {privacy}");
        }
    }
}
