//! What meets on its way, and what peers do on purpose: nothing is lost, nothing is left.

use crate::lab::ask::FACTORY;
use crate::lab::{Ask, Chat, Guest, Lab, Phone};
use sip::{Message, Method};

/// Requests of this method that came and were not waited for.
fn is(message: &Message, method: &Method) -> bool {
    matches!(message, Message::Request(request) if request.method() == method)
}

/// RFC 3261 section 13.2.2.4: a 2xx that comes again is acknowledged again, and means nothing
/// else.
#[test]
fn a_repeated_2xx_is_acknowledged_and_ends_nothing() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let bob = &mut conference.guests[0];
    for _ in 0..3 {
        bob.phone.accept(&bob.invitation, "", &Chat::sdp("bob"));
    }
    bob.phone.heard_only(|message| !is(message, &Method::Bye));
    conference.all_hear("still here");
    conference.host_leaves();
    for guest in &mut conference.guests {
        guest.leaves();
    }
    lab.settled();
}

/// RFC 3261 section 13.2.2.4: of several branches that accept one is kept; however often the
/// others say so, they get one BYE.
#[test]
fn a_second_branch_that_accepts_gets_one_bye() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let bob = &mut conference.guests[0];
    let own = std::mem::replace(&mut bob.invitation.tag, "other".to_owned());
    for _ in 0..3 {
        bob.phone.accept(&bob.invitation, "", &Chat::sdp("bob"));
    }
    bob.invitation.tag = own;
    bob.phone.is_released();
    bob.phone.heard_only(|message| !is(message, &Method::Bye));
    conference.all_hear("still here");
}

/// A 2xx without Contact can be neither acknowledged nor ended: the device counts as failed.
#[test]
fn a_2xx_without_contact_counts_as_a_failure() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    let invitation = bob.invited();
    let sdp = "Content-Type: application/sdp\r\n";
    let (request, tag) = (&invitation.request, &invitation.tag);
    bob.answer(request, "200 OK", tag, sdp, &Chat::sdp("bob"));
    let ended = alice.final_response(&call_id);
    assert_eq!(ended.status(), 500);
    alice.ack_failure(&ended, FACTORY);
    lab.settled();
}

/// A guest who accepts and leaves in one breath has left, although the word of it overtakes that
/// of the arrival. Without it the room would keep somebody who is nowhere.
#[test]
fn a_guest_who_leaves_before_arriving_is_not_kept() {
    for _ in 0..20 {
        let lab = Lab::start();
        let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
        let carol = lab.phone("carol");
        let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
        let invitation = bob.invited();
        let extra = format!(
            "Contact: {}\r\nContent-Type: application/sdp\r\n",
            bob.contact()
        );
        let (request, tag) = (&invitation.request, &invitation.tag);
        bob.answer(request, "200 OK", tag, &extra, &Chat::sdp("bob"));
        let left = bob.asks(&invitation, "BYE", "", "");
        assert_eq!(left.status(), 200);
        let ok = alice.final_response(&call_id);
        assert_eq!(ok.status(), 200);
        alice.ack(&ok, "");
        let mut carol = Guest::joins(carol, "");
        let cseq = alice.next_cseq();
        let bye = alice.inside("BYE", &ok, cseq, "", "");
        alice.send(bye.as_bytes());
        alice.final_response_to("BYE", &call_id, cseq);
        carol.leaves();
        lab.settled();
    }
}

/// A CANCEL that comes while the inviter's account is still being read is heard: nobody is rung.
#[test]
fn a_cancel_is_heard_while_the_account_is_read() {
    let lab = Lab::with(|setup, _| setup.shards = 1);
    let mut bob = lab.phone("bob");
    let mut alice = Phone::tcp(&lab, "alice");
    let ask = Ask::guests(&["bob"]);
    let call_id = ask.send_cancelled(&mut alice);
    let ended = alice.final_response_to("INVITE", &call_id, alice.cseq());
    assert_eq!(ended.status(), 487);
    alice.ack_failure(&ended, FACTORY);
    bob.heard_only(|message| !is(message, &Method::Invite));
    lab.settled();
}

/// An INVITE whose connection is gone before it is read rings nobody.
#[test]
fn an_inviter_who_has_gone_rings_nobody() {
    let lab = Lab::start();
    let mut bob = lab.phone("bob");
    let alice = lab.phone("alice");
    let mut alice = alice;
    Ask::guests(&["bob"]).send(&mut alice);
    drop(alice);
    // Whether he has heard the INVITE or not, it is over at once and not after the ring time.
    if bob.has_heard(&Method::Invite) {
        let invitation = bob.invited();
        bob.rings(&invitation);
        bob.is_cancelled(&invitation);
    }
    lab.settled();
}

/// A member who says in a re-INVITE that they take other types hears other things from then on.
#[test]
fn im_7_1_1_5_what_a_member_takes_can_change() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let bob = &mut conference.guests[0];
    let picky = Chat::sdp("bob").replace("wrapped-types:text/plain", "wrapped-types:image/png");
    let extra = format!(
        "Contact: {}\r\nContent-Type: application/sdp\r\n",
        bob.phone.contact()
    );
    let ok = bob.phone.asks(&bob.invitation, "UPDATE", &extra, &picky);
    assert_eq!(ok.status(), 200);
    let (chat, identity) = (&mut conference.chat, conference.identity.clone());
    assert_eq!(
        chat.say_and_wait("sip:alice@localhost", &identity, "text"),
        200
    );
    assert_eq!(conference.guests[1].chat.hear().2, "text");
    let bob = &mut conference.guests[0];
    let ok = bob
        .phone
        .asks(&bob.invitation, "UPDATE", &extra, &Chat::sdp("bob"));
    assert_eq!(ok.status(), 200);
    // The first text was not for him.
    conference.all_hear("more text");
}

