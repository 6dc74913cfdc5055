//! 7.2.2.2: how a user is invited, on which devices, and what follows from the answer.

use crate::lab::ask::{FACTORY, entries, identity, uri};
use crate::lab::story::attributes;
use crate::lab::{Ask, Chat, Guest, Incoming, Lab, Phone};
use sip::sdp::Description;
use sip::{Method, Name, Request};

/// IM-7.2.2.2-S1: what every INVITE of a focus carries. IM-7.2.2.2-S2: one for each entry.
/// IM-7.2.2.2-S5: it goes where the core knows the user to be.
#[test]
fn im_7_2_2_2_s1_s2_s5_one_invite_for_each_entry() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut phones: Vec<_> = ["bob", "carol", "dave"]
        .iter()
        .map(|user| lab.phone(user))
        .collect();
    let call_id = Ask::guests(&["bob", "carol", "dave"])
        .with("Subject: lunch\r\n")
        .send(&mut alice);
    let mut call_ids = Vec::new();
    for phone in &mut phones {
        let invite = phone.invited().request;
        assert_eq!(
            invite.uri(),
            uri(&phone.contact()),
            "to the device that registered"
        );
        let conference = invite.raw(Name::From).map(uri).unwrap();
        assert!(
            invite
                .raw(Name::Contact)
                .unwrap()
                .starts_with(&format!("<{conference}>;isfocus"))
        );
        assert_eq!(
            invite.raw(Name::PAssertedIdentity),
            Some(format!("<{conference}>").as_str())
        );
        assert_eq!(
            invite.raw(Name::To).map(uri),
            Some(format!("sip:{}@localhost", phone.user))
        );
        assert_eq!(invite.raw(Name::ReferredBy), Some("<sip:alice@localhost>"));
        assert_eq!(invite.raw(Name::Subject), Some("lunch"));
        assert!(
            invite
                .raw(Name::AcceptContact)
                .unwrap()
                .contains("+g.oma.sip-im")
        );
        assert!(invite.lists(Name::Allow, "BYE") && invite.lists(Name::Supported, "timer"));
        assert!(invite.has(Name::SessionExpires));
        assert_eq!(invite.raw(Name::MaxForwards), Some("70"));
        call_ids.push(invite.raw(Name::CallId).unwrap().to_owned());
        phone.heard_only(|_| false);
    }
    call_ids.push(call_id.clone());
    call_ids.sort_unstable();
    call_ids.dedup();
    assert_eq!(call_ids.len(), 4, "each is a call of its own");
    alice.cancels(&call_id, FACTORY);
}

