//! One conversation with both faces: devices that speak SIP and MSRP, and handsets.

use imps::Primitive;
use imps::csp::{
    AcceptedContentType, CapabilityList, DeliveryReportRequest, ExtendConversationRequest,
    ExtendConversationUser, Group, InviteType, InviteUserResponse, JoinGroupRequest,
    LeaveGroupRequest, Recipient, ScreenName, Sender, User,
};
use imps::service::Function;
use imps::status::Code;
use msrp::cpim::{Cpim, IMDN_NS, NewCpim};
use xdm::imdn::{Disposition, Fate, Notification};

use crate::lab::ask::identity;
use crate::lab::club::joins_in;
use crate::lab::handset::wv;
use crate::lab::{Ask, Chat, Guest, Handset, Lab, Phone};

const ALICE: &str = "sip:alice@localhost";
const BOB: &str = "sip:bob@localhost";
const CAROL: &str = "sip:carol@localhost";

/// alice on a device has invited bob on a handset and carol on a device, and all are in.
struct Mixed {
    lab: Lab,
    alice: Phone,
    chat: Chat,
    bob: Handset,
    carol: Guest,
    identity: String,
    group: String,
}

/// The group that handsets see in a conference.
fn group_of(identity: &str) -> String {
    identity.replace("sip:", "wv:/")
}

fn mixed() -> Mixed {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let carol = lab.phone("carol");
    let mut bob = Handset::on(&lab, "bob");
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let invitation = bob.hear_invitation();
    let group = invitation.group.unwrap();
    joins_in(&mut bob, &group, "Bobby");
    let carol = Guest::joins(carol, "");
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200, "{}", ok.reason());
    alice.ack(&ok, "");
    let chat = Chat::connect(&ok.body(), "host");
    let identity = identity(&ok);
    assert_eq!(group, group_of(&identity));
    Mixed {
        lab,
        alice,
        chat,
        bob,
        carol,
        identity,
        group,
    }
}

/// How a member of a group is named there.
fn called(group: &str, name: &str) -> Group {
    Group::ScreenName(ScreenName {
        name: name.to_owned(),
        group: group.to_owned(),
    })
}

fn report(handset: &mut Handset) -> DeliveryReportRequest {
    handset.hear(|one| match one {
        Primitive::DeliveryReportRequest(report) => Some(report.clone()),
        _ => None,
    })
}

/// Says something in CPIM, and what of RFC 5438 is asked for.
fn say(chat: &mut Chat, from: &str, to: &str, content_type: &str, body: &[u8], wish: &str) -> u16 {
    let cpim = NewCpim {
        from: (None, from),
        to: (None, to),
        date_time: Some("2026-11-21T10:20:30Z"),
        namespaces: &[("imdn", IMDN_NS)],
        headers: &[
            ("imdn.Message-ID", "id-1"),
            ("imdn.Disposition-Notification", wish),
        ],
        content_type,
        mime_headers: &[],
    };
    let body = cpim.write(body);
    let head = format!(
        "Byte-Range: 1-{0}/{0}\r\nContent-Type: message/cpim\r\n",
        body.len()
    );
    chat.send_frame("", &head, str::from_utf8(&body).unwrap());
    chat.answer().1
}

