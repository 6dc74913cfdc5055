//! What happens in a session of IMPS: its life, what is agreed, and how messages are answered.

use std::time::Duration;

use imps::csp::{
    CapabilityList, GetMapRequest, GetSpInfoRequest, KeepAliveRequest, LogoutRequest, MessageInfo,
    NewMessage, PollingRequest, Recipient, SendMessageRequest, Sender, ServiceRequest, User,
    VersionDiscoveryRequest, VersionDiscoveryResponse, VersionList,
};
use imps::service::{Function, Functions};
use imps::status::Code;
use imps::{Document, Encoding, Message, Mode, Primitive, Session, Transaction, Version};

use crate::lab::handset::{answer_to, document, outcome, wv};
use crate::lab::{Handset, Lab, SimLab};

const ENCODINGS: [Encoding; 2] = [Encoding::Wbxml, Encoding::Xml];

fn alive(handset: &mut Handset) -> u16 {
    handset.code(KeepAliveRequest::default())
}

fn ask(id: &str, request: impl Into<Primitive>) -> Transaction {
    Transaction::request(id, request)
}

/// A request to send a text to bob.
fn to_bob(text: &str) -> SendMessageRequest {
    SendMessageRequest {
        delivery_report: false,
        info: MessageInfo {
            recipient: Recipient {
                users: vec![User::new(wv("bob"))],
                ..Recipient::default()
            },
            ..MessageInfo::default()
        },
        content: Some(text.into()),
    }
}

// ---- Its life ----

#[test]
fn who_has_no_session_is_told() {
    let lab = Lab::start();
    for version in Version::ALL {
        for encoding in ENCODINGS {
            let mut handset = Handset::off(&lab, "alice", version, encoding);
            for session in ["nosuch", ""] {
                handset.session = session.to_owned();
                assert_eq!(alive(&mut handset), 604, "{version} {session}");
            }
            // Outside a session there is nothing but to log in.
            let answer = handset.outband(KeepAliveRequest::default().into());
            assert_eq!(outcome(&answer).code.number(), 604);
        }
    }
}

#[test]
fn a_session_without_a_sign_of_life_expires() {
    let lab = SimLab::with(|_, _| {});
    let mut alice = lab.handset("alice");
    // Its time to live is ten minutes, and begins anew with every message.
    for _ in 0..3 {
        lab.pass(Duration::from_secs(599));
        alice.hang_up();
        assert!(alice.glance().is_empty());
    }
    lab.pass(Duration::from_secs(606));
    alice.hang_up();
    assert_eq!(alive(&mut alice), 600);
    let told = alice.glance();
    let [Primitive::Disconnect(farewell)] = [&told[0].primitive] else {
        panic!("{told:?}");
    };
    assert_eq!(farewell.outcome.code, Code::SESSION_EXPIRED);
    lab.settled();
}

#[test]
fn whoever_has_logged_out_is_out() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    // What follows in the same message comes too late.
    let requests = vec![
        ask("1", LogoutRequest {}),
        ask("2", to_bob("late")),
        ask("3", KeepAliveRequest::default()),
    ];
    let want = [("1", 200), ("2", 604), ("3", 604)].map(|(id, code)| (id.to_owned(), code));
    assert_eq!(alice.codes(requests), want);
    assert_eq!(alive(&mut alice), 604);
    assert!(alice.glance().iter().all(|one| one.mode == Mode::Response));
    assert!(bob.hear_all().is_empty());
}

#[test]
fn a_session_speaks_one_version() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    for version in [Version::V1_1, Version::V1_2] {
        alice.version = version;
        assert_eq!(alive(&mut alice), 505);
    }
    // The encoding is free.
    alice = alice.of(Version::V1_3, Encoding::Xml);
    assert_eq!(alive(&mut alice), 200);
}

