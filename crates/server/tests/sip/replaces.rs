//! Replaces (RFC 3891): a session of two that grows into a conference (IM 7.1.1.6 as the server
//! sees it), and a device that gives its place to another.

use sip::header::{Header, Replaces};
use sip::{Fields, Name, Response};

use crate::lab::ask::{entries, list};
use crate::lab::{Ask, Chat, Conference, Guest, Incoming, Lab, Phone};

fn tag(value: &str) -> String {
    value.split(";tag=").nth(1).unwrap().to_owned()
}

/// The dialog of a 2xx as the other side of it names it.
fn theirs(ok: &Response) -> String {
    let (call_id, to, from) = parts(ok);
    format!("{call_id};to-tag={to};from-tag={from}")
}

fn parts(fields: &Fields) -> (String, String, String) {
    let call_id = fields.raw(Name::CallId).unwrap().to_owned();
    let [to, from] = [Name::To, Name::From].map(|name| tag(fields.raw(name).unwrap()));
    (call_id, to, from)
}

/// The dialog that an accepted invitation has made, as the phone names it.
fn own(invitation: &Incoming) -> String {
    let request = &invitation.request;
    let call_id = request.raw(Name::CallId).unwrap();
    let from = tag(request.raw(Name::From).unwrap());
    format!("{call_id};to-tag={};from-tag={from}", invitation.tag)
}

fn escaped(value: &str) -> String {
    value
        .replace(';', "%3B")
        .replace('=', "%3D")
        .replace('@', "%40")
}

/// An INVITE to the factory, in which bob is to replace this.
fn extension(replaces: &str) -> Ask {
    let bob = format!("<entry uri=\"sip:bob@localhost?{replaces}\" cp:copyControl=\"to\"/>");
    Ask {
        list: list(&format!("{bob}{}", entries(&["carol"]))),
        ..Ask::guests(&[])
    }
}

fn replaces(value: &str) -> Ask {
    extension(&format!("Replaces={}", escaped(value)))
}

/// IM-7.1.1.6-S8: the inviter names their own leg of a session through the server, and the call
/// to the peer names the peer's.
#[test]
fn im_7_1_1_6_s8_a_session_of_two_grows() {
    let lab = Lab::start();
    let Conference {
        mut host,
        ok,
        mut chat,
        mut guests,
        identity,
    } = lab.conference(&["bob"]);
    let said = chat.say_and_wait("sip:alice@localhost", &identity, "between us");
    assert_eq!(
        (said, guests[0].chat.hear().2.as_str()),
        (200, "between us")
    );
    let mut carol = lab.phone("carol");
    let call_id = replaces(&theirs(&ok)).send(&mut host);
    let bob = &mut guests[0];
    let new = bob.phone.invited();
    let value = new.request.raw(Name::Replaces).unwrap();
    assert_eq!(value, own(&bob.invitation));
    assert_eq!(new.request.raw(Name::Require), Some("replaces"));
    let to_carol = carol.invited();
    assert_eq!(to_carol.request.raw(Name::Replaces), None);
    // Bob's phone goes on in the new session and ends the old one.
    bob.phone.accept(&new, "", &Chat::sdp("bob2"));
    let mut bobs = Chat::connect(&new.sdp(), "bob2");
    bob.leaves();
    let bye = host.is_released();
    assert_eq!(bye.raw(Name::CallId), ok.raw(Name::CallId));
    carol.accept(&to_carol, "", &Chat::sdp("carol"));
    let mut carols = Chat::connect(&to_carol.sdp(), "carol");
    let ok = host.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    host.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host2");
    let there = crate::lab::ask::identity(&ok);
    assert_ne!(there, identity);
    assert_eq!(
        chat.say_and_wait("sip:alice@localhost", &there, "the three of us"),
        200
    );
    assert_eq!(bobs.hear().2, "the three of us");
    assert_eq!(carols.hear().2, "the three of us");
    // Nothing said before is shown to the newcomer.
    assert!(!String::from_utf8_lossy(&carols.heard).contains("between us"));
}

