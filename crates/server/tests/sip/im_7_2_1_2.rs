//! 7.2.1.2, the steps: what is checked before anybody is invited, in which order, and who is.

use crate::lab::ask::{FACTORY, entries, identity, list};
use crate::lab::{Ask, Chat, Guest, Lab, Phone};
use sip::sdp::Description;
use sip::{Message, Name, Response};

const NOT_AUTHORISED: Option<&str> = Some("399 localhost \"127 Service not authorised\"");
const ANONYMITY: Option<&str> = Some("399 localhost \"119 Anonymity not allowed\"");
const TOO_MANY: Option<&str> = Some("399 localhost \"102 too many participants\"");

/// (rule, who asks, what is wrong with it, status, Warning)
type Row = (
    &'static str,
    &'static str,
    fn(&mut Ask),
    u16,
    Option<&'static str>,
);

/// alice may, erin may not; nobody may hide; three guests at most. A good INVITE has three.
#[rustfmt::skip]
const REFUSED: &[Row] = &[
    ("IM-7.2.1.2-S1",  "alice", no_factory, 404, None),
    ("IM-7.2.1.2-S2",  "erin",  |_| {},     403, NOT_AUTHORISED),
    ("IM-7.2.1.2-S2a", "erin",  |_| {},     403, NOT_AUTHORISED),
    ("IM-7.2.1.2-S3",  "alice", hidden,     403, ANONYMITY),
    ("IM-7.2.1.2-S3",  "alice", |ask| ask.extra = "Privacy: header; id\r\n".to_owned(), 403, ANONYMITY),
    ("IM-7.2.1.2-S7",  "alice", no_chat,    488, None),
    ("IM-7.2.1.2-S7a", "alice", no_chat,    488, None),
    ("IM-7.2.1.2-S8",  "alice", too_many,   486, TOO_MANY),
    ("IM-7.2.1.2-S8a", "alice", too_many,   486, TOO_MANY),
    ("IM-7.2.1.2-S8a", "alice", far_too_many, 486, TOO_MANY),
    // The steps are ordered: the earliest objection is the one the sender hears.
    ("IM-7.2.1.2-S1",  "erin",  |ask| { no_factory(ask); hidden(ask); no_chat(ask); too_many(ask) }, 404, None),
    ("IM-7.2.1.2-S2a", "erin",  |ask| { hidden(ask); no_chat(ask); too_many(ask) }, 403, NOT_AUTHORISED),
    ("IM-7.2.1.2-S2a", "erin",  |ask| { no_chat(ask); far_too_many(ask) },          403, NOT_AUTHORISED),
    ("IM-7.2.1.2-S3",  "alice", |ask| { hidden(ask); no_chat(ask); too_many(ask) }, 403, ANONYMITY),
    ("IM-7.2.1.2-S2a", "erin",  |ask| ask.list = "<broken".to_owned(),               403, NOT_AUTHORISED),
    ("IM-7.2.1.2-S3",  "alice", |ask| { hidden(ask); ask.list = "<broken".to_owned() }, 403, ANONYMITY),
    ("IM-7.2.1.2-S7a", "alice", |ask| { no_chat(ask); too_many(ask) },              488, None),
    ("IM-7.2.1.2-S7a", "alice", |ask| { no_chat(ask); far_too_many(ask) },          488, None),
];

fn no_factory(ask: &mut Ask) {
    ask.uri = "sip:conference-shop@localhost".to_owned();
}

fn hidden(ask: &mut Ask) {
    ask.extra = "Privacy: id\r\n".to_owned();
}

fn no_chat(ask: &mut Ask) {
    ask.sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=audio 4000 RTP/AVP 0\r\n"
        .to_owned();
}

fn too_many(ask: &mut Ask) {
    ask.list = list(&entries(&["bob", "carol", "dave", "frank"]));
}

fn far_too_many(ask: &mut Ask) {
    let names: Vec<_> = (0..100).map(|number| format!("guest{number}")).collect();
    ask.list = list(&entries(
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    ));
}

