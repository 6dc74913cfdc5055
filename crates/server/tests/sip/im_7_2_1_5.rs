//! 7.2.1.5: coming back to a session by its identity.

use std::time::Duration;

use sip::{Name, Response};
use xdm::conference_info::EndpointStatus;

use crate::lab::ask::identity;
use crate::lab::story::attributes;
use crate::lab::watch::{Watch, shown};
use crate::lab::{Ask, Chat, Guest, Lab, Phone, store};

/// An INVITE to a session identity.
fn rejoin(identity: &str) -> Ask {
    Ask {
        uri: identity.to_owned(),
        list: String::new(),
        body: None,
        ..Ask::guests(&[])
    }
}

/// The same, with the description alone.
fn back(identity: &str, id: &str) -> Ask {
    let body = ("application/sdp".to_owned(), Chat::sdp(id));
    Ask {
        body: Some(body),
        ..rejoin(identity)
    }
}

/// Comes in, and connects.
fn comes(phone: &mut Phone, ask: &Ask, id: &str) -> (Response, Chat) {
    let ok = ask.ask(phone);
    assert_eq!(
        ok.status(),
        200,
        "{} {:?}",
        phone.user,
        ok.raw(Name::Warning)
    );
    phone.ack(&ok, "");
    let chat = Chat::connect(&ok.body(), id);
    (ok, chat)
}

fn warning(response: &Response) -> String {
    let warnings: Vec<_> = response.raw_all(Name::Warning).collect();
    warnings.join(", ")
}

/// IM-7.2.1.5-S1, IM-7.2.1.5-S6, IM-7.2.1.5-S7, IM-7.2.1.5-S8, IM-7.2.1.5-S9: whoever left comes
/// back, and hears and is heard as before.
#[test]
fn im_7_2_1_5_s6_who_left_comes_back() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    conference.guests[0].leaves();
    let mut bob = lab.phone("bob");
    let (ok, mut chat) = comes(&mut bob, &back(&identity, "bob"), "bob");
    assert_eq!(crate::lab::ask::identity(&ok), identity);
    let contact = ok.raw(Name::Contact).unwrap();
    assert!(contact.contains(";isfocus;+g.oma.sip-im"), "{contact}");
    assert!(ok.raw(Name::Allow).unwrap().contains("INVITE"));
    assert!(ok.raw(Name::SessionExpires).is_some());
    let said = chat.say_and_wait("sip:bob@localhost", &identity, "here again");
    assert_eq!(said, 200);
    assert_eq!(conference.chat.hear().2, "here again");
    assert_eq!(conference.guests[1].chat.hear().2, "here again");
    let host = conference
        .chat
        .say_and_wait("sip:alice@localhost", &identity, "welcome");
    assert_eq!((host, chat.hear().2.as_str()), (200, "welcome"));
}

/// IM-7.2.1.5-S7a: of the types of the offer and of the session those that are in both.
#[test]
fn im_7_2_1_5_s7a_the_types_are_those_of_the_session() {
    let lab = Lab::start();
    let opening = Chat::sdp("host").replace(
        "a=accept-types:message/cpim application/im-iscomposing+xml",
        "a=accept-types:message/cpim",
    );
    let ask = Ask::guests(&["bob"]).with_sdp(&opening);
    let conference = lab.conference_by(&ask, &["bob"]);
    let mut tablet = lab.phone("bob");
    let (ok, _) = comes(&mut tablet, &back(&conference.identity, "b2"), "b2");
    let types: Vec<_> = attributes(&ok.body())
        .into_iter()
        .filter(|line| line.starts_with("a=accept-types"))
        .collect();
    assert_eq!(types, ["a=accept-types:message/cpim"]);
}

/// IM-7.2.1.5-S1a: in both positions of `focus.unknown_session`.
#[test]
fn im_7_2_1_5_s1a_there_is_no_such_session() {
    for status in [403, 404] {
        let lab = Lab::with(|_, policy| policy.focus.unknown_session = status);
        let mut alice = lab.phone("alice");
        let unknown = format!("sip:{}@localhost", "a2".repeat(14));
        assert_eq!(back(&unknown, "a").ask(&mut alice).status(), status);
        // One that is over.
        let mut conference = lab.conference(&["bob"]);
        conference.host_leaves();
        conference.guests[0].phone.is_released();
        lab.settled();
        let identity = &conference.identity;
        assert_eq!(back(identity, "a").ask(&mut alice).status(), status);
    }
}