#[test]
fn nobody_speaks_for_another() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    for (sender, want) in [
        ("wv:bob@localhost", 427),
        ("wv:alice@elsewhere.example", 427),
        ("nobody", 427),
        ("wv:Alice@localhost", 200),
        ("alice", 200),
    ] {
        let mut request = to_bob("hello");
        request.info.sender = Some(Sender::User(User::new(sender)));
        assert_eq!(alice.code(request), want, "{sender}");
    }
    let told = bob.hear_all();
    assert_eq!(told.len(), 2, "{told:?}");
    for one in told {
        let Primitive::NewMessage(message) = one else {
            panic!("{one:?}");
        };
        let sender = Some(Sender::User(User::new(wv("alice"))));
        assert_eq!(message.info.sender, sender);
    }
}

// ---- What is agreed ----

#[test]
fn versions_are_discovered_without_a_session() {
    let lab = Lab::start();
    let mut handset = Handset::off(&lab, "alice", Version::V1_2, Encoding::Xml);
    let ask = |versions: &VersionList| {
        Document::DiscoveryRequest(VersionDiscoveryRequest {
            versions: versions.clone(),
            ..VersionDiscoveryRequest::default()
        })
    };
    let mut unknown = VersionList::of(&[Version::V1_3, Version::V1_1]);
    unknown.session.insert(1, "urn:csp:9.9".to_owned());
    let rows = [
        (VersionList::default(), Version::ALL.to_vec()),
        (VersionList::of(&[Version::V1_2]), vec![Version::V1_2]),
        (unknown, vec![Version::V1_3, Version::V1_1]),
    ];
    for encoding in ENCODINGS {
        handset.encoding = encoding;
        for (asked, known) in &rows {
            let http = handset.post(&ask(asked).encode(encoding));
            let want = VersionDiscoveryResponse {
                versions: VersionList::of(known),
                ..VersionDiscoveryResponse::default()
            };
            assert_eq!(document(&http, encoding), Document::DiscoveryResponse(want));
        }
    }
    // One dissector spells the root otherwise.
    let request = ask(&VersionList::of(&[Version::V1_2]));
    let text = String::from_utf8(request.encode(Encoding::Xml).to_vec()).unwrap();
    let text = text.replace(
        "WV-CSP-VersionDiscovery-Request",
        "WV-CSP-NSDiscovery-Request",
    );
    assert!(text.contains("NSDiscovery"), "{text}");
    let http = handset.post(text.as_bytes());
    assert!(matches!(
        document(&http, Encoding::Xml),
        Document::DiscoveryResponse(_)
    ));
    // An answer to nothing is not answered.
    let stray = Document::DiscoveryResponse(VersionDiscoveryResponse::default());
    let http = handset.post(&stray.encode(Encoding::Xml));
    assert_eq!((http.status, http.body.len()), (200, 0));
}

#[test]
fn who_runs_the_service_is_told() {
    let lab = Lab::with(|setup, policy| {
        policy.imps.service_name = "Chatter".to_owned();
        setup.http_url = Some("https://im.example.org".to_owned());
    });
    for version in Version::ALL {
        let mut alice = Handset::speaking(&lab, "alice", version, Encoding::Xml);
        let Primitive::GetSpInfoResponse(told) = alice.ask(GetSpInfoRequest::default()) else {
            panic!("{version}");
        };
        assert_eq!(told.name, "Chatter");
        assert_eq!(told.url.as_deref(), Some("https://im.example.org"));
    }
}

