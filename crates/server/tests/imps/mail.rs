//! Instant messages between users of IMPS: pushed, announced, fetched, refused, kept and reported.

use std::time::Duration;

use imps::csp::{
    AcceptedContentType, CapabilityList, ContentData, DeliveryMethod, DeliveryReportRequest,
    DetailedResult, GetMessageListRequest, GetMessageRequest, LogoutRequest, MessageDelivered,
    MessageInfo, Outcome, Recipient, RejectMessageRequest, SendMessageRequest, SendMessageResponse,
    SetDeliveryMethodRequest, User,
};
use imps::status::Code;
use imps::{Encoding, Primitive, Version};

use crate::lab::handset::{outcome, wv};
use crate::lab::{Handset, Lab, SimLab, store};

const ENCODINGS: [Encoding; 2] = [Encoding::Wbxml, Encoding::Xml];

/// A message to users.
fn to(users: &[&str], content: impl Into<ContentData>) -> SendMessageRequest {
    let content = content.into();
    SendMessageRequest {
        delivery_report: true,
        info: MessageInfo {
            content_encoding: content.encoding().map(str::to_owned),
            content_size: u32::try_from(content.as_bytes().len()).unwrap(),
            recipient: Recipient {
                users: users.iter().map(|user| User::new(wv(user))).collect(),
                ..Recipient::default()
            },
            ..MessageInfo::default()
        },
        content: Some(content),
    }
}

fn of_type(mut request: SendMessageRequest, media_type: &str) -> SendMessageRequest {
    request.info.content_type = Some(media_type.to_owned());
    request
}

