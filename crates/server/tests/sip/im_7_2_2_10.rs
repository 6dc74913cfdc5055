//! 7.2.2.10: who is told who is in the conference, when, and what.

use std::time::{Duration, Instant};

use crate::lab::ask::{identity, list};
use crate::lab::watch::{Watch, shown, users};
use crate::lab::{Ask, Chat, Guest, Lab};
use sip::Name;
use xdm::conference_info::EndpointStatus::{Alerting, Connected, Disconnected};
use xdm::conference_info::{ConferenceInfo, State};

/// IM-7.2.2.10-S0a: 200, then a NOTIFY at once with the whole state; then what changes, once.
#[test]
fn im_7_2_2_10_s0_full_then_partial() {
    let lab = Lab::start();
    let (mut alice, mut bob, mut carol) =
        (lab.phone("alice"), lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let to_bob = bob.invited();
    bob.accept(&to_bob, "", &Chat::sdp("bob"));
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    let (mut watch, info) = Watch::begin(&mut alice, &identity(&ok));
    // IM-7.2.2.10-S2: one user for each participant. carol has not rung yet.
    assert_eq!(shown(&info), [("alice", Connected), ("bob", Connected)]);
    assert_eq!(
        info.users.as_ref().map(|users| users.state),
        Some(State::Full)
    );

    // IM-7.2.2.10-S0c: only what has changed.
    let to_carol = carol.invited();
    carol.rings(&to_carol);
    let info = watch.next(&mut alice);
    assert_eq!(info.state, State::Partial);
    assert_eq!(
        info.users.as_ref().map(|users| users.state),
        Some(State::Partial)
    );
    assert_eq!(shown(&info), [("carol", Alerting)], "IM-7.2.2.10-S2c2D");
    carol.accept(&to_carol, "", &Chat::sdp("carol"));
    assert_eq!(
        shown(&watch.next(&mut alice)),
        [("carol", Connected)],
        "IM-7.2.2.10-S2c2A"
    );
    carol.asks(&to_carol, "BYE", "", "");
    assert_eq!(
        shown(&watch.next(&mut alice)),
        [("carol", Disconnected)],
        "IM-7.2.2.10-S2c2B"
    );

    // A refresh brings the whole state again, in which there is no place for who has left.
    assert_eq!(watch.again(&mut alice, "").status(), 200);
    let info = watch.next(&mut alice);
    assert_eq!(info.state, State::Full);
    assert_eq!(shown(&info), [("alice", Connected), ("bob", Connected)]);
    alice.heard_only(|_| false);
}

/// The headers of a NOTIFY: RFC 6665 section 4.1.3, RFC 4575 section 3.2.
#[test]
fn im_7_2_2_10_s0a_the_notify() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let headers = format!(
        "Contact: {}\r\nEvent: conference\r\nExpires: 600\r\n",
        conference.host.contact()
    );
    let ok = conference
        .host
        .request("SUBSCRIBE", &conference.identity, &headers, "");
    assert_eq!(ok.raw(Name::Expires), Some("600"));
    assert_eq!(
        crate::lab::ask::uri(ok.raw(Name::Contact).unwrap()),
        conference.identity
    );
    let (notify, body) = conference.host.notified();
    assert_eq!(notify.raw(Name::Event), Some("conference"));
    assert_eq!(
        notify.raw(Name::ContentType),
        Some("application/conference-info+xml")
    );
    let state = notify.raw(Name::SubscriptionState).unwrap();
    let expires = state
        .strip_prefix("active;expires=")
        .unwrap_or_else(|| panic!("{state}"));
    assert!(
        (590..=600).contains(&expires.parse::<u32>().unwrap()),
        "{state}"
    );
    // RFC 4575 section 5.2 wants both in a full document.
    assert!(
        body.contains("<conference-description") && body.contains("<users"),
        "{body}"
    );
}

/// IM-7.2.2.10-S0b: changes within the interval are told together, and not before it is over.
#[test]
fn im_7_2_2_10_s0b_the_rate_is_limited() {
    let interval = Duration::from_millis(1500);
    let lab = Lab::with(|_, policy| policy.notify_min_interval = interval);
    let guests = ["bob", "carol", "dave"];
    let mut alice = lab.phone("alice");
    let phones: Vec<_> = guests.iter().map(|user| lab.phone(user)).collect();
    let call_id = Ask::guests(&guests).send(&mut alice);
    let mut phones = phones.into_iter();
    let _bob = Guest::joins(phones.next().unwrap(), "");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    let before = Instant::now();
    let (mut watch, _) = Watch::begin(&mut alice, &identity(&ok));
    let mut others = Vec::new();
    for mut phone in phones {
        let invitation = phone.invited();
        phone.rings(&invitation);
        phone.accept(&invitation, "", &Chat::sdp("late"));
        others.push((phone, invitation));
    }
    let (mut carol, invitation) = others.remove(0);
    carol.asks(&invitation, "BYE", "", "");
    let info = watch.next(&mut alice);
    assert!(
        before.elapsed() >= interval,
        "told after {:?}",
        before.elapsed()
    );
    assert_eq!(shown(&info), [("carol", Disconnected), ("dave", Connected)]);
    alice.heard_only(|_| false);
}

/// IM-7.2.2.10-S2a5: each sees `yourown` on the own entry, and there alone, in full and in
/// partial documents.
#[test]
fn im_7_2_2_10_s2a5_yourown() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    let (mut of_alice, info) = Watch::begin(&mut conference.host, &identity);
    assert_eq!(own(&info), ["sip:alice@localhost"]);
    let (mut of_bob, info) = Watch::begin(&mut conference.guests[0].phone, &identity);
    assert_eq!(own(&info), ["sip:bob@localhost"]);
    // A change of carol's is nobody else's own.
    conference.guests[1].leaves();
    assert!(own(&of_alice.next(&mut conference.host)).is_empty());
    assert!(own(&of_bob.next(&mut conference.guests[0].phone)).is_empty());
}

