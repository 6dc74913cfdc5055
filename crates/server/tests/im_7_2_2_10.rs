//! 7.2.2.10: who is told who is in the conference, when, and what.

mod lab;

use std::time::{Duration, Instant};

use lab::ask::{identity, list};
use lab::{Ask, Chat, Guest, Lab, Phone};
use sip::{Message, Name, Request, Response};
use xdm::conference_info::{self, ConferenceInfo, EndpointStatus, State, User};

use EndpointStatus::{Alerting, Connected, Disconnected};

/// A subscription of one phone, which checks what every document must be.
struct Watch {
    ok: Response,
    next_version: u32,
    identity: String,
}

impl Watch {
    fn begin(phone: &mut Phone, identity: &str) -> (Self, ConferenceInfo) {
        let (ok, body) = phone.watches(identity);
        let mut watch = Self {
            ok,
            next_version: 0,
            identity: identity.to_owned(),
        };
        let info = watch.read(&body);
        assert_eq!(info.state, State::Full, "the first is full: {body}");
        (watch, info)
    }

    fn next(&mut self, phone: &mut Phone) -> ConferenceInfo {
        self.next_with(phone).1
    }

    fn next_with(&mut self, phone: &mut Phone) -> (Request, ConferenceInfo) {
        let (notify, body) = phone.notified();
        let info = self.read(&body);
        (notify, info)
    }

    /// IM-7.2.2.10-S0d, IM-7.2.2.10-S1 and what holds for each user in each document.
    fn read(&mut self, body: &str) -> ConferenceInfo {
        let info = conference_info::read(body.as_bytes(), conference_info::MAX_BYTES).unwrap();
        assert_eq!(
            info.entity.as_deref(),
            Some(self.identity.as_str()),
            "IM-7.2.2.10-S1: {body}"
        );
        assert_eq!(
            info.version,
            Some(self.next_version),
            "no version is left out: {body}"
        );
        self.next_version += 1;
        for user in info.users.iter().flat_map(|users| &users.users) {
            assert!(!user.entity.is_empty(), "IM-7.2.2.10-S2a: {body}");
            assert_eq!(user.endpoints.len(), 1, "IM-7.2.2.10-S2c: {body}");
            assert!(
                !user.endpoints[0].entity.is_empty(),
                "IM-7.2.2.10-S2c1: {body}"
            );
            let status = user.endpoints[0].status;
            // IM-7.2.2.10-S2c2, IM-7.2.2.10-S2c2v
            assert!(
                matches!(status, Some(Alerting | Connected | Disconnected)),
                "{body}"
            );
        }
        info
    }

    /// A SUBSCRIBE inside the dialog.
    fn again(&self, phone: &mut Phone, extra: &str) -> Response {
        let cseq = phone.next_cseq();
        let headers = format!(
            "Contact: {}\r\nEvent: conference\r\n{extra}",
            phone.contact()
        );
        let text = phone.inside("SUBSCRIBE", &self.ok, cseq, &headers, "");
        phone.send(text.as_bytes());
        phone.final_response_to("SUBSCRIBE", self.ok.raw(Name::CallId).unwrap(), cseq)
    }
}

fn users(info: &ConferenceInfo) -> &[User] {
    info.users.as_ref().map_or(&[], |users| &users.users)
}

/// Who is shown, and how: sorted by entity.
fn shown(info: &ConferenceInfo) -> Vec<(&str, EndpointStatus)> {
    let mut shown: Vec<_> = users(info)
        .iter()
        .map(|user| {
            let name = user.entity.strip_prefix("sip:").unwrap_or(&user.entity);
            (
                name.strip_suffix("@localhost").unwrap_or(name),
                user.endpoints[0].status.unwrap(),
            )
        })
        .collect();
    shown.sort_by_key(|(name, _)| *name);
    shown
}

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
        lab::ask::uri(ok.raw(Name::Contact).unwrap()),
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

/// RFC 6665 section 4.4.1: Expires 0 ends it, and the last NOTIFY says so.
#[test]
fn who_unsubscribes_is_told_no_more() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let (watch, _) = Watch::begin(&mut conference.host, &conference.identity.clone());
    assert_eq!(
        watch.again(&mut conference.host, "Expires: 0\r\n").status(),
        200
    );
    let (notify, _) = conference.host.notified();
    assert!(
        state(&notify).starts_with("terminated"),
        "{}",
        state(&notify)
    );
    conference.guests[1].leaves();
    conference.guests.truncate(1);
    conference.all_hear("only bob");
    conference.host.heard_only(|_| false);
    assert_eq!(watch.again(&mut conference.host, "").status(), 481);
}

fn state(notify: &Request) -> &str {
    notify.raw(Name::SubscriptionState).unwrap_or_default()
}