#[test]
fn who_may_not_is_told_so_and_nobody_is_invited() {
    let lab = Lab::with(|_, policy| {
        policy.focus.allowed_senders = vec!["sip:alice@localhost".to_owned()];
        policy.focus.allow_anonymity = false;
        policy.focus.max_adhoc_group_size = 3;
    });
    let guests = ["bob", "carol", "dave"];
    let mut invitees: Vec<_> = guests.iter().map(|user| lab.phone(user)).collect();
    let (mut alice, mut erin) = (lab.phone("alice"), lab.phone("erin"));
    for (rule, who, spoil, status, warning) in REFUSED {
        let phone = if *who == "alice" {
            &mut alice
        } else {
            &mut erin
        };
        let mut ask = Ask::guests(&guests);
        spoil(&mut ask);
        let response = ask.ask(phone);
        assert_eq!(response.status(), *status, "{rule}: {}", response.reason());
        // The text that OMA fixed stands first; which rule it was, behind it.
        let mut told: Vec<_> = response.raw_all(Name::Warning).collect();
        let named = told.pop_if(|last| last.contains("\"rule IM-7.2.1.2-"));
        assert!(named.is_some(), "{rule}: the refusal names its rule");
        assert_eq!(told.first().copied(), *warning, "{rule}");
        // IM-7.2.1.2-S8a: no session remains, and nobody hears of it.
        lab.settled();
    }
    for phone in &mut invitees {
        phone.heard_only(|_| false);
    }
    // Nothing else was wrong with it.
    let call_id = Ask::guests(&guests).send(&mut alice);
    invitees[0].invited();
    alice.cancels(&call_id, FACTORY);
}

/// (what, the media part of the offer)
#[rustfmt::skip]
const MEDIA: &[(&str, &str)] = &[
    ("no m=message",   "m=audio 4000 RTP/AVP 0\r\n"),
    ("no path",        "m=message 9 TCP/MSRP *\r\na=accept-types:message/cpim\r\na=setup:active\r\n"),
    ("TLS",            "m=message 9 TCP/TLS/MSRP *\r\na=accept-types:message/cpim\r\n\
                        a=path:msrps://127.0.0.1:9/h;tcp\r\na=setup:active\r\n"),
    ("no CPIM",        "m=message 9 TCP/MSRP *\r\na=accept-types:text/plain\r\n\
                        a=path:msrp://127.0.0.1:9/h;tcp\r\na=setup:active\r\n"),
    ("port 0",         "m=message 0 TCP/MSRP *\r\na=accept-types:message/cpim\r\n\
                        a=path:msrp://127.0.0.1:9/h;tcp\r\na=setup:active\r\n"),
    ("not to be called", "m=message 9 TCP/MSRP *\r\na=accept-types:message/cpim\r\n\
                        a=path:msrp://127.0.0.1:9/h;tcp\r\na=setup:passive\r\n"),
];

/// IM-7.2.1.2-S7, IM-7.2.1.2-S7a: 488, and what we would have taken.
#[test]
fn im_7_2_1_2_s7a_says_what_is_supported() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    for (what, media) in MEDIA {
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{media}"
        );
        let response = Ask::guests(&["bob"]).with_sdp(&offer).ask(&mut alice);
        assert_eq!(response.status(), 488, "{what}: {}", response.reason());
        assert_eq!(
            response.raw(Name::ContentType),
            Some("application/sdp"),
            "{what}"
        );
        let body = response.body();
        Description::parse(&body).unwrap_or_else(|error| panic!("{what}: {error}"));
        let text = std::str::from_utf8(&body).unwrap();
        for line in [
            "m=message 0 TCP/MSRP *",
            "a=accept-types:message/cpim",
            "a=accept-wrapped-types:*",
        ] {
            assert!(text.contains(line), "{what}: {line} in {text}");
        }
        assert!(
            !text.contains("a=path"),
            "{what}: there is no session to connect to: {text}"
        );
        lab.settled();
    }
}

/// IM-7.2.1.2-S8: each user counts once, however often and however written; the inviter does not
/// count. IM-7.2.1.2-S9: each user is invited, once.
#[test]
fn im_7_2_1_2_s8_s9_each_user_counts_and_is_invited_once() {
    let lab = Lab::with(|_, policy| policy.focus.max_adhoc_group_size = 3);
    let mut alice = lab.phone("alice");
    let phones: Vec<_> = ["bob", "carol", "dave"]
        .iter()
        .map(|user| lab.phone(user))
        .collect();
    let spellings = "<entry uri=\"sip:bob@LOCALHOST\"/><entry uri=\"sip:%62ob@localhost\"/>\
                     <entry uri=\"sip:alice@localhost\"/>";
    let all = entries(&["bob", "carol", "dave", "bob"]) + spellings;
    let call_id = Ask::guests(&[]).with_entries(&all).send(&mut alice);
    let mut guests: Vec<_> = phones
        .into_iter()
        .map(|phone| Guest::joins(phone, ""))
        .collect();
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    chat.say_and_wait("sip:alice@localhost", &identity(&ok), "all here?");
    for guest in &mut guests {
        assert_eq!(guest.chat.hear().2, "all here?");
        guest.phone.heard_only(|_| false);
    }
    alice.heard_only(is_100);
}