fn sends(handset: &mut Handset, request: SendMessageRequest) -> SendMessageResponse {
    match handset.ask(request) {
        Primitive::SendMessageResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

/// Sends, and gives the id of the message.
fn sent(handset: &mut Handset, request: SendMessageRequest) -> String {
    let response = sends(handset, request);
    assert_eq!(response.outcome.code.number(), 200, "{response:?}");
    response.message.unwrap()
}

fn hears_report(handset: &mut Handset) -> DeliveryReportRequest {
    handset.hear(|one| match one {
        Primitive::DeliveryReportRequest(report) => Some(report.clone()),
        _ => None,
    })
}

fn hears_announcement(handset: &mut Handset) -> MessageInfo {
    handset.hear(|one| match one {
        Primitive::MessageNotification(told) => Some(told.info.clone()),
        _ => None,
    })
}

fn lists(handset: &mut Handset, count: Option<u32>) -> Vec<String> {
    let request = GetMessageListRequest { group: None, count };
    let Primitive::GetMessageListResponse(list) = handset.done(request) else {
        panic!("no list");
    };
    list.messages
        .into_iter()
        .map(|info| info.id.unwrap())
        .collect()
}

fn fetches(handset: &mut Handset, id: &str) -> Primitive {
    handset.ask(GetMessageRequest {
        message: id.to_owned(),
    })
}

fn logs_out(handset: &mut Handset) {
    handset.done(LogoutRequest {});
}

// ---- Pushed ----

#[test]
fn text_and_octets_pass_between_all_versions() {
    let lab = Lab::start();
    let octets: Vec<u8> = (0..=255).collect();
    let contents = [
        ContentData::from("Grüße & <Küsse>\n"),
        ContentData::Octets(octets),
        ContentData::Octets(b"text".to_vec()),
        ContentData::default(),
    ];
    let ways = Version::ALL
        .into_iter()
        .flat_map(|v| ENCODINGS.map(|e| (v, e)));
    let mut carol = Handset::on(&lab, "carol");
    carol.hear_all();
    for (version, encoding) in ways {
        let mut alice = Handset::speaking(&lab, "alice", version, encoding);
        let mut bob = Handset::speaking(&lab, "bob", version, encoding);
        for content in &contents {
            let id = sent(&mut alice, to(&["bob", "carol"], content.clone()));
            for hearer in [&mut bob, &mut carol] {
                let heard = hearer.hear_message();
                let what = format!("{version} {encoding:?} {content:?}");
                assert_eq!(heard.content.as_ref(), Some(content), "{what}");
                assert_eq!(heard.info.id.as_ref(), Some(&id));
                let size = usize::try_from(heard.info.content_size).unwrap();
                assert_eq!(size, content.as_bytes().len());
                assert_eq!(heard.info.content_type.as_deref(), Some("text/plain"));
                assert!(heard.info.date.is_some_and(|date| date.is_utc()));
            }
        }
    }
}

#[test]
fn a_handset_hears_the_characters_that_it_can_show() {
    const ASCII: u32 = 3;
    const LATIN_1: u32 = 4;
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    for (version, charsets, want) in [
        (Version::V1_3, vec![], "Zoë: “жук”"),
        (Version::V1_3, vec![ASCII], "Zoe: \"zhuk\""),
        (Version::V1_3, vec![ASCII, LATIN_1], "Zoë: \"zhuk\""),
        (Version::V1_2, vec![ASCII], "Zoe: \"zhuk\""),
    ] {
        let mut bob = Handset::speaking(&lab, "bob", version, Encoding::Wbxml);
        for delivery in [DeliveryMethod::Push, DeliveryMethod::Notify] {
            bob.capable(CapabilityList {
                charsets: charsets.clone(),
                initial_delivery_method: Some(delivery.clone()),
                ..CapabilityList::default()
            });
            let id = sent(&mut alice, to(&["bob"], "Zoë: “жук”"));
            let (info, content) = if delivery == DeliveryMethod::Push {
                let heard = bob.hear_message();
                (heard.info, heard.content)
            } else {
                hears_announcement(&mut bob);
                match fetches(&mut bob, &id) {
                    Primitive::GetMessageResponse(got) => (got.info, got.content),
                    other => panic!("{other:?}"),
                }
            };
            let what = format!("{version} {charsets:?} {delivery:?}");
            assert_eq!(content, Some(want.into()), "{what}");
            assert_eq!(info.content_size as usize, want.len(), "{what}");
        }
        logs_out(&mut bob);
    }
}

/// What is written otherwise may take more room, and the limits are about what is sent.
#[test]
fn what_a_handset_is_sent_keeps_to_its_limits() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let capable = |bob: &mut Handset, charsets: &[u32]| {
        bob.capable(CapabilityList {
            charsets: charsets.to_vec(),
            push_length: Some(30),
            pull_length: Some(30),
            ..CapabilityList::default()
        });
    };
    // 20 bytes as they are, 40 in US-ASCII.
    let text = "щ".repeat(10);
    capable(&mut bob, &[]);
    sent(&mut alice, to(&["bob"], text.as_str()));
    assert_eq!(bob.hear_message().content, Some(text.as_str().into()));
    capable(&mut bob, &[3]);
    let id = sent(&mut alice, to(&["bob"], text.as_str()));
    hears_announcement(&mut bob);
    let refused = fetches(&mut bob, &id);
    assert_eq!(outcome(&refused).code, Code::RESPONSE_TOO_LARGE);
}

#[test]
fn content_has_a_limit() {
    let lab = Lab::with(|_, policy| policy.imps.max_message = 1000);
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let text = |length: usize| ContentData::Text("x".repeat(length));
    let refused = sends(&mut alice, to(&["bob"], text(1001)));
    assert_eq!(refused.outcome.code.number(), 400);
    assert_eq!(refused.message, None);
    sent(&mut alice, to(&["bob"], text(1000)));
    assert_eq!(bob.hear_message().info.content_size, 1000);
    assert!(bob.hear_all().is_empty());
}

#[test]
fn of_several_recipients_each_is_reached_or_named() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let elsewhere = "wv:zoe@elsewhere.example";
    // The same user in three spellings is one.
    let all = [
        "bob",
        "wv:bob",
        "WV:BOB@localhost",
        "nobody",
        elsewhere,
        "wv:/lobby@localhost",
    ];
    let some = sends(&mut alice, to(&all, "hello"));
    assert_eq!(some.outcome.code, Code::PARTIALLY_SUCCESSFUL);
    let named: Vec<_> = some
        .outcome
        .details
        .iter()
        .map(|one| (one.code.number(), one.users.clone()))
        .collect();
    let user = |name: &str| vec![wv(name)];
    assert_eq!(
        named,
        [
            (531, user("nobody")),
            (516, user(elsewhere)),
            (531, user("wv:/lobby@localhost"))
        ]
    );
    assert_eq!(bob.hear_message().info.id, some.message);
    assert!(bob.hear_all().is_empty());
    // Nobody at all.
    for (users, want) in [
        (&["nobody"][..], 531),
        (&["nobody", "nobody2"], 531),
        (&["nobody", elsewhere], 900),
        (&[], 402),
    ] {
        let none = sends(&mut alice, to(users, "hello"));
        assert_eq!(none.outcome.code.number(), want, "{users:?}");
        assert_eq!(none.message, None);
        assert_eq!(none.outcome.details.len(), users.len());
    }
    let many: Vec<String> = (0..51).map(|n| format!("wv:u{n}@localhost")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        sends(&mut alice, to(&many, "hello")).outcome.code.number(),
        402
    );
}