/// (`focus.recipient_list_history`, the entries, what those invited see of the list)
type History = (bool, &'static str, Option<&'static [&'static str]>);

#[rustfmt::skip]
const HISTORY: &[History] = &[
    // IM-7.2.2.2-S2a: off.
    (false, "<entry uri=\"sip:bob@localhost\" cp:copyControl=\"to\"/><entry uri=\"sip:carol@localhost\" cp:copyControl=\"cc\"/>", None),
    // IM-7.2.2.2-S2a: on.
    (true,  "<entry uri=\"sip:bob@localhost\" cp:copyControl=\"to\"/><entry uri=\"sip:carol@localhost\" cp:copyControl=\"cc\"/>",
        Some(&["sip:bob@localhost", "sip:carol@localhost"])),
    // RFC 5364: who is bcc, or not said to be anything, is left out; who is anonymized has no name.
    (true,  "<entry uri=\"sip:bob@localhost\" cp:copyControl=\"to\"/><entry uri=\"sip:carol@localhost\" cp:copyControl=\"bcc\"/>",
        Some(&["sip:bob@localhost"])),
    (true,  "<entry uri=\"sip:bob@localhost\" cp:copyControl=\"to\"/><entry uri=\"sip:carol@localhost\" cp:copyControl=\"to\" cp:anonymize=\"true\"/>",
        Some(&["sip:bob@localhost", "sip:anonymous@anonymous.invalid"])),
    (true,  "<entry uri=\"sip:bob@localhost\"/><entry uri=\"sip:carol@localhost\"/>", None),
];

/// IM-7.2.2.2-S2a: no list in what is sent out, unless `focus.recipient_list_history` is on.
#[test]
fn im_7_2_2_2_s2a_the_list_is_not_passed_on_unless_wanted() {
    for (on, entries, want) in HISTORY {
        let lab = Lab::with(|_, policy| policy.focus.recipient_list_history = *on);
        let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
        let call_id = Ask::guests(&[]).with_entries(entries).send(&mut alice);
        let invite = bob.invited().request;
        let body = String::from_utf8(invite.body().to_vec()).unwrap();
        match want {
            None => {
                assert_eq!(
                    invite.raw(Name::ContentType),
                    Some("application/sdp"),
                    "{entries}"
                );
                assert!(!body.contains("resource-lists"), "{entries}");
            }
            Some(uris) => {
                assert!(
                    invite
                        .raw(Name::ContentType)
                        .unwrap()
                        .starts_with("multipart/mixed")
                );
                assert!(
                    body.contains("Content-Disposition: recipient-list-history; handling=optional"),
                    "{body}"
                );
                let seen: Vec<_> = body
                    .split("uri=\"")
                    .skip(1)
                    .map(|rest| rest.split('"').next().unwrap())
                    .collect();
                assert_eq!(seen, *uris, "{entries}");
            }
        }
        alice.cancels(&call_id, FACTORY);
    }
}

/// IM-7.2.2.2-S4, IM-7.2.2.2-S4a: the offer repeats the attributes of the inviter's, and none of
/// those that describe the inviter's end of the connection.
#[test]
fn im_7_2_2_2_s4_the_offer() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let transport = "a=fingerprint:sha-256 AA:BB\r\na=msrp-cema\r\n";
    let own =
        "a=max-size:4096\r\na=x-colour:blue\r\na=file-selector:name:\"a.txt\"\r\na=sendonly\r\n";
    let offer = Chat::sdp("host").replace("a=sendrecv\r\n", "") + own;
    let call_id = Ask::guests(&["bob"])
        .with_sdp(&(offer.clone() + transport))
        .send(&mut alice);
    let invite = bob.invited().request;
    let body = invite.body();
    assert_eq!(attributes(&body), attributes(offer.as_bytes()));
    let description = Description::parse(&body).unwrap();
    let (_, media) = description.msrp().unwrap();
    assert_eq!(media.path.len(), 1);
    assert!(
        media.path[0].contains(&lab.at.msrp.to_string()),
        "{:?}",
        media.path
    );
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.contains("a=setup:actpass"), "RFC 6135: {text}");
    assert!(
        !text.contains("127.0.0.1:9/") && !text.contains("fingerprint"),
        "{text}"
    );
    alice.cancels(&call_id, FACTORY);
}

/// Two devices of bob.
fn devices(lab: &Lab) -> [Phone; 2] {
    [lab.phone("bob"), lab.phone("bob")]
}

/// IM-7.2.2.2-S5: a user is called on every device; the first that accepts ends the ringing.
#[test]
fn all_devices_ring_until_one_accepts() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let [mut desk, mobile] = devices(&lab);
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    let at_desk = desk.invited();
    desk.rings(&at_desk);
    let mut guest = Guest::joins(mobile, "");
    desk.is_cancelled(&at_desk);
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    chat.say("sip:alice@localhost", &identity(&ok), "to the mobile");
    assert_eq!(guest.chat.hear().2, "to the mobile");
    guest.leaves();
    alice.is_released();
    lab.settled();
}

/// (what the first device says, what the second says, what the inviter hears)
#[rustfmt::skip]
const DEVICES: &[(&str, Option<&str>, u16)] = &[
    ("486 Busy Here", Some("480 Temporarily Unavailable"), 480),
    ("408 Request Timeout", Some("486 Busy Here"), 408),
    // RFC 3261 section 21.6: 6xx speaks for the user, wherever.
    ("603 Decline", None, 603),
];

#[test]
fn a_device_that_refuses_does_not_speak_for_the_others() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let [mut desk, mut mobile] = devices(&lab);
    for (first, second, want) in DEVICES {
        let call_id = Ask::guests(&["bob"]).send(&mut alice);
        let (at_desk, on_mobile) = (desk.invited(), mobile.invited());
        mobile.rings(&on_mobile);
        desk.refuses(&at_desk, first);
        match second {
            Some(second) => mobile.refuses(&on_mobile, second),
            None => mobile.is_cancelled(&on_mobile),
        }
        let ended = alice.final_response(&call_id);
        assert_eq!(ended.status(), *want, "{first} {second:?}");
        alice.ack_failure(&ended, FACTORY);
        lab.settled();
    }
}

