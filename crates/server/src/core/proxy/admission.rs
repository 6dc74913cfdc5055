//! May a request go on? RFC 3261 section 16.3, with the loop detection of RFC 5393.
//!
//! Syntax, scheme and credentials were looked at by the shard; here are the steps 3 to 5.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use sip::header::{CSeq, MaxForwards, Via};
use sip::{Name, Request};

use crate::core::Answer;

/// The most branches that all forks of one request may have together, over all proxies, and
/// what a request begins with (RFC 5393 section 5.3.3).
const BREADTH: u32 = 60;

/// The label of the header that bounds them. The parser has no name for it.
pub(super) const MAX_BREADTH: &str = "Max-Breadth";

/// What an admitted request takes along to its next hops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Passport {
    pub(super) max_forwards: MaxForwards,
    /// How many branches it may still split into.
    pub(super) breadth: u32,
    /// The second part of our branches (RFC 5393 section 4.2.1).
    pub(super) course: u64,
}

/// Admits a request, or says why not. `key` is this server's own.
pub(super) fn admit(request: &Request, key: u64) -> Result<Passport, Answer> {
    let max_forwards = match request.get::<MaxForwards>() {
        // RFC 3261 section 16.3 step 3: 483 at zero; absent passes, and 16.6 step 3 adds 70.
        Ok(Some(hops)) => hops.next().ok_or_else(|| Answer::plain(483))?,
        Ok(None) => MaxForwards::NEW,
        Err(_) => return Err(Answer::because(400, "Bad Max-Forwards")),
    };
    let course = course(request, key);
    // RFC 5393 section 4.2.2: with nothing changed since it was here, it would go round for ever.
    if has_been_here(request, course) {
        return Err(Answer::plain(482));
    }
    // RFC 3261 section 16.3 step 5: this proxy has no extension that could be asked of it.
    if request.has(Name::ProxyRequire) {
        let mut unsupported = String::new();
        for token in request.tokens(Name::ProxyRequire) {
            let comma = if unsupported.is_empty() { "" } else { ", " };
            let _ = write!(unsupported, "{comma}{token}");
        }
        return Err(Answer::plain(420).with(Name::Unsupported, unsupported));
    }
    Ok(Passport {
        max_forwards,
        breadth: breadth(request),
        course,
    })
}

/// The shares of a request's breadth that `count` branches get. `None` when it is not enough.
pub(super) fn split(breadth: u32, count: usize) -> Option<impl Iterator<Item = u32>> {
    let count = u32::try_from(count)
        .ok()
        .filter(|count| *count <= breadth)?;
    let each = breadth.checked_div(count).unwrap_or(breadth);
    let rest = breadth.checked_rem(count).unwrap_or(0);
    // RFC 5393 section 5.3.3: no more than came, and not less either.
    Some((0..count).map(move |at| each.saturating_add(u32::from(at < rest))))
}

fn breadth(request: &Request) -> u32 {
    match request.raw_other(MAX_BREADTH).map(str::parse::<u32>) {
        Some(Ok(breadth)) => breadth.min(BREADTH),
        // What is absent gets the value of RFC 5393; what cannot be read is overwritten with it.
        Some(Err(_)) | None => BREADTH,
    }
}

/// What decides where a request goes, and which request it is, as one number.
fn course(request: &Request, key: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    request.uri().hash(&mut hasher);
    for name in [Name::Route, Name::AcceptContact, Name::CallId] {
        for value in request.raw_all(name) {
            value.hash(&mut hasher);
        }
    }
    // The method is left out (RFC 5393 section 4.2.1), the number keeps a collision from lasting.
    if let Ok(Some(cseq)) = request.get::<CSeq<'_>>() {
        cseq.number.hash(&mut hasher);
    }
    hasher.finish()
}

/// Is one of the Vias ours, set when the request stood as it stands now?
///
/// The sent-by need not be compared: nobody else knows the key of the number.
fn has_been_here(request: &Request, course: u64) -> bool {
    let mut vias = request.list::<Via<'_>>().flatten();
    vias.any(|via| via.branch().and_then(course_of) == Some(course))
}

/// The second part of a branch of ours.
fn course_of(branch: &str) -> Option<u64> {
    let (_, course) = branch.rsplit_once('.')?;
    (course.len() == 16)
        .then(|| u64::from_str_radix(course, 16).ok())
        .flatten()
}

/// A branch of both parts (RFC 5393 section 4.2.1): what is unique, and what tells a loop.
///
/// Who has not seen the request can guess neither: 64 random bits and a keyed hash.
pub(super) fn branch(unique: u64, course: u64) -> String {
    let mut branch = String::with_capacity(40);
    let _ = write!(branch, "{}{unique:016x}.{course:016x}", Via::COOKIE);
    branch
}