#[test]
fn a_user_has_a_message_once_in_each_session_and_the_sender_one_report() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut phone = Handset::on(&lab, "bob");
    let mut tablet = Handset::off(&lab, "bob", Version::V1_2, Encoding::Xml).called("tablet");
    tablet.log_in();
    tablet.hear_all();
    phone.hear_all();
    let id = sent(&mut alice, to(&["bob"], "hello"));
    // Both have it before either says so.
    let glances = [phone.glance(), tablet.glance()];
    assert!(glances.iter().all(|glance| glance.len() == 1));
    let mut sessions = [phone, tablet];
    for (session, glance) in sessions.iter_mut().zip(&glances) {
        let delivered = MessageDelivered {
            message: id.clone(),
        };
        let answer = imps::Transaction::response(glance[0].id.clone(), delivered);
        let answer = session.message().with(answer);
        session.exchange(&answer);
    }
    assert_eq!(hears_report(&mut alice).info.id, Some(id));
    assert!(alice.hear_all().is_empty());
    for session in &mut sessions {
        assert!(session.hear_all().is_empty());
        assert_eq!(lists(session, None), Vec::<String>::new());
    }
}

#[test]
fn what_a_client_cannot_show_waits_for_another() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut phone = Handset::on(&lab, "bob");
    let able = |types: &[&str]| CapabilityList {
        content_types: types.iter().map(|t| AcceptedContentType::new(*t)).collect(),
        ..CapabilityList::default()
    };
    phone.hear_all();
    phone.capable(able(&["text/plain", "image/png"]));
    let picture = sent(&mut alice, of_type(to(&["bob"], "GIF"), "image/gif"));
    sent(&mut alice, of_type(to(&["bob"], "PNG"), "image/png"));
    let heard = phone.hear_message();
    assert_eq!(heard.content.unwrap().as_text(), Some("PNG"));
    assert!(phone.hear_all().is_empty());
    // A client that can show it gets it.
    let mut tablet = Handset::off(&lab, "bob", Version::V1_3, Encoding::Xml).called("tablet");
    tablet.log_in();
    assert_eq!(tablet.hear_message().info.id, Some(picture));
    logs_out(&mut tablet);
    // Not after the next login either, whatever lies before what it can show.
    for _ in 0..20 {
        sent(&mut alice, of_type(to(&["bob"], "GIF"), "image/gif"));
    }
    sent(&mut alice, to(&["bob"], "text"));
    phone.log_in();
    phone.capable(able(&["text/plain"]));
    let heard = phone.hear_all();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(!phone.poll);
    // Until it can.
    phone.capable(able(&["image/*"]));
    assert_eq!(phone.hear_all().len(), 20);
}

// ---- Announced and fetched ----