/// RFC 3261 section 13.2.2.4: a second 200, from another device or another branch of the same
/// INVITE, is acknowledged and released.
#[test]
fn a_late_200_is_acknowledged_and_released() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let [mut desk, mut mobile] = devices(&lab);
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    let (at_desk, on_mobile) = (desk.invited(), mobile.invited());
    mobile.rings(&on_mobile);
    desk.accept(&at_desk, "", &Chat::sdp("desk"));
    let _chat = Chat::connect(&at_desk.request.body(), "desk");
    // The mobile accepts although it was told not to.
    let cancel = mobile.incoming("CANCEL");
    mobile.answer(&cancel, "200 OK", &on_mobile.tag, "", "");
    mobile.accept(&on_mobile, "", &Chat::sdp("mobile"));
    mobile.is_released();
    // And from behind a proxy that forked, a second device answers the INVITE of the desk.
    let other = Incoming {
        request: at_desk.request.clone(),
        tag: "another-branch".to_owned(),
    };
    desk.accept(&other, "", &Chat::sdp("other"));
    let bye = desk.is_released();
    assert!(bye.raw(Name::To).unwrap().contains("another-branch"));
    // The first goes on.
    assert_eq!(alice.final_response(&call_id).status(), 200);
    assert_eq!(desk.asks(&at_desk, "OPTIONS", "", "").status(), 200);
}

/// (Contact of the 180, Contact of the 200, where the BYE goes)
#[rustfmt::skip]
const TARGETS: &[(&str, &str, &str)] = &[
    // IM-7.2.2.2-OK-S2: the 200 has the last word.
    ("Contact: <sip:ringing@127.0.0.1:5060>\r\n", "Contact: <sip:talking@127.0.0.1:5060>\r\n", "sip:talking@127.0.0.1:5060"),
    ("", "Contact: <sip:talking@127.0.0.1:5060>\r\n", "sip:talking@127.0.0.1:5060"),
    // IM-7.2.2.2-1XX-S2: until it says something, the 180 has.
    ("Contact: <sip:ringing@127.0.0.1:5060>\r\n", "", "sip:ringing@127.0.0.1:5060"),
];

#[test]
fn im_7_2_2_2_1xx_s2_ok_s2_the_contact_is_the_target() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    for (early, late, want) in TARGETS {
        let call_id = Ask::guests(&["bob"]).send(&mut alice);
        let invitation = bob.invited();
        bob.answer(
            &invitation.request,
            "180 Ringing",
            &invitation.tag,
            early,
            "",
        );
        let headers = format!("{late}Content-Type: application/sdp\r\n");
        bob.answer(
            &invitation.request,
            "200 OK",
            &invitation.tag,
            &headers,
            &Chat::sdp("bob"),
        );
        assert_eq!(bob.incoming("ACK").uri(), *want, "{early} {late}");
        let ok = alice.final_response(&call_id);
        alice.ack(&ok, "");
        let bye = alice.inside("BYE", &ok, 1000, "", "");
        alice.send(bye.as_bytes());
        alice.final_response(&call_id);
        assert_eq!(bob.is_released().uri(), *want, "{early} {late}");
        lab.settled();
    }
}

/// IM-7.2.2.2-OK-S3, IM-7.2.2.2-OK-S3a: whoever hides where that is not allowed is acknowledged,
/// then released; and counts as refused.
#[test]
fn im_7_2_2_2_ok_s3a_privacy_that_is_not_allowed() {
    let lab = Lab::with(|_, policy| policy.focus.allow_anonymity = false);
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    let invitation = bob.invited();
    bob.accept(&invitation, "Privacy: id\r\n", &Chat::sdp("bob"));
    let bye = bob.is_released();
    assert_eq!(*bye.method(), Method::Bye);
    let ended = alice.final_response(&call_id);
    assert_eq!(ended.status(), 403);
    alice.ack_failure(&ended, FACTORY);
    lab.settled();
}

/// Everything the server has sent to somebody, over SIP and MSRP.
fn heard(phone: &Phone, chat: &Chat) -> String {
    String::from_utf8_lossy(&[phone.heard.as_slice(), chat.heard.as_slice()].concat())
        .to_lowercase()
}