/// Whoever leaves is told nothing more; when the last leaves, all who still watch are told that.
#[test]
fn subscriptions_end_with_the_participation_and_with_the_conference() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    let (mut of_alice, _) = Watch::begin(&mut conference.host, &identity);
    let (_, _) = Watch::begin(&mut conference.guests[1].phone, &identity);
    conference.guests[1].leaves();
    let (notify, _) = conference.guests[1].phone.notified();
    assert!(
        state(&notify).starts_with("terminated"),
        "{}",
        state(&notify)
    );
    of_alice.next(&mut conference.host);
    // Who has left is a stranger now.
    let response = subscribe(
        &mut conference.guests[1].phone,
        &identity,
        "Event: conference\r\n",
    );
    assert_eq!(response.status(), 403);

    conference.host_leaves();
    let (notify, _) = conference.host.notified();
    assert!(
        state(&notify).starts_with("terminated"),
        "{}",
        state(&notify)
    );
    conference.guests[0].leaves();
    lab.settled();
    let response = subscribe(&mut conference.host, &identity, "Event: conference\r\n");
    assert_eq!(response.status(), 404, "{}", response.reason());
}

/// RFC 4575 section 4.4, RFC 6665 section 4.2.2: the end of a conference is told as such.
#[test]
fn the_end_of_the_conference_is_told() {
    let mut lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    Watch::begin(&mut conference.host, &conference.identity);
    let server = lab.server.take().unwrap();
    let end = lab.runtime.spawn(server.shutdown());
    let (notify, body) = conference.host.notified();
    assert_eq!(state(&notify), "terminated;reason=noresource");
    assert!(body.contains("state=\"deleted\""), "{body}");
    conference.host.is_released();
    for guest in &mut conference.guests {
        guest.phone.is_released();
    }
    lab.runtime.block_on(end).unwrap();
}

fn subscribe(phone: &mut Phone, identity: &str, extra: &str) -> Response {
    let headers = format!("Contact: {}\r\n{extra}", phone.contact());
    phone.request("SUBSCRIBE", identity, &headers, "")
}

/// (who, what, status, a header and what it says)
type Row = (
    &'static str,
    &'static str,
    u16,
    Option<(Name, &'static str)>,
);

#[rustfmt::skip]
const REFUSED: &[Row] = &[
    ("dave",  "Event: conference\r\n",                  403, None),
    ("alice", "Event: presence\r\n",                    489, Some((Name::AllowEvents, "conference"))),
    ("alice", "",                                       489, Some((Name::AllowEvents, "conference"))),
    ("alice", "Event: conference\r\nExpires: 10\r\n",   423, Some((Name::MinExpires, "60"))),
    ("alice", "Event: conference\r\nExpires: soon\r\n", 400, None),
    ("alice", "Event: conference\r\nAccept: text/plain\r\n", 406, Some((Name::Accept, "application/conference-info+xml"))),
    ("alice", "Event: conference\r\nRequire: telepathy\r\n", 420, Some((Name::Unsupported, "telepathy"))),
];

#[test]
fn who_or_what_may_not_be_subscribed() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let mut dave = lab.phone("dave");
    for (who, extra, status, header) in REFUSED {
        let phone = if *who == "dave" {
            &mut dave
        } else {
            &mut conference.host
        };
        let response = subscribe(phone, &conference.identity, extra);
        assert_eq!(
            response.status(),
            *status,
            "{who} {extra}: {}",
            response.reason()
        );
        if let Some((name, value)) = header {
            assert_eq!(response.raw(*name), Some(*value), "{who} {extra}");
        }
    }
    // A subscription has a dialog of its own.
    let extra = format!(
        "Contact: {}\r\nEvent: conference\r\n",
        conference.host.contact()
    );
    assert_eq!(conference.host_asks("SUBSCRIBE", &extra, "").status(), 403);
    dave.heard_only(|_| false);
    conference.host.heard_only(|_| false);
}

/// A subscriber who does not answer a NOTIFY is told nothing more; the conference goes on.
#[test]
fn who_does_not_answer_is_told_no_more() {
    let lab = Lab::with(|setup, _| setup.t1 = Duration::from_millis(20));
    let mut conference = lab.conference(&["bob"]);
    let response = subscribe(
        &mut conference.host,
        &conference.identity,
        "Event: conference\r\n",
    );
    assert_eq!(response.status(), 200);
    conference.host.incoming("NOTIFY");
    let deadline = Instant::now() + lab::PATIENCE;
    while lab.runtime.block_on(lab.server().leftovers()).subscriptions > 0 {
        assert!(Instant::now() < deadline);
    }
    conference.all_hear("hello");
    conference
        .host
        .heard_only(|message| matches!(message, Message::Request(_)));
}