/// A member who comes back over a new connection is reached there from then on.
#[test]
fn a_member_is_reached_over_the_connection_it_came_back_with() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let bob = &mut conference.guests[0];
    let mut again = Phone::tcp(&lab, "bob");
    // Numbers go on where they were.
    while again.cseq() < bob.phone.cseq() {
        again.next_cseq();
    }
    let watcher = again.watches(&conference.identity).0;
    bob.phone = again;
    let answer = bob.phone.asks(&bob.invitation, "OPTIONS", "", "");
    assert_eq!(answer.status(), 200);
    // His subscription moves too, with its refresh.
    let mut third = Phone::tcp(&lab, "bob");
    while third.cseq() < bob.phone.cseq() {
        third.next_cseq();
    }
    let cseq = third.next_cseq();
    let contact = format!("Contact: {}\r\nEvent: conference\r\n", third.contact());
    let refresh = third.inside("SUBSCRIBE", &watcher, cseq, &contact, "");
    third.send(refresh.as_bytes());
    let call_id = watcher.raw(sip::Name::CallId).unwrap();
    assert_eq!(
        third.final_response_to("SUBSCRIBE", call_id, cseq).status(),
        200
    );
    third.notified();
    conference.chat.write(b"this is not MSRP\r\n\r\n");
    let (_, news) = third.notified();
    assert!(news.contains("disconnected"), "{news}");
    conference.guests[1].leaves();
    conference.guests[0].leaves();
    third.notified();
    lab.settled();
}

/// A subscriber who refreshes as fast as it can is answered, and told the whole state in the end.
#[test]
fn a_flood_of_refreshes_is_answered() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let host = &mut conference.host;
    let ok = host.watches(&conference.identity).0;
    let call_id = ok.raw(sip::Name::CallId).unwrap().to_owned();
    let headers = format!("Contact: {}\r\nEvent: conference\r\n", host.contact());
    let mut flood = String::new();
    let mut last = 0;
    for _ in 0..500 {
        last = host.next_cseq();
        flood.push_str(&host.inside("SUBSCRIBE", &ok, last, &headers, ""));
    }
    host.send(flood.as_bytes());
    let answer = host.final_response_to("SUBSCRIBE", &call_id, last);
    assert_eq!(answer.status(), 200);
    let (_, state) = host.notified();
    assert!(
        state.contains("state=\"full\"") && state.contains("carol"),
        "{state}"
    );
    host.heard_only(|message| !is(message, &Method::Bye));
    conference.all_hear("alive");
}

/// RFC 3323 section 4.1.1.3: who writes the anonymous URI as From is nobody to the others, also
/// without a Privacy header.
#[test]
fn an_anonymous_from_hides_the_inviter() {
    let lab = Lab::start();
    let (mut alice, bob) = (lab.phone("alice"), lab.phone("bob"));
    let mut ask = Ask::guests(&["bob"]);
    ask.from = "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned();
    let call_id = ask.send(&mut alice);
    let mut bob = Guest::joins(bob, "");
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    bob.phone.watches(&crate::lab::ask::identity(&ok));
    let heard = String::from_utf8_lossy(&bob.phone.heard).into_owned();
    assert!(!crate::lab::names(&heard, "alice"), "{heard}");
    assert!(heard.contains("sip:anonymous1@anonymous.invalid"));
}

/// The same in a conversation of two, which is over with that: the inviter hears so, by a refusal
/// or by a BYE, whichever is right when it happens.
#[test]
fn a_conversation_of_two_that_ends_before_it_begins() {
    for _ in 0..20 {
        let lab = Lab::start();
        let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
        let call_id = Ask::guests(&["bob"]).send(&mut alice);
        let invitation = bob.invited();
        let extra = format!(
            "Contact: {}\r\nContent-Type: application/sdp\r\n",
            bob.contact()
        );
        let (request, tag) = (&invitation.request, &invitation.tag);
        bob.answer(request, "200 OK", tag, &extra, &Chat::sdp("bob"));
        let left = bob.asks(&invitation, "BYE", "", "");
        assert_eq!(left.status(), 200);
        let ended = alice.final_response(&call_id);
        match ended.status() {
            200 => {
                alice.ack(&ended, "");
                alice.is_released();
            }
            status => {
                assert_eq!(status, 480);
                alice.ack_failure(&ended, FACTORY);
            }
        }
        lab.settled();
    }
}

/// RFC 5626 section 7: a device with two flows is rung over one of them.
#[test]
fn a_device_with_two_flows_rings_once() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let [mut first, mut second] = [1, 2].map(|flow| {
        let mut bob = Phone::tcp(&lab, "bob");
        let contact = format!(
            "Contact: {};+sip.instance=\"<urn:uuid:1>\";reg-id={flow}\r\nExpires: 600\r\n",
            bob.contact()
        );
        let response = bob.request("REGISTER", "sip:localhost", &contact, "");
        assert_eq!(response.status(), 200);
        bob
    });
    Ask::guests(&["bob"]).send(&mut alice);
    // Each look takes a millisecond or two: ten seconds at most.
    let mut looks = (0..5000).map(|_| {
        let both = [&mut first, &mut second];
        both.map(|bob| bob.has_heard(&Method::Invite))
    });
    let rung = looks.find(|rung| *rung != [false, false]).unwrap();
    let silent = if rung[0] { &mut second } else { &mut first };
    silent.heard_only(|message| !is(message, &Method::Invite));
}