#[test]
fn a_handset_is_invited_into_a_conference_and_all_hear_each_other() {
    let mut all = mixed();
    let (bob, group) = (&mut all.bob, &all.group);
    let status = all.chat.say_and_wait(ALICE, &all.identity, "hello");
    assert_eq!(status, 200);
    assert_eq!(all.carol.chat.hear().2, "hello");
    let heard = bob.hear_message();
    assert_eq!(heard.content.unwrap().as_text(), Some("hello"));
    assert_eq!(
        heard.info.sender,
        Some(Sender::Group(called(group, "alice")))
    );
    assert_eq!(heard.info.recipient.groups, [Group::Id(group.clone())]);
    assert_eq!(heard.info.content_type.as_deref(), Some("text/plain"));
    let sent = bob.say(group, "gr\u{fc}\u{df} Gott");
    assert_eq!(sent.outcome.code, Code::SUCCESSFUL);
    for chat in [&mut all.chat, &mut all.carol.chat] {
        let said = Cpim::parse(&chat.next_said(), true).unwrap().unwrap();
        let from = said.from().unwrap();
        assert_eq!((from.uri(), from.name().as_deref()), (BOB, Some("Bobby")));
        assert_eq!(said.to().next().unwrap().uri(), all.identity);
        assert_eq!(said.imdn("Message-ID"), sent.message.as_deref());
        assert_eq!(said.imdn("Disposition-Notification"), None);
        let mime = said.mime().unwrap();
        assert_eq!(
            mime.content_type().as_deref(),
            Some("text/plain;charset=UTF-8")
        );
        assert_eq!(mime.body(), "gr\u{fc}\u{df} Gott");
    }
}

#[test]
fn each_face_sees_who_is_there() {
    let mut all = mixed();
    let (_, roster) = all.alice.watches(&all.identity);
    assert!(roster.contains(BOB) && roster.contains("Bobby"), "{roster}");
    assert!(roster.contains(CAROL));
    let mut erin = Handset::on(&all.lab, "erin");
    let stranger = JoinGroupRequest {
        group: all.group.clone(),
        ..JoinGroupRequest::default()
    };
    assert_eq!(erin.code(stranger), 816, "nobody has invited erin");
    all.bob.hear_all();
    all.carol.leaves();
    let notice = all.bob.hear_notice();
    let left = notice.left.unwrap();
    assert_eq!(left.people[0].screen_name, "carol");
    let leave = LeaveGroupRequest {
        group: all.group.clone(),
    };
    assert_eq!(all.bob.code(leave), 200);
    let (_, roster) = all.alice.notified();
    assert!(roster.contains(CAROL) || roster.contains(BOB), "{roster}");
}

#[test]
fn a_handset_declines_for_its_user() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut bob = Handset::on(&lab, "bob");
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    let invitation = bob.hear_invitation();
    assert_eq!(invitation.invite_type, InviteType::Group);
    assert_eq!(
        invitation.validity_s,
        Some(120),
        "as long as a device rings"
    );
    let inviter = Some(Sender::User(User::new(wv("alice"))));
    assert_eq!(invitation.sender, inviter);
    bob.poll();
    // It rings there.
    while alice.response(&call_id).status() != 180 {}
    let no = InviteUserResponse {
        id: invitation.id,
        acceptance: false,
        ..InviteUserResponse::default()
    };
    assert_eq!(bob.code(no.clone()), 200);
    let ended = alice.final_response(&call_id);
    assert_eq!(ended.status(), 603);
    alice.ack_failure(&ended, crate::lab::ask::FACTORY);
    // The conference is not there any more, or in a moment.
    let gone = (0..1000).any(|_| bob.code(no.clone()) == 423);
    assert!(gone);
}

#[test]
fn whoever_has_both_is_in_by_the_first_that_comes() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut phone = lab.phone("bob");
    let mut handset = Handset::on(&lab, "bob");
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    let incoming = phone.invited();
    let invitation = handset.hear_invitation();
    let group = invitation.group.unwrap();
    // A device that refuses is not the last word.
    phone.refuses(&incoming, "486 Busy Here");
    joins_in(&mut handset, &group, "");
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    assert_eq!(chat.say_and_wait(ALICE, &identity(&ok), "hello"), 200);
    handset.hear_message();

    // And the other way: what rings still is taken back.
    let mut dave = lab.phone("dave");
    let call_id = Ask::guests(&["bob"]).send(&mut dave);
    let invitation = handset.hear_invitation();
    let guest = Guest::joins(phone, "");
    let withdrawn = handset.hear(|one| match one {
        Primitive::CancelInviteUserRequest(cancel) => Some(cancel.id.clone()),
        _ => None,
    });
    assert_eq!(withdrawn, invitation.id);
    assert_eq!(dave.final_response(&call_id).status(), 200);
    drop(guest);
}