/// IM-7.2.1.2-S0: one entry is enough, and such a session is over when either leaves.
#[test]
fn im_7_2_1_2_s0_one_entry_is_a_one_to_one_session() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    conference.all_hear("just us");
    conference.guests[0].leaves();
    conference.host.is_released();
    lab.settled();
}

/// (From, Privacy, what the others see). erin's account has a name of its own.
#[rustfmt::skip]
const NAMES: &[(&str, &str, Option<&str>)] = &[
    ("\"Erin Given\" <sip:erin@localhost>", "", Some("Erin Given")),
    ("<sip:erin@localhost>",                "", Some("Erin of the Account")),
    ("\"Erin Given\" <sip:erin@localhost>", "Privacy: id\r\n", None),
];

/// IM-7.2.1.2-S5: the display name, towards those invited and in conference-info.
#[test]
fn im_7_2_1_2_s5_the_display_name_is_used() {
    let lab = Lab::start();
    let mut erin = lab.phone("erin");
    let mut bob = lab.phone("bob");
    for (from, privacy, seen) in NAMES {
        let mut ask = Ask::guests(&["bob", "carol"]).with(privacy);
        ask.from = (*from).to_owned();
        let call_id = ask.send(&mut erin);
        let invitation = bob.invited();
        let referred_by = invitation.request.raw(Name::ReferredBy);
        let want = seen.map(|name| format!("\"{name}\" <sip:erin@localhost>"));
        assert_eq!(referred_by, want.as_deref(), "{from} {privacy}");
        bob.accept(&invitation, "", &Chat::sdp("bob"));
        let ok = erin.final_response(&call_id);
        erin.ack(&ok, "");

        let (_, info) = bob.watches(&identity(&ok));
        let text = want
            .as_ref()
            .and(*seen)
            .map(|name| format!("<display-text>{name}</display-text>"));
        match text {
            Some(text) => assert!(info.contains(&text), "{text} in {info}"),
            None => assert!(!info.to_lowercase().contains("erin"), "{info}"),
        }
        // Of two the first to leave leaves the other.
        bob.asks(&invitation, "BYE", "", "");
        let bye = erin.inside("BYE", &ok, 1000, "", "");
        erin.send(bye.as_bytes());
        erin.final_response(&call_id);
        bob.notified();
        lab.settled();
    }
}

/// IM-7.2.1.2-S6: fresh, not to be guessed, naming nobody, with isfocus, and leading here.
#[test]
fn im_7_2_1_2_s6_the_session_identity() {
    let lab = Lab::start();
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..2 {
        let mut conference = lab.conference(&["bob"]);
        assert!(
            conference
                .ok
                .raw(Name::Contact)
                .unwrap()
                .contains(";isfocus")
        );
        let user = conference.identity.strip_prefix("sip:").unwrap();
        let user = user.strip_suffix("@localhost").unwrap().to_owned();
        // Two characters of partition, and 128 bits in base 32.
        assert_eq!(user.len(), 28, "{user}");
        let call_id = conference.ok.raw(Name::CallId).unwrap();
        for known in ["alice", call_id] {
            assert!(!user.contains(known), "{user} names {known}");
        }
        for earlier in &seen {
            let same = earlier
                .bytes()
                .zip(user.bytes())
                .filter(|(a, b)| a == b)
                .count();
            assert!(same < 14, "{user} resembles {earlier}");
        }
        seen.push(user);
        // It leads to the conference, from inside and from outside the dialogs.
        assert_eq!(conference.host_asks("OPTIONS", "", "").status(), 200);
        let identity = conference.identity.clone();
        assert!(conference.host.watches(&identity).1.contains(&identity));
        assert_eq!(
            conference.guests[0]
                .invitation
                .request
                .raw(Name::From)
                .map(crate::lab::ask::uri),
            Some(identity)
        );
        conference.guests[0].leaves();
        conference.host.is_released();
        conference.host.notified();
        lab.settled();
    }
}

fn is_100(message: &Message) -> bool {
    matches!(message, Message::Response(response) if response.status() == 100)
}