/// The answer names what there is not.
#[test]
fn functions_are_agreed_on_and_the_answer_is_turned_around() {
    use Function::{Advsr, Blent, Creag, Excon, Getmap, Getspi, Glblu, Offnotif, Sgmnt};
    let lab = Lab::start();
    let missing = Functions::of(&[Getmap, Sgmnt, Advsr, Offnotif]);
    let rows = [
        (Functions::NONE, missing),
        (Functions::of(&[Getspi, Getmap]), Functions::of(&[Getmap])),
        (Functions::of(&[Creag, Excon]), Functions::NONE),
    ];
    for encoding in ENCODINGS {
        let mut alice = Handset::speaking(&lab, "alice", Version::V1_3, encoding);
        for (asked, want) in rows {
            let answer = alice.ask(ServiceRequest {
                functions: Some(asked),
                all_functions: true,
                ..ServiceRequest::default()
            });
            let Primitive::ServiceResponse(response) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(response.functions.unwrap_or_default(), want, "{asked:?}");
            // The mandatory parts are not in the tree beside others of their feature.
            let mandatory =
                Functions::of(&[Function::Mf, Function::Mp, Function::Mm, Function::Mg]);
            let all = Functions::all(Version::V1_3)
                .without(missing)
                .without(mandatory);
            let told = response.all_functions.unwrap().without(mandatory);
            assert_eq!(told, all);
        }
        // The last agreement counts, and to ask what there is changes nothing.
        alice.ask(ServiceRequest {
            functions: None,
            all_functions: true,
            ..ServiceRequest::default()
        });
        assert_eq!(alice.code(GetSpInfoRequest::default()), 506);
        // What an older version does not have is not offered to it.
        let mut old = Handset::speaking(&lab, "bob", Version::V1_2, encoding);
        let answer = old.ask(ServiceRequest {
            functions: Some(Functions::of(&[Glblu, Blent])),
            all_functions: true,
            ..ServiceRequest::default()
        });
        let Primitive::ServiceResponse(response) = answer else {
            panic!("{answer:?}");
        };
        assert!(!response.all_functions.unwrap().contains(Excon));
    }
}

#[test]
fn what_was_not_agreed_or_is_not_offered_is_refused() {
    let lab = Lab::start();
    let mut alice = Handset::without(&lab, "alice", &[Function::Getspi]);
    let pushed = NewMessage {
        info: MessageInfo::default(),
        content: None,
    };
    let rows: Vec<(Primitive, u16)> = vec![
        (GetSpInfoRequest::default().into(), 506),
        (GetMapRequest::default().into(), 405),
        // What only the server says.
        (pushed.into(), 405),
        (KeepAliveRequest::default().into(), 200),
    ];
    for (request, want) in rows {
        let name = request.name();
        let answer = alice.ask(request);
        assert_eq!(outcome(&answer).code.number(), want, "{name}");
        assert_eq!(
            outcome(&answer).description.is_some(),
            want != 200,
            "{name}"
        );
    }
    // A client that never spoke of functions may ask for all that need nothing of it.
    let mut silent = Handset::off(&lab, "bob", Version::V1_1, Encoding::Xml);
    silent.log_in();
    assert_eq!(silent.code(GetSpInfoRequest::default()), 200);
}

// ---- How messages are answered ----

#[test]
fn the_transactions_of_a_message_are_answered_in_order() {
    let lab = Lab::start();
    for version in Version::ALL {
        for encoding in ENCODINGS {
            let mut alice = Handset::speaking(&lab, "alice", version, encoding);
            let requests = vec![
                ask("b", KeepAliveRequest::default()),
                ask("a", to_bob("one")),
                ask("d", GetMapRequest::default()),
                ask("c", KeepAliveRequest::default()),
            ];
            let want = [("b", 200), ("a", 200), ("d", 405), ("c", 200)];
            let want = want.map(|(id, code)| (id.to_owned(), code));
            assert_eq!(alice.codes(requests), want, "{version} {encoding:?}");
        }
    }
    // Only so many in one message.
    let mut alice = Handset::on(&lab, "alice");
    let many = (0..40).map(|n| ask(&n.to_string(), KeepAliveRequest::default()));
    let codes = alice.codes(many.collect());
    let refused = codes.iter().filter(|(_, code)| *code == 400).count();
    assert_eq!((codes.len(), refused), (40, 8));
}

/// (what, the good part, by what it is replaced, the answer)
#[rustfmt::skip]
const SPOILT: &[(&str, &str, &str, u16)] = &[
    ("nothing",             "", "", 200),
    ("no number",           ">60<", ">soon<", 400),
    ("an unknown request",  "KeepAlive-Request", "Tickle-Request", 501),
];