/// IM-7.2.2.2-OK-S3, IM-7.2.2.2-OK-S3c: a guest who hides is hidden from the others, in all they
/// receive.
#[test]
fn im_7_2_2_2_ok_s3c_a_hidden_guest_is_named_nowhere() {
    for history in [false, true] {
        let lab = Lab::with(|_, policy| policy.focus.recipient_list_history = history);
        let (mut alice, bob, carol) = (lab.phone("alice"), lab.phone("bob"), lab.phone("carol"));
        let entries = "<entry uri=\"sip:bob@localhost\"><display-name>Bobby</display-name></entry>"
            .to_owned()
            + &entries(&["carol"]);
        let call_id = Ask::guests(&[]).with_entries(&entries).send(&mut alice);
        let mut bob = Guest::joins(bob, "Privacy: id\r\n");
        let mut carol = Guest::joins(carol, "");
        let conference = identity(&alice.final_response(&call_id));
        let (_, info) = carol.phone.watches(&conference);
        assert!(info.contains("sip:anonymous1@anonymous.invalid"), "{info}");
        bob.chat.say("sip:bob@localhost", &conference, "guess who");
        let (from, _, text) = carol.chat.hear();
        assert_eq!(
            (from.as_str(), text.as_str()),
            ("sip:anonymous1@anonymous.invalid", "guess who")
        );
        bob.leaves();
        carol.phone.notified();
        let heard = heard(&carol.phone, &carol.chat);
        assert!(!crate::lab::names(&heard, "bob"), "{heard}");
        assert!(!heard.contains("bobby"), "{heard}");
    }
}

/// The same for an inviter who hides, from those invited.
#[test]
fn im_7_2_2_2_ok_s3c_a_hidden_inviter_is_named_nowhere() {
    for from in [
        "\"Alice L\" <sip:alice@localhost>",
        "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
    ] {
        hides_as(from);
    }
}

fn hides_as(from: &str) {
    let lab = Lab::start();
    let mut ask = Ask::guests(&["bob", "carol"]).with("Privacy: id\r\n");
    ask.from = from.to_owned();
    let mut conference = lab.conference_by(&ask, &["bob", "carol"]);
    for guest in &mut conference.guests {
        guest.phone.watches(&conference.identity);
    }
    conference.all_hear("it is I");
    conference.host_leaves();
    for guest in &mut conference.guests {
        guest.phone.notified();
        let heard = heard(&guest.phone, &guest.chat);
        assert!(!crate::lab::names(&heard, "alice"), "{heard}");
        // A session id in a path of hers would lead to her as well.
        assert!(!heard.contains("127.0.0.1:9/host"), "{heard}");
    }
}

/// IM-7.2.2.2-OK-S4: who accepts is on the switch. IM-7.2.2.2-OK-S5: and everybody who watches is
/// told.
#[test]
fn im_7_2_2_2_ok_s4_s5_who_accepts_is_in() {
    let lab = Lab::start();
    let (mut alice, bob, carol) = (lab.phone("alice"), lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let mut bob = Guest::joins(bob, "");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    let conference = identity(&ok);
    alice.watches(&conference);
    bob.phone.watches(&conference);
    let mut carol = Guest::joins(carol, "");
    for phone in [&mut alice, &mut bob.phone] {
        let (_, info) = phone.notified();
        assert!(
            info.contains("sip:carol@localhost") && info.contains("connected"),
            "{info}"
        );
    }
    carol
        .chat
        .say("sip:carol@localhost", &conference, "I am in");
    assert_eq!(bob.chat.hear().2, "I am in");
    assert_eq!(chat.hear().2, "I am in");
}

/// An answer without a chat that could be carried is no acceptance: ACK, BYE, and 488.
#[test]
fn a_guest_without_a_chat_counts_as_488() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    for sdp in ["", &Chat::sdp("bob").replace("m=message 9", "m=message 0")] {
        let call_id = Ask::guests(&["bob"]).send(&mut alice);
        let invitation = bob.invited();
        bob.accept(&invitation, "", sdp);
        let bye: Request = bob.is_released();
        assert!(bye.raw(Name::Reason).unwrap().contains("488"));
        let ended = alice.final_response(&call_id);
        assert_eq!(ended.status(), 488, "{sdp}");
        alice.ack_failure(&ended, FACTORY);
        lab.settled();
    }
}