#[test]
fn a_message_is_announced_listed_fetched_and_gone() {
    let lab = Lab::start();
    for version in Version::ALL {
        let mut alice = Handset::speaking(&lab, "alice", version, Encoding::Xml);
        let mut bob = Handset::speaking(&lab, "bob", version, Encoding::Wbxml);
        bob.hear_all();
        let method = |method: DeliveryMethod| SetDeliveryMethodRequest {
            method,
            content_length: None,
            group: None,
            group_content_limit: None,
        };
        bob.done(method(DeliveryMethod::Notify));
        let first = sent(&mut alice, to(&["bob"], "first"));
        let second = sent(&mut alice, to(&["bob"], "second"));
        assert_eq!(hears_announcement(&mut bob).id.as_ref(), Some(&first));
        assert_eq!(hears_announcement(&mut bob).id.as_ref(), Some(&second));
        // It was told of once.
        assert!(bob.hear_all().is_empty());
        assert_eq!(lists(&mut bob, None), [first.clone(), second.clone()]);
        assert_eq!(lists(&mut bob, Some(1)), std::slice::from_ref(&first));
        let Primitive::GetMessageResponse(fetched) = fetches(&mut bob, &first) else {
            panic!("{version}");
        };
        assert_eq!(fetched.content.unwrap().as_text(), Some("first"));
        assert_eq!(fetched.info.id.as_ref(), Some(&first));
        assert!(
            alice.hear_all().is_empty(),
            "it has not said that it has it"
        );
        bob.done(MessageDelivered {
            message: first.clone(),
        });
        assert_eq!(hears_report(&mut alice).info.id.as_ref(), Some(&first));
        assert_eq!(lists(&mut bob, None), std::slice::from_ref(&second));
        assert_eq!(outcome(&fetches(&mut bob, &first)).code.number(), 426);
        // What is somebody else's is not to be had.
        assert_eq!(outcome(&fetches(&mut alice, &second)).code.number(), 426);
        alice.done(MessageDelivered {
            message: second.clone(),
        });
        assert_eq!(lists(&mut bob, None), std::slice::from_ref(&second));
        bob.done(method(DeliveryMethod::Push));
        let third = sent(&mut alice, to(&["bob"], "third"));
        assert_eq!(bob.hear_message().info.id, Some(third));
        assert_eq!(bob.code(method(DeliveryMethod::Other("X".to_owned()))), 402);
        bob.done(MessageDelivered { message: second });
        alice.hear_all();
    }
}

/// The answer of a client to a message that it fetched is an answer, and has the id of no request.
#[test]
fn a_fetched_message_is_acknowledged_in_either_way() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    bob.capable(CapabilityList {
        initial_delivery_method: Some(DeliveryMethod::Notify),
        ..CapabilityList::default()
    });
    let id = sent(&mut alice, to(&["bob"], "hello"));
    hears_announcement(&mut bob);
    assert!(matches!(
        fetches(&mut bob, &id),
        Primitive::GetMessageResponse(_)
    ));
    let delivered = MessageDelivered { message: id };
    let answer = bob
        .message()
        .with(imps::Transaction::response("bob-9", delivered));
    assert_eq!(bob.exchange(&answer), None);
    assert_eq!(hears_report(&mut alice).outcome.code.number(), 200);
    assert!(lists(&mut bob, None).is_empty());
}