fn own(info: &ConferenceInfo) -> Vec<&str> {
    users(info)
        .iter()
        .filter(|user| user.yourown)
        .map(|user| user.entity.as_str())
        .collect()
}

/// (rule, the inviter's headers, bob's entry, how the inviter is known, how bob is)
type Names = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const ANONYMOUS: &str = "anonymous";

#[rustfmt::skip]
const NAMES: &[Names] = &[
    ("IM-7.2.2.10-S2a1", "", "uri=\"sip:bob@localhost\"", "sip:alice@localhost", "sip:bob@localhost"),
    ("IM-7.2.2.10-S2a3", "", "uri=\"sip:bob@localhost\" cp:copyControl=\"cc\"", "sip:alice@localhost", "sip:bob@localhost"),
    ("IM-7.2.2.10-S2a2", "Privacy: id\r\n", "uri=\"sip:bob@localhost\"", ANONYMOUS, "sip:bob@localhost"),
    ("IM-7.2.2.10-S2a4", "", "uri=\"sip:bob@localhost\" cp:copyControl=\"bcc\"", "sip:alice@localhost", ANONYMOUS),
    ("IM-7.2.2.10-S2a4", "", "uri=\"sip:bob@localhost\" cp:copyControl=\"to\" cp:anonymize=\"true\"", "sip:alice@localhost", ANONYMOUS),
];

/// By which identity each is known to carol, who hides nothing and sees all.
#[test]
fn im_7_2_2_10_s2a_entities() {
    let lab = Lab::start();
    for (rule, headers, bobs, inviter, invited) in NAMES {
        let entries = format!("<entry {bobs}/><entry uri=\"sip:carol@localhost\"/>");
        let ask = Ask::guests(&[]).with_entries(&entries).with(headers);
        let mut conference = lab.conference_by(&ask, &["bob", "carol"]);
        let (_, info) = Watch::begin(&mut conference.guests[1].phone, &conference.identity);
        let mut entities: Vec<_> = users(&info)
            .iter()
            .map(|user| user.entity.as_str())
            .collect();
        entities.sort_unstable();
        let mut unique = entities.clone();
        unique.dedup();
        assert_eq!(entities, unique, "{rule}: each has one of their own");
        let known = |want: &str| match want {
            ANONYMOUS => entities
                .iter()
                .any(|e| e.starts_with("sip:anonymous") && e.ends_with("@anonymous.invalid")),
            want => entities.contains(&want),
        };
        assert_eq!(entities.len(), 3, "{rule}: {entities:?}");
        assert!(known(inviter) && known(invited), "{rule}: {entities:?}");
        // The hidden know themselves all the same.
        let (_, info) = Watch::begin(&mut conference.guests[0].phone, &conference.identity);
        assert_eq!(own(&info).len(), 1, "{rule}");
        let (_, info) = Watch::begin(&mut conference.host, &conference.identity);
        assert_eq!(own(&info).len(), 1, "{rule}");
    }
}

/// IM-7.2.2.10-S2b, IM-7.2.2.10-S2b1: the name that goes with the identity shown, and none with
/// an anonymous one.
#[test]
fn im_7_2_2_10_s2b_display_text() {
    let lab = Lab::start();
    let name = |text: &str| format!("<display-name>{text}</display-name>");
    let entries = format!(
        "<entry uri=\"sip:bob@localhost\">{}</entry>\
         <entry uri=\"sip:carol@localhost\" cp:copyControl=\"bcc\">{}</entry>",
        name("Bob &lt;B&gt;"),
        name("Carol C")
    );
    let mut ask = Ask::guests(&[]);
    ask.list = list(&entries);
    let mut conference = lab.conference_by(&ask, &["bob", "carol"]);
    let (_, info) = Watch::begin(&mut conference.host, &conference.identity);
    let mut names: Vec<_> = users(&info)
        .iter()
        .map(|user| user.display_text.as_deref())
        .collect();
    names.sort_unstable();
    assert_eq!(names, [None, None, Some("Bob <B>")]);
}

/// IM-7.2.2.10-S2a4: who was seen ringing and then accepts in hiding disappears under the old
/// name, and nothing says that the one who appears is the same.
#[test]
fn im_7_2_2_10_s2a4_hiding_after_ringing() {
    let lab = Lab::start();
    let (mut alice, carol, mut bob) = (lab.phone("alice"), lab.phone("carol"), lab.phone("bob"));
    let call_id = Ask::guests(&["carol", "bob"]).send(&mut alice);
    let mut carol = Guest::joins(carol, "");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    let (mut watch, _) = Watch::begin(&mut carol.phone, &identity(&ok));
    let invitation = bob.invited();
    bob.rings(&invitation);
    assert_eq!(shown(&watch.next(&mut carol.phone)), [("bob", Alerting)]);
    bob.accept(&invitation, "Privacy: id\r\n", &Chat::sdp("bob"));
    let info = watch.next(&mut carol.phone);
    assert_eq!(
        shown(&info),
        [
            ("anonymous1@anonymous.invalid", Connected),
            ("bob", Disconnected)
        ]
    );
    bob.asks(&invitation, "BYE", "", "");
    let info = watch.next(&mut carol.phone);
    assert_eq!(
        shown(&info),
        [("anonymous1@anonymous.invalid", Disconnected)]
    );
}