/// The branch of a request that is forwarded without a transaction: the same for each copy of it
/// (RFC 3261 section 16.11).
pub(super) fn stateless_branch(request: &Request, course: u64, key: u64) -> String {
    let mut hasher = DefaultHasher::new();
    (key, course).hash(&mut hasher);
    request.raw(Name::Via).hash(&mut hasher);
    branch(hasher.finish(), course)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Message;

    fn request(method: &str, more: &str) -> Request {
        let text = format!(
            "{method} sip:bob@localhost SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\n\
             From: <sip:alice@localhost>;tag=a\r\nTo: <sip:bob@localhost>\r\nCall-ID: c\r\n\
             CSeq: 7 {method}\r\n{more}\r\n"
        );
        let Ok(Message::Request(request)) = Message::parse(text.into()) else {
            panic!("a request")
        };
        request
    }

    #[test]
    fn rfc_3261_16_3_what_may_go_on() {
        for (more, want) in [
            ("", Ok((70, 60))),
            ("Max-Forwards: 70\r\n", Ok((69, 60))),
            ("Max-Forwards: 1\r\nMax-Breadth: 3\r\n", Ok((0, 3))),
            ("max-breadth: 61\r\n", Ok((70, 60))),
            ("Max-Breadth: many\r\n", Ok((70, 60))),
            ("Max-Forwards: 0\r\n", Err(483)),
            ("Max-Forwards: x\r\n", Err(400)),
            ("Proxy-Require: sec-agree\r\n", Err(420)),
            // The steps are ordered: the earliest objection is the one the sender hears.
            ("Proxy-Require: a\r\nMax-Forwards: 0\r\n", Err(483)),
        ] {
            let got = admit(&request("MESSAGE", more), 1);
            let got = got.map(|pass| (pass.max_forwards.0, pass.breadth));
            assert_eq!(got.map_err(|answer| answer.status), want, "{more}");
        }
    }

    #[test]
    fn rfc_3261_16_3_step_5_a_420_names_what_is_unsupported() {
        let answer = admit(
            &request("MESSAGE", "Proxy-Require: a,b\r\nProxy-Require: c\r\n"),
            1,
        );
        let want = Answer::plain(420).with(Name::Unsupported, "a, b, c");
        assert_eq!(answer, Err(want));
    }

    #[test]
    fn rfc_5393_4_2_a_loop_is_told_from_a_spiral() {
        let first = admit(&request("INVITE", ""), 1).unwrap();
        let ours = format!(
            "Via: SIP/2.0/UDP b;branch=z9hG4bKb\r\nVia: SIP/2.0/UDP us;branch={}\r\n",
            branch(9, first.course)
        );
        for (method, more, key, want) in [
            ("INVITE", "", 1, Some(482)),
            // The branch does not depend on the method, so a CANCEL or ACK matches too.
            ("MESSAGE", "", 1, Some(482)),
            ("INVITE", "Route: <sip:x;lr>\r\n", 1, None),
            ("INVITE", "Accept-Contact: *;+g.oma.sip-im\r\n", 1, None),
            // The same branch from another server is not ours.
            ("INVITE", "", 2, None),
        ] {
            let got = admit(&request(method, &format!("{ours}{more}")), key);
            assert_eq!(got.err().map(|a| a.status), want, "{method} {more}");
        }
        // Branches of others, however they look, are no loop.
        let odd = "Via: SIP/2.0/UDP b;branch=z9hG4bK.\r\nVia: nonsense\r\nVia: SIP/2.0/UDP b\r\n";
        assert!(admit(&request("INVITE", odd), 1).is_ok());
    }

    #[test]
    fn rfc_5393_5_3_3_breadth_is_shared_out() {
        for (breadth, count, want) in [
            (60, 1, Some(vec![60])),
            (60, 2, Some(vec![30, 30])),
            (5, 3, Some(vec![2, 2, 1])),
            (2, 3, None),
            (0, 1, None),
        ] {
            let got = split(breadth, count).map(Iterator::collect);
            assert_eq!(got, want, "{breadth} {count}");
        }
    }

    #[test]
    fn rfc_3261_16_11_a_copy_gets_the_same_branch() {
        let (one, other) = (request("ACK", ""), request("ACK", "Max-Forwards: 3\r\n"));
        assert_eq!(stateless_branch(&one, 5, 1), stateless_branch(&other, 5, 1));
        assert_ne!(stateless_branch(&one, 5, 1), stateless_branch(&one, 6, 1));
        assert!(stateless_branch(&one, 5, 1).starts_with(Via::COOKIE));
    }
}