#[test]
fn what_is_too_large_to_be_pushed_is_announced() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    type Limit = fn(&mut CapabilityList);
    let limits: [(Version, Limit); 5] = [
        (Version::V1_1, |list| list.content_length = Some(10)),
        (Version::V1_1, |list| list.parser_size = Some(600)),
        (Version::V1_2, |list| list.content_length = Some(10)),
        (Version::V1_3, |list| list.push_length = Some(10)),
        (Version::V1_3, |list| list.parser_size = Some(600)),
    ];
    for (version, limit) in limits {
        let mut bob = Handset::speaking(&lab, "bob", version, Encoding::Wbxml);
        bob.hear_all();
        let mut list = CapabilityList::default();
        limit(&mut list);
        bob.capable(list.clone());
        let small = sent(&mut alice, to(&["bob"], "0123456789"));
        let large = sent(&mut alice, to(&["bob"], &*"x".repeat(2000)));
        assert_eq!(bob.hear_message().info.id, Some(small), "{list:?}");
        let announced = hears_announcement(&mut bob);
        assert_eq!(
            (announced.id.as_ref(), announced.content_size),
            (Some(&large), 2000)
        );
        bob.done(MessageDelivered { message: large });
    }
    // What it will not even fetch.
    let mut bob = Handset::on(&lab, "bob");
    bob.capable(CapabilityList {
        push_length: Some(10),
        pull_length: Some(100),
        ..CapabilityList::default()
    });
    let large = sent(&mut alice, to(&["bob"], &*"x".repeat(101)));
    hears_announcement(&mut bob);
    assert_eq!(outcome(&fetches(&mut bob, &large)).code.number(), 432);
}

#[test]
fn whoever_refuses_a_message_is_not_sent_it_again() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::without(&lab, "bob", &[]);
    let mut tablet = Handset::off(&lab, "bob", Version::V1_3, Encoding::Xml).called("tablet");
    tablet.log_in();
    tablet.hear_all();
    bob.capable(CapabilityList {
        initial_delivery_method: Some(DeliveryMethod::Notify),
        ..CapabilityList::default()
    });
    let id = sent(&mut alice, to(&["bob"], "buy now"));
    hears_announcement(&mut bob);
    let reject = |ids: &[&str]| RejectMessageRequest {
        messages: ids.iter().map(|id| (*id).to_owned()).collect(),
    };
    assert_eq!(bob.code(reject(&["nosuch"])), 426);
    let answer = bob.done(reject(&[&id, "nosuch"]));
    let told = outcome(&answer);
    assert_eq!(told.code, Code::PARTIALLY_SUCCESSFUL);
    let unknown = DetailedResult {
        code: Code::INVALID_MESSAGE,
        messages: vec!["nosuch".to_owned()],
        ..DetailedResult::default()
    };
    assert_eq!(told.details, [unknown]);
    let report = hears_report(&mut alice);
    assert_eq!(report.outcome, Outcome::described(Code::MESSAGE_REJECTED));
    assert_eq!(report.info.id.as_ref(), Some(&id));
    // No other client of his shows it now.
    assert!(tablet.hear_all().is_empty());
    assert!(lists(&mut bob, None).is_empty());
    assert_eq!(bob.code(reject(&[&id])), 426);
}

// ---- Kept ----

#[test]
fn what_comes_while_the_recipient_is_away_is_kept_in_order() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let ids: Vec<_> = (0..30)
        .map(|n| sent(&mut alice, to(&["bob"], &*n.to_string())))
        .collect();
    let mut bob = Handset::on(&lab, "bob");
    let heard: Vec<_> = (0..30)
        .map(|_| bob.hear_message().info.id.unwrap())
        .collect();
    assert_eq!(heard, ids);
    assert!(bob.hear_all().is_empty());
    // And not again in the next session.
    bob.log_in();
    assert!(bob.hear_all().is_empty());
}

#[test]
fn a_report_waits_for_a_sender_who_is_away() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let id = sent(&mut alice, to(&["bob"], "hello"));
    let mut silent = to(&["bob"], "no report");
    silent.delivery_report = false;
    sent(&mut alice, silent);
    logs_out(&mut alice);
    let mut bob = Handset::on(&lab, "bob");
    assert_eq!(bob.hear_all().len(), 2);
    alice.log_in();
    let report = hears_report(&mut alice);
    assert_eq!(report.outcome.code, Code::SUCCESSFUL);
    assert_eq!(report.info.id, Some(id));
    assert_eq!(report.info.recipient.users, [User::new(wv("bob"))]);
    assert!(report.delivered.is_some());
    assert!(alice.hear_all().is_empty());
    logs_out(&mut alice);
    alice.log_in();
    assert!(alice.hear_all().is_empty(), "it was told once");
}