/// A dialog that is not one of this server's is for the peer to know.
#[test]
fn a_session_that_runs_elsewhere_is_named_as_it_came() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let value = "direct@elsewhere;to-tag=bobs;from-tag=alices";
    let ask = extension(&format!(
        "Replaces={}&amp;Session-Replaces=abc&amp;Route=%3Csip:evil%3E&amp;Subject=x",
        escaped(value)
    ));
    ask.send(&mut alice);
    let invitation = bob.invited();
    let request = &invitation.request;
    assert_eq!(request.raw(Name::Replaces), Some(value));
    assert_eq!(request.raw(Name::SessionReplaces), Some("abc"));
    // No other header of a request is for others to write.
    assert_eq!(
        (request.raw(Name::Route), request.raw(Name::Subject)),
        (None, None)
    );
}

/// The way RCS has it: by the name of the session alone.
#[test]
fn session_replaces_is_passed_on() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    extension("Session-Replaces=f81d4fae").send(&mut alice);
    let invitation = bob.invited();
    assert_eq!(
        invitation.request.raw(Name::SessionReplaces),
        Some("f81d4fae")
    );
    assert_eq!(invitation.request.raw(Name::Require), None);
}

/// Whoever does not know the session any more, or keeps it, is called once more without.
#[test]
fn a_refused_replacement_is_tried_once_without() {
    let unknown = "gone@elsewhere;to-tag=1;from-tag=2";
    for status in ["481 No Such Dialog", "603 Decline", "420 Bad Extension"] {
        let lab = Lab::start();
        let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
        let call_id = replaces(unknown).send(&mut alice);
        let first = bob.invited();
        bob.refuses(&first, status);
        let second = bob.invited();
        assert_eq!(second.request.raw(Name::Replaces), None, "{status}");
        assert_eq!(second.request.raw(Name::Require), None, "{status}");
        bob.refuses(&second, "603 Decline");
        // That counts. Nobody calls a third time; carol has no phone.
        assert_eq!(alice.final_response(&call_id).status(), 480, "{status}");
        bob.heard_only(|_| false);
        lab.settled();
    }
    // Who is busy is busy.
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = replaces(unknown).send(&mut alice);
    let first = bob.invited();
    bob.refuses(&first, "486 Busy Here");
    assert_eq!(alice.final_response(&call_id).status(), 480);
    bob.heard_only(|_| false);
}

/// RFC 3891 section 3: nobody names a session of others to have it ended.
#[test]
fn the_session_of_others_is_not_replaced() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let mut dave = lab.phone("dave");
    let bobs = own(&conference.guests[0].invitation);
    let seen_by_us = {
        let (call_id, to, from) = {
            let parsed = Replaces::parse(&bobs).unwrap();
            (
                parsed.call_id.to_owned(),
                parsed.to_tag.to_owned(),
                parsed.from_tag.to_owned(),
            )
        };
        // As whoever has the other end would name it.
        format!("{call_id};to-tag={from};from-tag={to}")
    };
    for value in [theirs(&conference.ok), seen_by_us] {
        let refused = replaces(&value).ask(&mut dave);
        assert_eq!(refused.status(), 403, "{value}");
    }
    conference.guests[0].phone.heard_only(|_| false);
    conference.all_hear("undisturbed");
    for bad in ["Replaces=x", "Replaces=x%3Bto-tag%3D1", "Replaces="] {
        assert_eq!(extension(bad).ask(&mut dave).status(), 400, "{bad}");
    }
    let twice = extension(
        "Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&amp;Replaces=b%3Bto-tag%3D1%3Bfrom-tag%3D2",
    );
    assert_eq!(twice.ask(&mut dave).status(), 400);
}

