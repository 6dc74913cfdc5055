//! REFER to a conference: more people for it, or somebody to be taken out (IM 7.1.1.7, RFC 4579
//! sections 5.5 and 5.11).
//!
//! ```text
//!   REFER ──▶ Wanted::read ──▶ parked ──Order::Refer──▶ room ──Decided──▶ 202, or why not
//!                                                         └──Progress──▶ NOTIFY, if subscribed
//! ```

mod referrals;
mod subscription;

pub(crate) use referrals::{ReferCommand, Referrals};

use room::{Address, Claim, Guest};
use sip::header::{ReferSub, ReferTo};
use sip::{Name, Request, Uri};
use xdm::resource_lists::Entry;

use crate::core::{Answer, hides_sender};
use crate::focus::{MULTIPLE_REFER, NO_REFER_SUB, TIMER, adhoc, body};

/// The options of a REFER that are understood.
const OPTIONS: &[&str] = &[MULTIPLE_REFER, NO_REFER_SUB, TIMER];

/// What a REFER asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) deed: Deed,
    /// Whoever refers wants to stay hidden.
    pub(crate) hidden: bool,
    /// Whoever refers is to be told what comes of it.
    subscribes: bool,
}

/// What is to happen.
#[derive(Debug)]
pub(crate) enum Deed {
    /// These are to be invited.
    Invite(Vec<Guest>),
    /// These are to be taken out.
    Remove(Vec<Address>),
}

/// The method that whoever is named is to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Method {
    Invite,
    Bye,
}

impl Wanted {
    /// Reads a REFER.
    ///
    /// # Errors
    ///
    /// 400, 403, 415, 416, 420 or 501, with the reason.
    fn read(request: &Request, max_guests: u32) -> Result<Self, Answer> {
        if let Some(answer) = adhoc::unknown_options(request, OPTIONS) {
            return Err(answer);
        }
        let bad = |_| Answer::because(400, "Malformed Refer-To");
        // RFC 3515 section 2.4.2: exactly one.
        let target = match request.get::<ReferTo<'_>>().map_err(bad)? {
            Some(target) if request.raw_all(Name::ReferTo).nth(1).is_none() => target,
            Some(_) | None => return Err(Answer::because(400, "One Refer-To Is Needed")),
        };
        let said = request.get::<ReferSub>();
        let said = said.map_err(|_| Answer::because(400, "Malformed Refer-Sub"))?;
        let (people, is_list) = match target.uri.as_str().strip_prefix("cid:") {
            Some(id) => (listed(request, id, max_guests)?, true),
            None => (vec![Named::read(target.uri.as_str(), None)?], false),
        };
        let method = people.first().map_or(Method::Invite, |one| one.method);
        if people.iter().any(|one| one.method != method) {
            return Err(Answer::because(400, "Several Methods in One REFER"));
        }
        let deed = match method {
            Method::Invite => Deed::Invite(people.into_iter().map(|one| one.guest).collect()),
            Method::Bye => Deed::Remove(people.into_iter().map(|one| one.guest.address).collect()),
        };
        Ok(Self {
            deed,
            hidden: hides_sender(request),
            // RFC 5368 section 5, RFC 4488 section 4: of several nothing is told.
            subscribes: !is_list && said.is_none_or(|ReferSub(wanted)| wanted),
        })
    }
}

/// The people of the list that a `cid:` points to (RFC 5368).
fn listed(request: &Request, id: &str, max_guests: u32) -> Result<Vec<Named>, Answer> {
    let id = sip::unescape(id);
    let bodies = body::read_part(request, &id, max_guests)?;
    if bodies.overlong {
        return Err(Answer::warned(403, adhoc::NO_CREDIT));
    }
    let entries = bodies.list;
    let entries = entries.ok_or(Answer::because(400, "Refer-To Points to No URI List"))?;
    if entries.is_empty() {
        return Err(Answer::because(400, "The List Names Nobody"));
    }
    let named = |entry: &Entry| Named::read(&entry.uri, Some(entry));
    entries.iter().map(named).collect()
}

/// Somebody named in a REFER.
struct Named {
    guest: Guest,
    method: Method,
}

impl Named {
    fn read(text: &str, entry: Option<&Entry>) -> Result<Self, Answer> {
        let uri = Uri::parse(text).map_err(|_| Answer::because(400, "Malformed URI"))?;
        if !uri.is_sip() {
            return Err(Answer::plain(416));
        }
        let method = match uri.params().get("method") {
            None => Method::Invite,
            Some(method) if method.eq_ignore_ascii_case("INVITE") => Method::Invite,
            Some(method) if method.eq_ignore_ascii_case("BYE") => Method::Bye,
            Some(_) => return Err(Answer::because(501, "Only INVITE and BYE Are Referred To")),
        };
        let display = entry.and_then(|entry| entry.display_name.as_ref());
        Ok(Self {
            guest: Guest {
                address: Address::new(&uri.aor()),
                display: display.map(|name| name.text.as_str().into()),
                hidden: entry.is_some_and(body::hides),
                claim: Claim::default(),
            },
            method,
        })
    }
}