/// What is wrong with one transaction does not concern another.
#[test]
fn a_transaction_that_cannot_be_read_is_answered_under_its_id() {
    let lab = Lab::start();
    let mut alice = Handset::speaking(&lab, "alice", Version::V1_3, Encoding::Xml);
    let spoil = |alice: &mut Handset, part: &str, by: &str| {
        let time_to_live_s = Some(60);
        let good = alice
            .message()
            .with(ask("bad", KeepAliveRequest { time_to_live_s }))
            .with(ask("good", GetSpInfoRequest::default()));
        let text = String::from_utf8(good.encode(Encoding::Xml).to_vec()).unwrap();
        assert!(text.contains(part), "{text}");
        let http = alice.post(text.replace(part, by).as_bytes());
        Message::decode(&http.body, Encoding::Xml).unwrap()
    };
    for (what, part, by, want) in SPOILT {
        let answer = spoil(&mut alice, part, by);
        let answered = |id: &str| {
            let mut found = answer.transactions.iter().filter(|one| one.id == id);
            let one = found.next().unwrap();
            assert!(found.next().is_none() && one.mode == Mode::Response);
            outcome(&one.primitive).code.number()
        };
        assert_eq!((answered("bad"), answered("good")), (*want, 200), "{what}");
        assert_eq!(answer.session, Session::Inband(alice.session.clone()));
    }
    // Where it ends too early the rest is not there, but what was read tells where to answer.
    let good = alice.message().with(ask("cut", to_bob("hello")));
    let good = good.encode(Encoding::Xml);
    let http = alice.post(&good[..good.len() - 60]);
    let answer = Message::decode(&http.body, Encoding::Xml).unwrap();
    assert_eq!(answer.session, Session::Inband(alice.session.clone()));
    let one = &answer.transactions[0];
    assert_eq!(
        (&*one.id, outcome(&one.primitive).code.number()),
        ("cut", 400)
    );
}

/// A login is no exception.
#[test]
fn a_login_that_cannot_be_read_is_answered_under_its_id() {
    let lab = Lab::start();
    let mut alice = Handset::off(&lab, "alice", Version::V1_1, Encoding::Xml);
    let good = Message::new(Version::V1_1, Session::Outband)
        .with(ask("login", alice.login_request()))
        .encode(Encoding::Xml);
    let text = String::from_utf8(good.to_vec()).unwrap();
    for (part, by, want) in [
        ("UserID", "UserName", 400),
        ("Login-Request", "Tickle-Request", 501),
        ("CSP1.1", "CSP0.9", 505),
    ] {
        assert!(text.contains(part), "{text}");
        let http = alice.post(text.replace(part, by).as_bytes());
        let answer = Message::decode(&http.body, Encoding::Xml).unwrap();
        let one = &answer.transactions[0];
        assert_eq!(outcome(&one.primitive).code.number(), want, "{by}");
        let id = if want == 505 { "" } else { "login" };
        assert_eq!((one.mode, &*one.id), (Mode::Response, id), "{by}");
    }
}

#[test]
fn a_request_that_comes_again_is_answered_from_memory() {
    let lab = Lab::start();
    for version in Version::ALL {
        let mut alice = Handset::speaking(&lab, "alice", version, Encoding::Wbxml);
        let mut bob = Handset::speaking(&lab, "bob", version, Encoding::Wbxml);
        let first = alice.ask_as("7", to_bob("once"));
        let second = alice.ask_as("7", to_bob("once"));
        assert_eq!(first, second);
        // Another request cannot have the same id so soon.
        let other = alice.ask_as("7", to_bob("twice"));
        assert_eq!(outcome(&other).code.number(), 420);
        assert_eq!(alice.ask_as("7", to_bob("once")), first);
        assert_eq!(bob.hear_all().len(), 1, "{version}");
        // Another session has ids of its own.
        let mut tablet = Handset::off(&lab, "alice", version, Encoding::Wbxml).called("tablet");
        tablet.log_in();
        assert_ne!(tablet.ask_as("7", to_bob("once")), first);
        assert_eq!(bob.hear_all().len(), 1);
    }
}