/// IM-7.2.1.2-S4, the answering side of it: what the server itself allows is in its 200.
#[test]
fn the_200_says_what_the_focus_understands() {
    let lab = Lab::start();
    let conference = lab.conference(&["bob"]);
    let ok: &Response = &conference.ok;
    for method in ["INVITE", "ACK", "BYE", "CANCEL", "UPDATE"] {
        assert!(ok.lists(Name::Allow, method), "{method}");
    }
    assert!(ok.lists(Name::Supported, "recipient-list-invite"));
    assert!(ok.lists(Name::AllowEvents, "conference"));
}

/// (what the peer asserts, status): a peer that is trusted speaks for its users, others do not.
#[rustfmt::skip]
const ASSERTED: &[(&str, u16)] = &[
    ("P-Asserted-Identity: <sip:carol@localhost>\r\n", 486),
    ("P-Asserted-Identity: \"C\" <sip:carol@localhost>, <tel:+1555>\r\n", 486),
    ("P-Asserted-Identity: <sip:erin@localhost>\r\n", 403),
    ("P-Asserted-Identity: <tel:+1555>\r\n", 407),
    ("", 407),
];

/// IM-7.2.1.2-S2: the authenticated originator is the one that a trusted peer asserts, whatever
/// From says; without its word it is asked for credentials like anybody.
#[test]
fn im_7_2_1_2_s2_the_word_of_a_trusted_peer() {
    let local = std::net::IpAddr::from([127, 0, 0, 1]);
    for trusted in [true, false] {
        let lab = Lab::with(|_, policy| {
            policy.focus.allowed_senders = vec!["sip:carol@localhost".to_owned()];
            policy.trusted_peers = if trusted { vec![local] } else { Vec::new() };
        });
        let (mut peer, mut bob) = (Phone::tcp(&lab, "peer"), lab.phone("bob"));
        for (asserted, status) in ASSERTED {
            let want = if trusted { *status } else { 407 };
            let call_id = Ask::guests(&["bob"]).with(asserted).send_once(&mut peer);
            if want == 486 {
                let invitation = bob.invited();
                assert_eq!(
                    invitation
                        .request
                        .raw(Name::ReferredBy)
                        .map(crate::lab::ask::uri)
                        .as_deref(),
                    Some("sip:carol@localhost")
                );
                bob.refuses(&invitation, "486 Busy Here");
            }
            let response = peer.final_response(&call_id);
            assert_eq!(response.status(), want, "trusted: {trusted}, {asserted}");
            peer.ack_failure(&response, FACTORY);
        }
        bob.heard_only(|_| false);
        lab.settled();
    }
}

/// One user may have only so many invitations under way, over all conferences; each that ends
/// gives its place back.
#[test]
fn invitations_draw_on_one_credit() {
    let lab = Lab::with(|_, policy| policy.focus.fan_out_credit = 2);
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let mut erin = lab.phone("erin");
    let first = Ask::guests(&["bob"]).send(&mut alice);
    let invitation = bob.invited();
    for guests in [&["carol", "dave"][..], &["bob", "carol", "dave"]] {
        let response = Ask::guests(guests).ask(&mut alice);
        assert_eq!(response.status(), 403, "{guests:?}");
        assert_eq!(
            response.raw(Name::Warning),
            Some("399 localhost \"too many invitations under way\"")
        );
    }
    // It is hers alone.
    assert_eq!(Ask::guests(&["carol", "dave"]).ask(&mut erin).status(), 480);
    bob.refuses(&invitation, "486 Busy Here");
    let ended = alice.final_response(&first);
    alice.ack_failure(&ended, FACTORY);
    lab.settled();
    assert_eq!(
        Ask::guests(&["carol", "dave"]).ask(&mut alice).status(),
        480
    );
}

/// RFC 5366 section 4: who asks the factory learns that it takes lists.
#[test]
fn the_factory_says_what_it_takes() {
    let lab = Lab::start();
    let response = Phone::tcp(&lab, "alice").request("OPTIONS", FACTORY, "", "");
    assert_eq!(response.status(), 200);
    assert!(response.lists(Name::Supported, "recipient-list-invite"));
    let accept = response.raw(Name::Accept).unwrap();
    assert!(
        accept.contains("application/resource-lists+xml") && accept.contains("multipart/mixed"),
        "{accept}"
    );
    let response = Phone::tcp(&lab, "alice").request("MESSAGE", FACTORY, "", "");
    assert_eq!(response.status(), 405);
}