#[test]
fn private_messages_go_both_ways() {
    let mut all = mixed();
    all.bob.hear_all();
    let status = all.chat.say_and_wait(ALICE, BOB, "for you alone");
    assert_eq!(status, 200);
    let heard = all.bob.hear_message();
    assert_eq!(heard.content.unwrap().as_text(), Some("for you alone"));
    assert_eq!(heard.info.recipient.groups, [called(&all.group, "Bobby")]);
    let sent = all.bob.whisper(&all.group, "carol", "and for you");
    assert_eq!(sent.outcome.code, Code::SUCCESSFUL);
    let said = Cpim::parse(&all.carol.chat.next_said(), true)
        .unwrap()
        .unwrap();
    assert_eq!(said.to().next().unwrap().uri(), CAROL);
    assert_eq!(
        all.bob.say(&all.group, "to all").outcome.code,
        Code::SUCCESSFUL
    );
    assert_eq!(all.chat.hear().2, "to all", "alice has not heard the other");
    let nobody = all.bob.whisper(&all.group, "nobody", "x");
    assert_eq!(nobody.outcome.code, Code::NOT_FOUND);
}

#[test]
fn a_device_without_private_messages_is_sent_none() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut bob = Handset::on(&lab, "bob");
    let plain = Chat::sdp("host").replace("a=chatroom:nickname private-messages\r\n", "");
    let call_id = Ask::guests(&["bob"]).with_sdp(&plain).send(&mut alice);
    let group = bob.hear_invitation().group.unwrap();
    joins_in(&mut bob, &group, "");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    let sent = bob.whisper(&group, "alice", "psst");
    assert_eq!(sent.outcome.code, Code::PRIVATE_MESSAGING_DISABLED);
    assert_eq!(bob.say(&group, "aloud").outcome.code, Code::SUCCESSFUL);
    assert_eq!(chat.hear().2, "aloud");
}

#[test]
fn what_arrives_at_a_handset_is_told_to_the_device() {
    let mut all = mixed();
    let wish = "positive-delivery, display";
    let status = say(
        &mut all.chat,
        ALICE,
        &all.identity,
        "text/plain",
        b"hello",
        wish,
    );
    assert_eq!(status, 200);
    all.bob.hear_message();
    // To answer it is to say that it has arrived.
    all.bob.poll();
    let told = Cpim::parse(&all.chat.next_said(), true).unwrap().unwrap();
    assert_eq!(told.from().unwrap().uri(), BOB);
    assert_eq!(told.to().next().unwrap().uri(), ALICE);
    let mime = told.mime().unwrap();
    assert_eq!(mime.content_type().as_deref(), Some("message/imdn+xml"));
    assert_eq!(
        mime.header("Content-Disposition").as_deref(),
        Some("notification")
    );
    let told = Notification::read(&mime.body()).unwrap();
    assert_eq!(
        (told.disposition, told.fate),
        (Disposition::Delivery, Fate::Done)
    );
    assert_eq!(told.message_id, "id-1");
    assert_eq!(told.date_time, "2026-11-21T10:20:30Z");
    // Nobody asks, nobody is told.
    assert_eq!(all.chat.say_and_wait(ALICE, &all.identity, "again"), 200);
    all.bob.hear_message();
    all.bob.poll();
    assert_eq!(
        all.bob.say(&all.group, "heard").outcome.code,
        Code::SUCCESSFUL
    );
    assert_eq!(all.chat.hear().2, "heard");
}