/// IM-7.2.1.5-S2, IM-7.2.1.5-S2a: only the invited; and to others the answer is that there is
/// nothing.
#[test]
fn im_7_2_1_5_s2a_nobody_comes_who_was_not_invited() {
    let lab = Lab::start();
    let conference = lab.conference(&["bob"]);
    let mut dave = lab.phone("dave");
    let refused = back(&conference.identity, "d").ask(&mut dave);
    assert_eq!(refused.status(), 403);
    assert!(warning(&refused).contains("127 Service not authorised"));
    let unknown = format!("sip:{}@localhost", "a2".repeat(14));
    let nothing = back(&unknown, "d").ask(&mut dave);
    let told = |response: &Response| {
        let fields = [Name::Warning, Name::Contact, Name::Server, Name::Allow];
        let fields = fields.map(|name| response.raw(name).map(str::to_owned));
        (
            response.status(),
            response.reason().to_owned(),
            warning(response),
            fields,
        )
    };
    assert_eq!(told(&refused), told(&nothing));
}

/// IM-7.2.1.5-S4, IM-7.2.1.5-S4a.
#[test]
fn im_7_2_1_5_s4a_hiding_has_to_be_allowed() {
    for (allowed, status) in [(false, 403), (true, 200)] {
        let lab = Lab::with(|_, policy| policy.focus.allow_anonymity = allowed);
        let mut conference = lab.conference(&["bob", "carol"]);
        conference.guests[0].leaves();
        let mut bob = lab.phone("bob");
        let hidden = back(&conference.identity, "b").with("Privacy: id\r\n");
        let response = hidden.ask(&mut bob);
        assert_eq!(response.status(), status, "{allowed}");
        if !allowed {
            assert!(warning(&response).contains("119 Anonymity not allowed"));
        }
    }
}

/// IM-7.2.1.5-S5: who they are comes first, and then what they bring.
#[test]
fn im_7_2_1_5_s5_media_that_cannot_be_carried() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    conference.guests[0].leaves();
    let audio = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                 m=audio 4000 RTP/AVP 0\r\n";
    let with_audio = |identity: &str| Ask {
        body: Some(("application/sdp".to_owned(), audio.to_owned())),
        ..rejoin(identity)
    };
    let mut bob = lab.phone("bob");
    let refused = with_audio(&conference.identity).ask(&mut bob);
    assert_eq!(refused.status(), 488);
    assert_eq!(refused.raw(Name::ContentType), Some("application/sdp"));
    let mut dave = lab.phone("dave");
    let refused = with_audio(&conference.identity).ask(&mut dave);
    assert_eq!(refused.status(), 403);
    // A refusal leaves nothing behind: bob may still come.
    comes(&mut bob, &back(&conference.identity, "b"), "b");
}

/// IM-7.2.1.5-S10, IM-7.2.1.5-S11: whoever watches is told.
#[test]
fn im_7_2_1_5_s10_the_others_are_told() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    let (mut watch, _) = Watch::begin(&mut conference.host, &identity);
    conference.guests[0].leaves();
    let gone = watch.next(&mut conference.host);
    assert_eq!(shown(&gone), [("bob", EndpointStatus::Disconnected)]);
    let mut bob = lab.phone("bob");
    let _in = comes(&mut bob, &back(&identity, "b"), "b");
    let back = watch.next(&mut conference.host);
    assert_eq!(shown(&back), [("bob", EndpointStatus::Connected)]);
}

/// RFC 5366: a list is for the factory; and what is not understood is named.
#[test]
fn a_list_is_not_for_a_session() {
    let lab = Lab::start();
    let conference = lab.conference(&["bob"]);
    let mut bob = lab.phone("bob");
    let ask = Ask {
        uri: conference.identity,
        ..Ask::guests(&["dave"])
    };
    let refused = ask.ask(&mut bob);
    assert_eq!(refused.status(), 420);
    assert_eq!(
        refused.raw(Name::Unsupported),
        Some("recipient-list-invite")
    );
}

/// A second device of somebody who is in takes part as well; the person leaves with the last.
#[test]
fn a_second_device_comes_in() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let identity = conference.identity.clone();
    let mut tablet = lab.phone("bob");
    let (_, mut second) = comes(&mut tablet, &back(&identity, "b2"), "b2");
    conference.all_hear("to both");
    assert_eq!(second.hear().2, "to both");
    let said = second.say_and_wait("sip:bob@localhost", &identity, "from the tablet");
    assert_eq!(said, 200);
    assert_eq!(conference.guests[0].chat.hear().2, "from the tablet");
    assert_eq!(conference.chat.hear().2, "from the tablet");
    conference.guests[0].leaves();
    let said = conference
        .chat
        .say_and_wait("sip:alice@localhost", &identity, "one left");
    assert_eq!((said, second.hear().2.as_str()), (200, "one left"));
}

/// Who is rung and comes by themselves is rung no more.
#[test]
fn who_is_rung_may_come_by_themselves() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    let invitation = bob.invited();
    bob.rings(&invitation);
    let there = identity(&invitation.request);
    let mut laptop = Phone::tcp(&lab, "bob");
    let (_, mut chat) = comes(&mut laptop, &back(&there, "b2"), "b2");
    bob.is_cancelled(&invitation);
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    let mut alices = Chat::connect(&ok.body(), "host");
    assert_eq!(
        alices.say_and_wait("sip:alice@localhost", &there, "hello"),
        200
    );
    assert_eq!(chat.hear().2, "hello");
}

