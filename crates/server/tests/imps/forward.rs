//! Passing a message on that waits.

use crate::lab::handset::{outcome, wv};
use crate::lab::{Handset, Lab};
use imps::csp::{
    BlockEntityRequest, BlockList, CreateGroupRequest, DeliveryMethod, DeliveryReportRequest,
    EntityList, ForwardMessageRequest, GetMessageListRequest, GetMessageRequest, Group,
    JoinGroupRequest, Recipient, Sender, SetDeliveryMethodRequest, User,
};
use imps::{Encoding, Primitive, Version};

const CLUB: &str = "wv:carol/club@localhost";

fn to(users: &[&str]) -> Recipient {
    Recipient {
        users: users.iter().map(|user| User::new(wv(user))).collect(),
        ..Recipient::default()
    }
}

fn forward(message: &str, users: &[&str]) -> ForwardMessageRequest {
    ForwardMessageRequest {
        message: message.to_owned(),
        sender: None,
        recipient: to(users),
    }
}

/// A message from alice to somebody, and its id.
fn message_for(alice: &mut Handset, user: &str, text: &str) -> String {
    let sent = alice.send_to(to(&[user]), text, true);
    assert_eq!(sent.outcome.code.number(), 200);
    sent.message.unwrap()
}

fn report(handset: &mut Handset) -> DeliveryReportRequest {
    handset.hear(|one| match one {
        Primitive::DeliveryReportRequest(report) => Some(report.clone()),
        _ => None,
    })
}

fn fetch(handset: &mut Handset, message: &str) -> u16 {
    handset.code(GetMessageRequest {
        message: message.to_owned(),
    })
}

fn waiting(handset: &mut Handset) -> usize {
    let request = GetMessageListRequest {
        group: None,
        count: None,
    };
    match handset.ask(request) {
        Primitive::GetMessageListResponse(response) => response.messages.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_goes_to_others_from_whoever_passes_it_on() {
    let spoken = [
        (Version::V1_1, Encoding::Xml),
        (Version::V1_2, Encoding::Wbxml),
        (Version::V1_3, Encoding::Wbxml),
    ];
    for (version, encoding) in spoken {
        let lab = Lab::start();
        let mut alice = Handset::on(&lab, "alice");
        let mut carol = Handset::on(&lab, "carol");
        let id = message_for(&mut alice, "bob", "look <here>");
        let mut bob = Handset::speaking(&lab, "bob", version, encoding);
        let answer = bob.ask(forward(&id, &["carol"]));
        match (version, &answer) {
            (Version::V1_3, Primitive::ForwardMessageResponse(response)) => {
                assert_ne!(response.message, Some(id.clone()));
            }
            (_, Primitive::Status(status)) => assert_eq!(status.outcome.code.number(), 200),
            (_, other) => panic!("{version}: {other:?}"),
        }
        let heard = carol.hear_message();
        assert_eq!(heard.content.unwrap().as_text(), Some("look <here>"));
        assert_eq!(heard.info.content_type.as_deref(), Some("text/plain"));
        assert_ne!(heard.info.id, Some(id.clone()), "{version}");
        let from = Sender::User(User::new("wv:bob@localhost"));
        assert_eq!(heard.info.sender, Some(from), "{version}");
        if let Primitive::ForwardMessageResponse(response) = answer {
            assert_eq!(response.message, heard.info.id);
        }
        // The sender hears of the first message alone.
        let told = report(&mut alice);
        assert_eq!(
            (told.outcome.code.number(), told.info.id),
            (541, Some(id.clone()))
        );
        assert_eq!(alice.hear_all(), []);
        // It waits for bob no more.
        assert_eq!(fetch(&mut bob, &id), 426, "{version}");
        assert_eq!(bob.code(forward(&id, &["dave"])), 426, "{version}");
        assert_eq!(
            (waiting(&mut bob), bob.hear_all()),
            (0, vec![]),
            "{version}"
        );
    }
}

fn block(handset: &mut Handset, user: &str) {
    let add = EntityList {
        users: vec![wv(user)],
        ..EntityList::default()
    };
    let list = BlockList {
        add: Some(add),
        ..BlockList::default()
    };
    handset.done(BlockEntityRequest {
        block: Some(list),
        block_in_use: Some(true),
        ..BlockEntityRequest::default()
    });
}

#[test]
fn what_reaches_nobody_stays() {
    let lab = Lab::start();
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    let (mut carol, mut dave) = (Handset::on(&lab, "carol"), Handset::on(&lab, "dave"));
    block(&mut carol, "bob");
    carol.done(CreateGroupRequest {
        group: CLUB.to_owned(),
        ..CreateGroupRequest::default()
    });
    let id = message_for(&mut alice, "bob", "hello");
    let by_alice = ForwardMessageRequest {
        sender: Some(Sender::User(User::new("wv:alice@localhost"))),
        ..forward(&id, &["dave"])
    };
    let into_club = ForwardMessageRequest {
        recipient: Recipient {
            groups: vec![Group::Id(CLUB.to_owned())],
            ..Recipient::default()
        },
        ..forward(&id, &[])
    };
    #[rustfmt::skip]
    let rows = [
        (forward("unknown", &["dave"]),              426),
        (forward(&id, &[]),                          402),
        (forward(&id, &["nobody"]),                  531),
        (forward(&id, &["carol"]),                   532),
        (forward(&id, &["wv:eve@far.example"]),      516),
        (forward(&id, &["carol", "nobody"]),         900),
        (by_alice,                                   427),
        (into_club,                                  808),
    ];
    for (request, want) in rows {
        assert_eq!(bob.code(request.clone()), want, "{request:?}");
    }
    assert_eq!(waiting(&mut bob), 1);
    // A message of somebody else is none that waits.
    assert_eq!(dave.code(forward(&id, &["erin"])), 426);
    assert_eq!(alice.hear_all(), []);
    // Whom it did not reach is told; from the server it has gone.
    let part = outcome(&bob.ask(forward(&id, &["carol", "dave"])));
    assert_eq!((part.code.number(), part.details.len()), (201, 1));
    assert_eq!(part.details[0].users, ["wv:carol@localhost"]);
    assert_eq!(
        dave.hear_message().content.unwrap().as_text(),
        Some("hello")
    );
    assert_eq!(report(&mut alice).outcome.code.number(), 541);
    assert_eq!(bob.hear_all(), []);
}

#[test]
fn what_was_said_in_a_group_is_passed_on_as_well() {
    let lab = Lab::start();
    let (mut bob, mut carol) = (Handset::on(&lab, "bob"), Handset::on(&lab, "carol"));
    let mut dave = Handset::on(&lab, "dave");
    carol.done(CreateGroupRequest {
        group: CLUB.to_owned(),
        join: true,
        ..CreateGroupRequest::default()
    });
    let group = CLUB.to_owned();
    bob.done(JoinGroupRequest {
        group,
        ..JoinGroupRequest::default()
    });
    bob.done(SetDeliveryMethodRequest {
        method: DeliveryMethod::Notify,
        content_length: None,
        group: Some(CLUB.to_owned()),
        group_content_limit: None,
    });
    carol.say(CLUB, "for all");
    let id = bob.hear(|one| match one {
        Primitive::MessageNotification(told) => told.info.id.clone(),
        _ => None,
    });
    bob.done(forward(&id, &["dave"]));
    let heard = dave.hear_message();
    assert_eq!(heard.content.unwrap().as_text(), Some("for all"));
    assert_eq!(heard.info.recipient, to(&["dave"]));
    assert_eq!(fetch(&mut bob, &id), 426);
}