#[test]
fn what_arrives_at_a_device_is_told_to_the_handset() {
    let mut all = mixed();
    let recipient = Recipient {
        groups: vec![Group::Id(all.group.clone())],
        ..Recipient::default()
    };
    let sent = all.bob.send_to(recipient, "hello", true);
    let id = sent.message.unwrap();
    let said = Cpim::parse(&all.carol.chat.next_said(), true)
        .unwrap()
        .unwrap();
    assert_eq!(
        said.imdn("Disposition-Notification"),
        Some("positive-delivery")
    );
    let told = Notification {
        message_id: id.clone(),
        date_time: said.date_time().unwrap().to_owned(),
        recipient: None,
        disposition: Disposition::Delivery,
        fate: Fate::Done,
    };
    let body = told.write();
    let imdn = "message/imdn+xml";
    for _ in 0..2 {
        // The second is of another device, or lost its answer.
        let status = say(&mut all.carol.chat, CAROL, BOB, imdn, body.as_bytes(), "");
        assert_eq!(status, 200);
    }
    let report = report(&mut all.bob);
    assert_eq!(report.outcome.code, Code::SUCCESSFUL);
    assert_eq!(report.info.id, Some(id));
    assert_eq!(report.info.recipient.groups, [called(&all.group, "carol")]);
    let rest = all.bob.hear_all();
    let more = rest
        .iter()
        .filter(|one| matches!(one, Primitive::DeliveryReportRequest(_)));
    assert_eq!(more.count(), 0, "once for each who has it");
}

#[test]
fn what_a_handset_cannot_show_is_told_in_words() {
    let mut all = mixed();
    let link = "<file xmlns=\"urn:gsma:params:xml:ns:rcs:rcs:fthttp\"><file-info type=\"file\">\
                <file-size>2048</file-size><file-name>a.jpg</file-name><content-type>image/jpeg\
                </content-type><data url=\"https://files.example/a\" until=\"2027-01-01T00:00:00Z\"/>\
                </file-info></file>";
    all.bob.capable(CapabilityList {
        content_types: vec![AcceptedContentType::new("image/gif")],
        ..CapabilityList::default()
    });
    let rcs = "application/vnd.gsma.rcs-ft-http+xml";
    let rows = [
        (rcs, link, "a.jpg (2048 bytes): https://files.example/a"),
        (
            "image/jpeg",
            "1234",
            "[image/jpeg, 4 bytes: this client cannot show it]",
        ),
    ];
    for (content_type, body, want) in rows {
        let status = say(
            &mut all.chat,
            ALICE,
            &all.identity,
            content_type,
            body.as_bytes(),
            "",
        );
        assert_eq!(status, 200);
        let heard = all.bob.hear_message();
        assert_eq!(heard.content.unwrap().as_text(), Some(want));
        assert_eq!(heard.info.content_type.as_deref(), Some("text/plain"));
    }
    let status = say(
        &mut all.chat,
        ALICE,
        &all.identity,
        "image/gif",
        b"GIF8",
        "",
    );
    assert_eq!(status, 200);
    let heard = all.bob.hear_message();
    assert_eq!(heard.info.content_type.as_deref(), Some("image/gif"));
    assert_eq!(heard.content.unwrap().as_bytes(), b"GIF8");
    // That somebody writes is nothing to a handset.
    let composing = "application/im-iscomposing+xml";
    let state = "<isComposing xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\"><state>active</state></isComposing>";
    let status = say(
        &mut all.chat,
        ALICE,
        &all.identity,
        composing,
        state.as_bytes(),
        "",
    );
    assert_eq!(status, 200);
    assert_eq!(all.chat.say_and_wait(ALICE, &all.identity, "written"), 200);
    assert_eq!(
        all.bob.hear_message().content.unwrap().as_text(),
        Some("written")
    );
}

#[test]
fn what_is_too_long_for_handsets_is_refused_or_named() {
    let lab = Lab::with(|_, policy| policy.imps.max_message = 1000);
    let mut alice = lab.phone("alice");
    let carol = lab.phone("carol");
    let mut bob = Handset::on(&lab, "bob");
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let group = bob.hear_invitation().group.unwrap();
    joins_in(&mut bob, &group, "");
    let mut carol = Guest::joins(carol, "");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    let long = "x".repeat(20_000);
    assert_eq!(chat.say_and_wait(ALICE, &identity(&ok), &long), 200);
    assert_eq!(carol.chat.hear().2, long, "a device takes it");
    let heard = bob.hear_message().content.unwrap();
    assert!(heard.as_text().unwrap().contains("too long"), "{heard:?}");
    // To the handset alone it is refused, and nobody is told anything.
    assert_eq!(chat.say_and_wait(ALICE, BOB, &long), 413);
    assert_eq!(chat.say_and_wait(ALICE, BOB, "short"), 200);
    assert_eq!(bob.hear_message().content.unwrap().as_text(), Some("short"));
}