/// The server ends without a word, and is started again: the session is as it was.
#[test]
fn a_session_outlives_the_server() {
    let store = store();
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    drop((lab, conference));
    let lab = Lab::on(again, |_, _| {});
    let mut dave = lab.phone("dave");
    assert_eq!(back(&identity, "d").ask(&mut dave).status(), 403);
    let mut carol = lab.phone("carol");
    let (ok, mut carols) = comes(&mut carol, &back(&identity, "c"), "c");
    assert_eq!(crate::lab::ask::identity(&ok), identity);
    let mut alice = lab.phone("alice");
    let (_, mut alices) = comes(&mut alice, &back(&identity, "a"), "a");
    assert_eq!(
        alices.say_and_wait("sip:alice@localhost", &identity, "we go on"),
        200
    );
    assert_eq!(carols.hear().2, "we go on");
    // Two of them are in, and no ghost of the third.
    let (_, told) = alice.watches(&identity);
    assert!(!told.contains("sip:bob@localhost"), "{told}");
    assert!(told.contains("sip:carol@localhost"), "{told}");
}

/// Of two who come back at once both are in the same session.
#[test]
fn two_come_back_at_once() {
    let store = store();
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let conference = lab.conference(&["bob"]);
    let identity = conference.identity.clone();
    drop((lab, conference));
    let lab = Lab::on(again, |_, _| {});
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let asked = [
        back(&identity, "a").send(&mut alice),
        back(&identity, "b").send(&mut bob),
    ];
    let ok = alice.final_response(&asked[0]);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    let mut alices = Chat::connect(&ok.body(), "a");
    let ok = bob.final_response(&asked[1]);
    assert_eq!(ok.status(), 200);
    bob.ack(&ok, "");
    let mut bobs = Chat::connect(&ok.body(), "b");
    assert_eq!(
        alices.say_and_wait("sip:alice@localhost", &identity, "both"),
        200
    );
    assert_eq!(bobs.hear().2, "both");
}

/// One to one: whoever comes back first waits for the other.
#[test]
fn a_conversation_of_two_outlives_the_server() {
    let store = store();
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let conference = lab.conference(&["bob"]);
    let identity = conference.identity.clone();
    drop((lab, conference));
    let lab = Lab::on(again, |_, _| {});
    let mut bob = lab.phone("bob");
    let (ok, mut bobs) = comes(&mut bob, &back(&identity, "b"), "b");
    let mut alice = lab.phone("alice");
    let (_, mut alices) = comes(&mut alice, &back(&identity, "a"), "a");
    assert_eq!(
        alices.say_and_wait("sip:alice@localhost", &identity, "the two of us"),
        200
    );
    assert_eq!(bobs.hear().2, "the two of us");
    // Over when either leaves, as before.
    let bye = bob.inside("BYE", &ok, 100, "", "");
    bob.send(bye.as_bytes());
    let bye = alice.is_released();
    assert!(bye.raw(Name::Reason).unwrap().contains("cause=410"));
    lab.settled();
}

#[test]
fn a_guest_whose_phone_lost_its_connection_comes_back() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    let Guest { phone, chat, .. } = conference.guests.remove(0);
    drop((phone, chat));
    let mut bob = lab.phone("bob");
    let (_, mut chat) = comes(&mut bob, &back(&identity, "b3"), "b3");
    let said = conference
        .chat
        .say_and_wait("sip:alice@localhost", &identity, "there you are");
    assert_eq!((said, chat.hear().2.as_str()), (200, "there you are"));
}

/// A session of two waits for one who is lost: from another address, with another connection.
#[test]
fn one_of_two_who_was_lost_comes_back() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let identity = conference.identity.clone();
    let Guest { phone, chat, .. } = conference.guests.remove(0);
    drop((phone, chat));
    let mut bob = lab.phone("bob");
    let (_, mut chat) = comes(&mut bob, &back(&identity, "b3"), "b3");
    let said = conference
        .chat
        .say_and_wait("sip:alice@localhost", &identity, "there you are");
    assert_eq!((said, chat.hear().2.as_str()), (200, "there you are"));
    // And it is one of two again: over when one leaves.
    conference.host_leaves();
    let bye = bob.is_released();
    assert!(bye.raw(Name::Reason).unwrap().contains("cause=410"));
}

#[test]
fn one_of_two_who_was_lost_is_not_waited_for_for_ever() {
    let lab = Lab::with(|_, policy| policy.focus.ring = Duration::from_secs(1));
    let mut conference = lab.conference(&["bob"]);
    let Guest { phone, chat, .. } = conference.guests.remove(0);
    drop((phone, chat));
    let bye = conference.host.is_released();
    assert!(bye.raw(Name::Reason).unwrap().contains("cause=410"));
    lab.settled();
}
