//! Every typed header that is written: whatever is read, nothing panics, and what was read can be
//! written and read again as the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use proptest::collection::vec;
use proptest::prelude::*;
use sip::header::{
    AcceptContact, CSeq, CallId, Contact, ContentDisposition, ContentType, Event, Expires, Header,
    MaxForwards, MinSe, Privacy, RAck, RSeq, Reason, ReferSub, Replaces, RetryAfter,
    SessionExpires, SubscriptionState, Via, Warning,
};

/// Reads a value as each of these headers, and reads again what it is written as.
macro_rules! come_and_go {
    ($value:expr, $($header:ty),* $(,)?) => { $(
        if let Ok(read) = <$header>::parse($value) {
            let written = read.to_string();
            let again = <$header>::parse(&written).map(|again| again.to_string());
            prop_assert_eq!(again.as_deref(), Ok(&*written), "{}", stringify!($header));
        }
    )* };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn headers_come_and_go(value in value()) {
        come_and_go!(
            &value, AcceptContact<'_>, CallId<'_>, ContentDisposition<'_>, ContentType<'_>, CSeq<'_>, Event<'_>,
            Expires, MaxForwards, MinSe, Privacy<'_>, RAck<'_>, Reason<'_>, ReferSub, Replaces<'_>, RetryAfter<'_>,
            RSeq, SessionExpires, SubscriptionState<'_>, Via<'_>, Warning<'_>,
        );
        if let (Ok(wish), Ok(contact)) = (AcceptContact::parse(&value), Contact::parse(&format!("<sip:h>{value}"))) {
            prop_assert!(wish.score(&contact).is_none_or(|(met, asked)| met <= asked));
        }
        if let Ok(warning) = Warning::parse(&value) {
            prop_assert!(warning.number() < 1000 && warning.says(&warning.text));
        }
    }
}

/// A beginning that some header has, then whatever may follow in any.
fn value() -> impl Strategy<Value = String> {
    const FIRST: &[&str] = &[
        "*",
        "session",
        "text/plain",
        "7 INVITE",
        "1 7 INVITE",
        "conference",
        "0090",
        "id",
        "SIP",
        "true",
        "a@b",
        "active",
        "SIP/2.0/UDP h:5060",
        "399 h \"127 x\"",
        "120 (a (b))",
        "",
    ];
    const MORE: &[&str] = &[
        ";",
        "=",
        "\"",
        "\\",
        ",",
        " ",
        "(",
        ")",
        "/",
        "<",
        ">",
        "!",
        "1",
        "90",
        "x",
        "é",
        "\t",
        ";q=0.5",
        ";to-tag=1",
        ";from-tag=2",
        ";early-only",
        ";refresher=uac",
        ";expires=9",
        ";retry-after=1",
        ";reason=timeout",
        ";id=7",
        ";cause=410",
        ";text=\"a \\\" b\"",
        ";duration=5",
        ";require",
        ";+g.oma.sip-im",
        ";+x=\"a,<b>\"",
        ";handling=optional",
    ];
    let more = vec(prop::sample::select(MORE), 0..6);
    (prop::sample::select(FIRST), more)
        .prop_map(|(first, more)| format!("{first}{}", more.concat()))
}