#[test]
fn only_so_much_waits_for_a_user() {
    let lab = Lab::with(|_, policy| policy.imps.max_waiting = 2);
    let mut alice = Handset::on(&lab, "alice");
    for _ in 0..2 {
        sent(&mut alice, to(&["bob"], "hello"));
    }
    let full = sends(&mut alice, to(&["bob"], "hello"));
    assert_eq!(full.outcome.code, Code::QUEUE_FULL);
    let some = sends(&mut alice, to(&["bob", "carol"], "hello"));
    assert_eq!(some.outcome.code, Code::PARTIALLY_SUCCESSFUL);
    let mut bob = Handset::on(&lab, "bob");
    assert_eq!(bob.hear_all().len(), 2);
    sent(&mut alice, to(&["bob"], "hello"));
}

#[test]
fn what_is_not_worth_delivering_any_more_is_not_and_the_sender_is_told() {
    let lab = SimLab::with(|_, policy| policy.imps.keep = Duration::from_secs(3600));
    let mut alice = lab.handset("alice");
    let mut bob = lab.handset("bob");
    bob.hear_all();
    let mut request = to(&["bob", "carol"], "lunch?");
    request.info.validity_s = Some(60);
    let id = sent(&mut alice, request);
    // One that would be kept for ever is not.
    let mut request = to(&["carol"], "for ever");
    request.info.validity_s = Some(u32::MAX);
    sent(&mut alice, request);
    lab.pass(Duration::from_secs(61));
    let mut carol = lab.handset("carol");
    let heard = carol.hear_all();
    assert_eq!(heard.len(), 1, "{heard:?}");
    lab.pass(Duration::from_secs(300));
    for handset in [&mut alice, &mut bob, &mut carol] {
        handset.hang_up();
    }
    // It was told of before, and nobody came for it.
    assert!(bob.hear_all().is_empty());
    let mut told: Vec<_> = [hears_report(&mut alice), hears_report(&mut alice)]
        .into_iter()
        .chain([hears_report(&mut alice)])
        .map(|report| {
            let user = report.info.recipient.users[0].id.clone();
            (
                report.outcome.code.number(),
                user,
                report.info.id == Some(id.clone()),
            )
        })
        .collect();
    told.sort();
    let want = [
        (200, "carol", false),
        (542, "bob", true),
        (542, "carol", true),
    ];
    assert_eq!(told, want.map(|(code, user, same)| (code, wv(user), same)));
}

/// Whatever was taken is delivered and reported, though the server ends in between.
#[test]
fn a_restart_loses_nothing_that_was_taken() {
    let kept = store();
    let again = kept.reopen().unwrap();
    let lab = Lab::on(kept, |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let octets = ContentData::Octets(vec![0, 159, 146, 150]);
    let first = sent(&mut alice, to(&["bob"], octets.clone()));
    let second = sent(&mut alice, to(&["bob", "carol"], "second"));
    // bob has both, and their sender has not been told.
    assert_eq!(bob.hear_all().len(), 2);
    let third = sent(
        &mut alice,
        of_type(to(&["carol"], octets.clone()), "image/png"),
    );
    drop((alice, bob, lab));
    let lab = Lab::on(again, |_, _| {});
    let mut carol = Handset::on(&lab, "carol");
    assert_eq!(carol.hear_message().info.id.as_ref(), Some(&second));
    let last = carol.hear_message();
    assert_eq!(
        (last.info.id.as_ref(), last.content),
        (Some(&third), Some(octets))
    );
    assert_eq!(last.info.content_type.as_deref(), Some("image/png"));
    let mut bob = Handset::on(&lab, "bob");
    let mut alice = Handset::on(&lab, "alice");
    assert!(bob.hear_all().is_empty());
    let mut reported: Vec<_> = (0..4)
        .map(|_| hears_report(&mut alice).info.id.unwrap())
        .collect();
    let mut want = vec![first, second.clone(), second, third];
    reported.sort();
    want.sort();
    assert_eq!(reported, want);
}
