//! What real clients do (measured with AG Projects' SDK, liblinphone and RCS clients), and what
//! they need from us.

use crate::lab::ask::{FACTORY, identity, list};
use crate::lab::{Ask, Chat, Guest, Lab};
use msrp::Kind;
use sip::sdp::Description;
use sip::{Name, Response};

/// (the media lines offered, those answered): what is no chat is refused, in its place.
#[rustfmt::skip]
const MEDIA: &[(&[&str], &[&str])] = &[
    (&["audio", "chat"],          &["m=audio 0 RTP/AVP 0 8", "m=message"]),
    (&["chat", "audio"],          &["m=message", "m=audio 0 RTP/AVP 0 8"]),
    (&["audio", "chat", "video"], &["m=audio 0 RTP/AVP 0 8", "m=message", "m=video 0 RTP/AVP 31"]),
];

/// AG Projects' SDK offers audio beside chat.
#[test]
fn audio_beside_chat_is_refused_in_its_place() {
    let lab = Lab::start();
    for (offered, want) in MEDIA {
        let usual = Chat::sdp("host");
        let (session, chat) = usual.split_at(usual.find("m=message").unwrap());
        let lines = offered.iter().map(|kind| match *kind {
            "audio" => "m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n",
            "video" => "m=video 4002 RTP/AVP 31\r\n",
            _ => chat,
        });
        let offer = session.to_owned() + &lines.collect::<String>();
        let mut conference = lab.conference_by(&Ask::guests(&["bob"]).with_sdp(&offer), &["bob"]);
        let answer = conference.ok.body();
        let answer = std::str::from_utf8(&answer).unwrap();
        let media: Vec<_> = answer
            .lines()
            .filter(|line| line.starts_with("m="))
            .collect();
        assert_eq!(media.len(), want.len(), "{answer}");
        for (line, want) in media.iter().zip(*want) {
            assert!(line.starts_with(want), "{line} for {want}");
        }
        // Those invited are offered the chat alone.
        let offered = conference.guests[0].invitation.sdp();
        assert_eq!(Description::parse(&offered).unwrap().media.len(), 1);
        conference.all_hear("but we can write");
        conference.host_leaves();
        conference.guests[0].phone.is_released();
        lab.settled();
    }
}

/// (what, the CPIM message, the text in it)
#[rustfmt::skip]
const CPIM: &[(&str, &str, &str)] = &[
    ("inner part with bare LF",
     "From: <sip:alice@localhost>\r\nTo: <ALL>\r\n\r\nContent-Type: text/plain; charset=\"utf8\"\n\nhello\n", "hello\n"),
    ("quoted charset that is none",
     "From: <sip:alice@localhost>\r\nTo: <ALL>\r\n\r\nContent-Type: text/plain;charset=\"utf8\"\r\n\r\nhello", "hello"),
    ("names, a date and IMDN headers",
     "From: Alice <sip:alice@localhost>\r\nTo: Room <ALL>\r\nDateTime: 2026-11-21T00:00:00+01:00\r\n\
      NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: x1\r\n\r\nContent-type: text/plain\r\n\r\nhello", "hello"),
    ("to anonymous, as RCS clients say everybody",
     "From: <sip:anonymous@anonymous.invalid>\r\nTo: <sip:anonymous@anonymous.invalid>\r\n\r\nContent-Type: text/plain\r\n\r\nhello", "hello"),
    ("no text at all",
     "From: <sip:alice@localhost>\r\nTo: <ALL>\r\n\r\nContent-Type: text/plain\r\n\r\n", ""),
];

/// The forms of CPIM there are in the wild come through, and are answered and reported.
#[test]
fn cpim_as_it_is_written_is_passed_on() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    for (what, cpim, want) in CPIM {
        let body = cpim.replace("ALL", &conference.identity);
        let headers = format!(
            "Byte-Range: 1-{0}/{0}\r\nSuccess-Report: yes\r\nFailure-Report: yes\r\nContent-Type: message/cpim\r\n",
            body.len()
        );
        conference.chat.send_frame("", &headers, &body);
        assert_eq!(
            conference.chat.piece().head.kind(),
            Kind::Response(200),
            "{what}"
        );
        let (from, _, text) = conference.guests[0].chat.hear();
        assert_eq!(
            (from.as_str(), text.as_str()),
            ("sip:alice@localhost", *want),
            "{what}"
        );
        // The switch is the end of the way for the sender's report (RFC 7701 section 6.3).
        let report = conference.chat.piece();
        assert!(
            matches!(report.head.kind(), Kind::Request(msrp::Method::Report)),
            "{what}"
        );
    }
}

