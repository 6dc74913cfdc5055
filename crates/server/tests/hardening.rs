//! What meets on its way, and what peers do on purpose: nothing is lost, nothing is left.

mod lab;

use lab::ask::FACTORY;
use lab::{Ask, Chat, Guest, Lab, Phone};
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
    assert_eq!(chat.say_and_wait("sip:alice@localhost", &identity, "text"), 200);
    assert_eq!(conference.guests[1].chat.hear().2, "text");
    let bob = &mut conference.guests[0];
    let ok = bob.phone.asks(&bob.invitation, "UPDATE", &extra, &Chat::sdp("bob"));
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
    assert_eq!(third.final_response_to("SUBSCRIBE", call_id, cseq).status(), 200);
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
    assert!(state.contains("state=\"full\"") && state.contains("carol"), "{state}");
    host.heard_only(|message| !is(message, &Method::Bye));
    conference.all_hear("alive");
}