/// An INVITE to a session that takes the place of a leg of it.
fn takeover(identity: &str, value: &str, id: &str) -> Ask {
    Ask {
        uri: identity.to_owned(),
        list: String::new(),
        body: Some(("application/sdp".to_owned(), Chat::sdp(id))),
        ..Ask::guests(&[]).with(&format!("Replaces: {value}\r\n"))
    }
}

/// Bob's leg as bob names it to us: what is ours is the to-tag.
fn to_us(guest: &Guest) -> String {
    let request = &guest.invitation.request;
    let call_id = request.raw(Name::CallId).unwrap();
    let from = tag(request.raw(Name::From).unwrap());
    format!("{call_id};to-tag={from};from-tag={}", guest.invitation.tag)
}

#[test]
fn a_device_takes_the_place_of_another() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let identity = conference.identity.clone();
    let value = to_us(&conference.guests[0]);
    let mut tablet = lab.phone("bob");
    let ok = takeover(&identity, &value, "b2").ask(&mut tablet);
    assert_eq!(ok.status(), 200);
    tablet.ack(&ok, "");
    let mut second = Chat::connect(&ok.body(), "b2");
    let bye = conference.guests[0].phone.is_released();
    assert!(bye.raw(Name::Reason).unwrap().contains("Replaced"));
    let said = conference
        .chat
        .say_and_wait("sip:alice@localhost", &identity, "which one?");
    assert_eq!((said, second.hear().2.as_str()), (200, "which one?"));
    conference.host.heard_only(|_| false);
}

/// RFC 3891 section 3, case by case.
#[test]
fn what_cannot_be_replaced() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    let bobs = to_us(&conference.guests[0]);
    let carols = to_us(&conference.guests[1]);
    let unknown = "nothing@h;to-tag=1;from-tag=2";
    let factory = crate::lab::ask::FACTORY;
    let mut bob = lab.phone("bob");
    #[rustfmt::skip]
    let rows = [
        (&*identity, unknown.to_owned(),             481, "no match"),
        (&*identity, format!("{bobs};early-only"),   486, "early-only, and it is confirmed"),
        (&*identity, carols,                         403, "somebody else's"),
        (&*identity, "x;to-tag=1".to_owned(),        400, "malformed"),
        (factory,    bobs.clone(),                   481, "the factory has no dialogs"),
    ];
    for (uri, value, status, why) in rows {
        let refused = takeover(uri, &value, "b2").ask(&mut bob);
        assert_eq!(refused.status(), status, "{why}");
    }
    let twice = takeover(&identity, &bobs, "b2").with(&format!("Replaces: {bobs}\r\n"));
    let call_id = twice.send_once(&mut bob);
    let refused = bob.final_response(&call_id);
    assert_eq!(refused.status(), 400, "several");
    let lines = format!(
        "Contact: {}\r\nReplaces: {bobs}\r\nEvent: conference\r\n",
        bob.contact()
    );
    let refused = bob.request("SUBSCRIBE", &identity, &lines, "");
    assert_eq!(refused.status(), 400, "not an INVITE");
    // Of another session.
    let other = lab.conference(&["bob"]);
    let refused = takeover(&other.identity, &bobs, "b2").ask(&mut bob);
    assert_eq!(refused.status(), 481, "it is in another session");
    conference.all_hear("all is well");
}

/// A leg whose BYE is under way has ended: 603.
#[test]
fn a_session_that_has_ended_is_not_replaced() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    let value = to_us(&conference.guests[0]);
    let out = format!(
        "Contact: {}\r\nRefer-To: <sip:bob@localhost;method=BYE>\r\nRefer-Sub: false\r\n",
        conference.host.contact()
    );
    assert_eq!(
        conference
            .host
            .request("REFER", &identity, &out, "")
            .status(),
        202
    );
    let bye = conference.guests[0].phone.incoming("BYE");
    let mut tablet: Phone = lab.phone("bob");
    assert_eq!(
        takeover(&identity, &value, "b2").ask(&mut tablet).status(),
        603
    );
    conference.guests[0]
        .phone
        .answer(&bye, "200 OK", "x", "", "");
}