/// An INVITE without a description gets our offer in the 200, and its answer comes in the ACK.
#[test]
fn an_invite_without_sdp_is_offered_a_chat() {
    let lab = Lab::start();
    let (mut alice, bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = Ask::guests(&["bob"]).with_sdp("").send(&mut alice);
    let mut bob = Guest::joins(bob, "");
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    let offer = Description::parse(&ok.body()).unwrap();
    let (_, media) = offer.msrp().unwrap();
    assert!(media.accepts("message/cpim"));
    let text = ok.body();
    assert!(
        std::str::from_utf8(&text)
            .unwrap()
            .contains("a=setup:actpass")
    );
    alice.ack(&ok, &Chat::sdp("host"));
    let mut chat = Chat::connect(&ok.body(), "host");
    chat.say("sip:alice@localhost", &identity(&ok), "there and");
    assert_eq!(bob.chat.hear().2, "there and");
    bob.chat.say("sip:bob@localhost", &identity(&ok), "back");
    assert_eq!(chat.hear().2, "back");
}

/// liblinphone: the list is the only body, its disposition in the message itself.
#[test]
fn a_list_alone_is_enough() {
    let lab = Lab::start();
    let (mut alice, bob) = (lab.phone("alice"), lab.phone("bob"));
    let mut ask = Ask::guests(&["bob"]).with("Content-Disposition: recipient-list\r\n");
    let entries = list("<entry uri=\"sip:bob@localhost\"/>");
    ask.body = Some(("application/resource-lists+xml".to_owned(), entries));
    let call_id = ask.send(&mut alice);
    let _bob = Guest::joins(bob, "");
    let ok: Response = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    assert!(ok.raw(Name::Contact).unwrap().contains(";isfocus"));
    alice.ack(&ok, &Chat::sdp("host"));
    let headers = format!(
        "Contact: {}\r\nEvent: conference\r\nLast-Notify-Version: 0\r\n",
        alice.contact()
    );
    let response = alice.request("SUBSCRIBE", &identity(&ok), &headers, "");
    assert_eq!(response.status(), 200);
    assert!(alice.notified().1.contains("sip:bob@localhost"));
}

/// Where a=setup is missing in an offer, the offerer connects (RFC 4975 section 5.4); where it is
/// missing in an answer to actpass, the answerer does.
#[test]
fn a_missing_setup_does_no_harm() {
    let lab = Lab::start();
    let bare = |id: &str| Chat::sdp(id).replace("a=setup:active\r\n", "");
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = Ask::guests(&["bob"])
        .with_sdp(&bare("host"))
        .send(&mut alice);
    let invitation = bob.invited();
    bob.accept(&invitation, "", &bare("bob"));
    let mut bobs = Chat::connect(&invitation.sdp(), "bob");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    assert!(
        std::str::from_utf8(&ok.body())
            .unwrap()
            .contains("a=setup:passive")
    );
    let mut chat = Chat::connect(&ok.body(), "host");
    chat.say("sip:alice@localhost", &identity(&ok), "connected");
    assert_eq!(bobs.hear().2, "connected");
}

/// RCS clients send is-composing as it is, not in CPIM.
#[test]
fn is_composing_travels_unwrapped() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let composing = "<isComposing xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\"><state>active</state></isComposing>";
    let headers = format!(
        "Byte-Range: 1-{0}/{0}\r\nContent-Type: application/im-iscomposing+xml\r\n",
        composing.len()
    );
    conference.chat.send_frame("", &headers, composing);
    assert_eq!(conference.chat.piece().head.kind(), Kind::Response(200));
    let heard = conference.guests[0].chat.next_said();
    assert_eq!(heard, composing.as_bytes());
    conference.all_hear("done");
}

/// Compact header names, and lines folded as RFC 3261 section 7.3.1 allows.
#[test]
fn compact_and_folded_headers_are_read() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
    let call_id = Ask::guests(&["bob"])
        .with("s: folded\r\n subject\r\n")
        .send(&mut alice);
    let invitation = bob.invited();
    let subject = invitation.request.raw(Name::Subject).unwrap();
    assert_eq!(
        subject.split_whitespace().collect::<Vec<_>>(),
        ["folded", "subject"]
    );
    alice.cancels(&call_id, FACTORY);
}

/// RFC 3261 section 13.2.1: our offer has to be answered in the ACK. Without that there is
/// nothing to carry.
#[test]
fn an_ack_without_an_answer_ends_the_session() {
    let refusal = Chat::sdp("host").replace("m=message 9", "m=message 0");
    for answer in ["", refusal.as_str()] {
        let lab = Lab::start();
        let (mut alice, bob) = (lab.phone("alice"), lab.phone("bob"));
        let call_id = Ask::guests(&["bob"]).with_sdp("").send(&mut alice);
        let mut bob = Guest::joins(bob, "");
        let ok = alice.final_response(&call_id);
        alice.ack(&ok, answer);
        let bye = alice.is_released();
        assert!(bye.raw(Name::Reason).unwrap().contains("488"), "{answer}");
        bob.phone.is_released();
        lab.settled();
    }
}

/// A device may connect and speak while its 200 is still on the way.
#[test]
fn who_speaks_before_being_in_is_heard_afterwards() {
    let lab = Lab::start();
    let (mut alice, mut bob, carol) = (lab.phone("alice"), lab.phone("bob"), lab.phone("carol"));
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let mut carol = Guest::joins(carol, "");
    let conference = identity(&alice.final_response(&call_id));
    let invitation = bob.invited();
    let mut early = Chat::connect_only(&invitation.sdp(), "bob");
    early.say("sip:bob@localhost", &conference, "first");
    bob.heard_only(|_| true);
    bob.accept(&invitation, "", &Chat::sdp("bob"));
    early.say("sip:bob@localhost", &conference, "second");
    assert_eq!(carol.chat.hear().2, "first");
    assert_eq!(carol.chat.hear().2, "second");
}