#[test]
fn somebody_hidden_is_hidden_from_handsets() {
    let lab = Lab::with(|_, policy| policy.focus.allow_anonymity = true);
    let mut alice = lab.phone("alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut ask = Ask::guests(&["bob"]).with("Privacy: id\r\n");
    ask.from = "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned();
    let call_id = ask.send(&mut alice);
    let invitation = bob.hear_invitation();
    assert_eq!(invitation.sender, None);
    let group = invitation.group.unwrap();
    joins_in(&mut bob, &group, "");
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    assert_eq!(
        chat.say_and_wait("sip:anonymous@anonymous.invalid", &identity(&ok), "boo"),
        200
    );
    let heard = bob.hear_message();
    let name = match heard.info.sender {
        Some(Sender::Group(Group::ScreenName(name))) => name.name,
        other => panic!("{other:?}"),
    };
    assert_eq!(name, "anonymous1");
    // And is answered there all the same.
    assert_eq!(
        bob.whisper(&group, &name, "who?").outcome.code,
        Code::SUCCESSFUL
    );
    assert_eq!(chat.hear().2, "who?");
    let told = format!("{:?}", bob.hear_all());
    assert!(!told.contains("alice"), "{told}");
}

#[test]
fn a_handset_grows_its_conversation_to_people_on_devices() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let bob = lab.phone("bob");
    let carol = lab.phone("carol");
    let mut dave = Handset::on(&lab, "dave");
    let request = ExtendConversationRequest {
        id: Some("grow".to_owned()),
        users: vec![wv("carol"), wv("dave"), wv("erin")],
        peer: ExtendConversationUser {
            user: wv("bob"),
            client: None,
        },
        ..ExtendConversationRequest::default()
    };
    alice.done(request);
    // IMPS-9.1.11-S18: the peer first, and on a device as in a session.
    let mut bob = Guest::joins(bob, "");
    let extended = alice.hear_extended();
    assert_eq!(extended.outcome.code, Code::PARTIALLY_SUCCESSFUL);
    assert_eq!(extended.outcome.details[0].users, [wv("erin")]);
    let group = extended.group.unwrap();
    let mut carol = Guest::joins(carol, "");
    dave.hear_invitation();
    joins_in(&mut dave, &group, "");
    assert_eq!(
        alice.say(&group, "all of us").outcome.code,
        Code::SUCCESSFUL
    );
    assert_eq!(bob.chat.hear().2, "all of us");
    assert_eq!(carol.chat.hear().2, "all of us");
    assert_eq!(
        dave.hear_message().content.unwrap().as_text(),
        Some("all of us")
    );
    let identity = group.replace("wv:/", "sip:");
    assert_eq!(bob.chat.say_and_wait(BOB, &identity, "indeed"), 200);
    assert_eq!(
        alice.hear_message().content.unwrap().as_text(),
        Some("indeed")
    );
    assert_eq!(carol.chat.hear().2, "indeed");
}

#[test]
fn nobody_is_asked_in_a_session_by_whom_they_have_blocked() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut bob = Handset::on(&lab, "bob");
    crate::blocks::block(&mut bob, &["wv:alice@localhost"]);
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    assert_eq!(alice.final_response(&call_id).status(), 480);
    assert!(bob.hear_all().is_empty());
}

#[test]
fn a_session_that_knows_no_invitations_is_not_asked() {
    let lab = Lab::start();
    let mut alice = lab.phone("alice");
    let mut bob = Handset::without(&lab, "bob", &[Function::Invit]);
    let call_id = Ask::guests(&["bob"]).send(&mut alice);
    assert_eq!(alice.final_response(&call_id).status(), 480);
    assert!(bob.hear_all().is_empty());
}