/// After a while an id may be used again.
#[test]
fn a_transaction_id_is_free_again_after_two_minutes() {
    let lab = SimLab::with(|_, _| {});
    let (mut alice, mut bob) = (lab.handset("alice"), lab.handset("bob"));
    let first = alice.ask_as("7", to_bob("once"));
    lab.pass(Duration::from_secs(121));
    alice.hang_up();
    bob.hang_up();
    assert_ne!(alice.ask_as("7", to_bob("twice")), first);
    assert_eq!(bob.hear_all().len(), 2);
}

// ---- What the server asks ----

/// What a client can have open at a time, and in one message, is its own to say.
#[test]
fn no_more_is_asked_at_a_time_than_the_client_can_take() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::off(&lab, "bob", Version::V1_3, Encoding::Wbxml);
    bob.log_in();
    for n in 0..6 {
        alice.send("bob", &n.to_string());
    }
    // Who has said nothing can take one.
    let first = bob.glance();
    assert_eq!((first.len(), bob.poll), (1, true));
    assert_eq!((bob.glance().len(), bob.poll), (0, true));
    bob.capable(CapabilityList {
        multi_trans: Some(4),
        multi_trans_per_message: Some(2),
        ..CapabilityList::default()
    });
    let second = bob.glance();
    let third = bob.glance();
    assert_eq!((second.len(), third.len()), (2, 1));
    assert_eq!((bob.glance().len(), bob.poll), (0, true));
    // With the answers the next come.
    let mut answers = bob.message();
    for one in first.iter().chain(&second) {
        answers = answers.with(Transaction::response(one.id.clone(), answer_to(one)));
    }
    let rest = bob.exchange(&answers).unwrap();
    assert_eq!((rest.transactions.len(), bob.poll), (2, false));
    let all = first.iter().chain(&second).chain(&third);
    let mut texts: Vec<_> = all
        .chain(&rest.transactions)
        .map(|one| match &one.primitive {
            Primitive::NewMessage(message) => message
                .content
                .as_ref()
                .unwrap()
                .as_text()
                .unwrap()
                .to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts.len(), 6);
    texts.sort();
    assert_eq!(texts, ["0", "1", "2", "3", "4", "5"]);
}

/// The answer to it was lost, or it was itself: it comes again under the same id.
#[test]
fn what_is_not_answered_is_asked_again() {
    let lab = SimLab::with(|_, _| {});
    let (mut alice, mut bob) = (lab.handset("alice"), lab.handset("bob"));
    alice.send("bob", "hello");
    let first = bob.glance();
    assert_eq!(first.len(), 1);
    assert!(bob.glance().is_empty());
    lab.pass(Duration::from_secs(6));
    assert_eq!(bob.glance(), first);
    bob.hear_all();
    lab.pass(Duration::from_secs(6));
    let again = bob.glance();
    assert_eq!(again, first, "it was never answered");
    let answer = Transaction::response(first[0].id.clone(), answer_to(&first[0]));
    let answer = bob.message().with(answer);
    assert_eq!(bob.exchange(&answer), None);
    // An answer to nothing means nothing.
    assert_eq!(bob.exchange(&answer), None);
    lab.pass(Duration::from_secs(6));
    assert!(bob.glance().is_empty());
}

/// A poll and a request in one message: the request is answered, and that more waits is said.
#[test]
fn that_something_waits_is_said_in_every_answer() {
    let lab = Lab::start();
    for version in Version::ALL {
        let mut alice = Handset::speaking(&lab, "alice", version, Encoding::Xml);
        let mut bob = Handset::speaking(&lab, "bob", version, Encoding::Xml);
        bob.hear_all();
        assert_eq!((alive(&mut bob), bob.poll), (200, false));
        alice.send("bob", "hello");
        assert_eq!((alive(&mut bob), bob.poll), (200, true), "{version}");
        let both = bob
            .message()
            .with(ask("p", PollingRequest {}))
            .with(ask("k", KeepAliveRequest::default()));
        let answer = bob.exchange(&both).unwrap();
        let ids: Vec<_> = answer.transactions.iter().map(|one| &*one.id).collect();
        assert_eq!((ids, answer.poll), (vec!["k"], true));
        bob.hear_message();
    }
}
