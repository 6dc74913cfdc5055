//! Who logs in to IMPS, by what, and into which session.

use std::time::Duration;

use imps::csp::{
    CapabilityList, ClientId, GetSpInfoRequest, KeepAliveRequest, LoginRequest, LoginResponse,
};
use imps::digest::DigestSchema;
use imps::service::{Function, Functions};
use imps::status::Code;
use imps::{Encoding, Primitive, Version};

use crate::lab::handset::outcome;
use crate::lab::{Handset, Lab, SimLab, store_of};

const ENCODINGS: [Encoding; 2] = [Encoding::Wbxml, Encoding::Xml];

/// A login with nothing but what is asked of everybody.
fn asking(handset: &Handset) -> LoginRequest {
    handset.login_request()
}

fn with_password(handset: &Handset, password: &str) -> LoginRequest {
    LoginRequest {
        password: Some(password.to_owned()),
        ..asking(handset)
    }
}

fn offering(handset: &Handset, schemas: &[DigestSchema]) -> LoginRequest {
    LoginRequest {
        digest_schemas: schemas.to_vec(),
        ..asking(handset)
    }
}

fn proving(handset: &Handset, first: &LoginResponse, password: &str) -> LoginRequest {
    let schema = first.digest_schema.clone().unwrap();
    LoginRequest {
        digest_bytes: schema.digest(first.nonce.as_deref().unwrap(), password),
        ..asking(handset)
    }
}

fn code(response: &LoginResponse) -> u16 {
    response.outcome.code.number()
}

/// Takes the session that a login has given, and uses it.
fn is_in(handset: &mut Handset, response: &LoginResponse) {
    assert_eq!(code(response), 200, "{response:?}");
    handset.session = response.session.clone().unwrap();
    assert_eq!(handset.code(KeepAliveRequest::default()), 200);
}

#[test]
fn by_password_and_by_digest_in_every_version() {
    let lab = Lab::start();
    for version in Version::ALL {
        for encoding in ENCODINGS {
            let mut alice = Handset::off(&lab, "alice", version, encoding);
            let response = alice.login(with_password(&alice, "password"));
            is_in(&mut alice, &response);
            for schema in [DigestSchema::Md5, DigestSchema::Sha] {
                let first = alice.login(offering(&alice, std::slice::from_ref(&schema)));
                // The oldest say 200, and their clients look for the nonce.
                let want = if version == Version::V1_3 { 401 } else { 200 };
                assert_eq!(code(&first), want, "{version} {schema}");
                assert_eq!(first.digest_schema, Some(schema));
                assert_eq!(first.session, None);
                let second = alice.login(proving(&alice, &first, "password"));
                is_in(&mut alice, &second);
            }
        }
    }
}

#[test]
fn the_digest_is_the_best_that_both_know() {
    let lab = Lab::start();
    let mut old = Handset::off(&lab, "alice", Version::V1_1, Encoding::Xml);
    let list = |names: &str| DigestSchema::Other(names.to_owned());
    let (sha, md5) = (Some(DigestSchema::Sha), Some(DigestSchema::Md5));
    #[rustfmt::skip]
    let rows: &[(&[DigestSchema], u16, Option<DigestSchema>)] = &[
        // 1.1 writes all of them into one element.
        (&[list("PWD,SHA,MD4,MD5,MD6")],         200, sha.clone()),
        (&[list("PWD, md5")],                    200, md5),
        (&[],                                    200, sha.clone()),
        (&[DigestSchema::Md5, DigestSchema::Sha], 200, sha),
        (&[list("MD4,MD6")],                     543, None),
        (&[list("MD4")],                         543, None),
        (&[DigestSchema::Password],              543, None),
    ];
    for (offered, want, schema) in rows {
        let first = old.login(offering(&old, offered));
        assert_eq!(code(&first), *want, "{offered:?}");
        assert_eq!(first.digest_schema, *schema, "{offered:?}");
        assert_eq!(first.nonce.is_some(), schema.is_some());
    }
}

/// Nobody learns who has an account.
#[test]
fn a_wrong_password_and_an_unknown_user_are_told_the_same() {
    let lab = Lab::on(
        store_of(|account| match account.name.as_str() {
            "dave" => account.enabled = false,
            "carol" => account.credentials.imps_secret = None,
            _ => {}
        }),
        |_, _| {},
    );
    let mut told = Vec::new();
    for (user, password) in [
        ("alice", "wrong"),
        ("alice", ""),
        ("nobody", "password"),
        ("dave", "password"),
        ("carol", "wrong"),
    ] {
        let mut handset = Handset::off(&lab, user, Version::V1_3, Encoding::Wbxml).called("phone");
        let by_password = handset.login(with_password(&handset, password));
        let first = handset.login(offering(&handset, &[DigestSchema::Sha]));
        assert_eq!(code(&first), 401, "{user}");
        let by_digest = handset.login(proving(&handset, &first, password));
        told.push(by_password);
        told.push(by_digest);
    }
    assert_eq!(told[0].outcome.code, Code::INVALID_PASSWORD);
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    // That an account is not for IMPS is told to whoever knows its password.
    let mut carol = Handset::off(&lab, "carol", Version::V1_3, Encoding::Wbxml);
    let response = carol.login(with_password(&carol, "password"));
    assert_eq!(code(&response), 403);
    assert_eq!(response.session, None);
}

#[test]
fn who_cannot_log_in_here() {
    let lab = Lab::start();
    let mut handset = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml);
    for (user, want) in [
        ("wv:alice@elsewhere.example", 516),
        ("wv:alice/club@localhost", 531),
        ("wv:", 901),
        ("wv:ali ce@localhost", 901),
    ] {
        let request = LoginRequest {
            user: user.to_owned(),
            ..with_password(&handset, "password")
        };
        assert_eq!(code(&handset.login(request)), want, "{user}");
    }
    // The id of a client is kept for as long as its session.
    let long = Some(ClientId {
        url: Some("x".repeat(1000)),
        msisdn: None,
    });
    for request in [
        with_password(&handset, "password"),
        offering(&handset, &[DigestSchema::Sha]),
    ] {
        let request = LoginRequest {
            client: long.clone(),
            ..request
        };
        assert_eq!(code(&handset.login(request)), 402);
    }
    // However the address is written.
    for user in [
        "alice",
        "WV:Alice@LOCALHOST",
        "wv:alice",
        "wv:wv:alice@localhost",
    ] {
        let request = LoginRequest {
            user: user.to_owned(),
            ..with_password(&handset, "password")
        };
        let response = handset.login(request);
        assert_eq!(
            response.user.as_deref(),
            Some("wv:alice@localhost"),
            "{user}"
        );
        is_in(&mut handset, &response);
    }
}

#[test]
fn a_nonce_is_used_once() {
    let lab = Lab::start();
    let mut alice = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml);
    let first = alice.login(offering(&alice, &[DigestSchema::Sha]));
    let proof = proving(&alice, &first, "password");
    let mut other = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml).called("another");
    let stolen = LoginRequest {
        client: other.client.clone(),
        ..proof.clone()
    };
    assert_eq!(code(&other.login(stolen)), 409);
    let response = alice.login(proof.clone());
    is_in(&mut alice, &response);
    assert_eq!(code(&alice.login(proof)), 409);
    // Nor again after a wrong answer.
    let first = alice.login(offering(&alice, &[DigestSchema::Sha]));
    assert_eq!(code(&alice.login(proving(&alice, &first, "wrong"))), 409);
    assert_eq!(code(&alice.login(proving(&alice, &first, "password"))), 409);
}

#[test]
fn an_address_where_too_many_logins_fail_has_to_wait() {
    let lab = SimLab::with(|_, _| {});
    let mut alice = lab.handset_off("alice");
    for _ in 0..20 {
        assert_eq!(code(&alice.login(with_password(&alice, "wrong"))), 409);
    }
    for request in [
        with_password(&alice, "password"),
        offering(&alice, &[DigestSchema::Sha]),
    ] {
        let refused = alice.login(request);
        assert_eq!(code(&refused), 503);
        let wait = refused.outcome.try_again_s.unwrap();
        assert!((50..=60).contains(&wait), "{wait}");
    }
    // Others are not in it with them.
    let mut bob = lab.handset_off("bob");
    bob.log_in();
    lab.pass(Duration::from_secs(61));
    alice.hang_up();
    alice.log_in();
}

/// A gateway of the network says who is calling.
#[test]
fn the_number_that_a_gateway_vouches_for_logs_in() {
    let numbered = || {
        store_of(|account| match account.name.as_str() {
            "alice" => account.msisdn = Some("491701234567".to_owned()),
            "carol" => {
                account.msisdn = Some("491707654321".to_owned());
                account.credentials.imps_secret = None;
            }
            _ => {}
        })
    };
    let lab = Lab::on(numbered(), |_, policy| {
        policy.imps.gateways = vec!["127.0.0.1".parse().unwrap()];
    });
    #[rustfmt::skip]
    let rows = [
        ("alice", "MSISDN",           "491701234567",  200),
        ("alice", "X-Network-MSISDN", "+491701234567", 200),
        ("alice", "MSISDN",           "491700000000",  401),
        ("alice", "MSISDN",           "alice",         401),
        ("bob",   "MSISDN",           "491701234567",  401),
        // The account has nothing to do with IMPS.
        ("carol", "MSISDN",           "491707654321",  401),
    ];
    for (user, header, number, want) in rows {
        let mut handset = Handset::off(&lab, user, Version::V1_3, Encoding::Wbxml);
        handset.extra = vec![(header.to_owned(), number.to_owned())];
        let response = handset.login(asking(&handset));
        assert_eq!(code(&response), want, "{user} {number}");
        assert_eq!(response.session.is_some(), want == 200);
        // Whoever has a password needs no number.
        if user == "bob" {
            handset.log_in();
        }
    }
    // From anybody else the header says nothing.
    let lab = Lab::on(numbered(), |_, _| {});
    let mut handset = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml);
    handset.extra = vec![("MSISDN".to_owned(), "491701234567".to_owned())];
    assert_eq!(code(&handset.login(asking(&handset))), 401);
}

#[test]
fn a_client_that_logs_in_again_has_one_session() {
    let lab = Lab::start();
    let mut before = Handset::on(&lab, "alice");
    let mut after = Handset::on(&lab, "alice");
    let mut other = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml).called("tablet");
    other.log_in();
    assert_eq!(before.code(KeepAliveRequest::default()), 600);
    assert_eq!(after.code(KeepAliveRequest::default()), 200);
    assert_eq!(other.code(KeepAliveRequest::default()), 200);
    // Clients that do not say who they are are different ones.
    let nameless = [None, Some(ClientId::default())];
    let mut sessions = Vec::new();
    for client in nameless.iter().chain(&nameless) {
        let mut handset = Handset::off(&lab, "bob", Version::V1_3, Encoding::Xml);
        handset.client.clone_from(client);
        handset.log_in();
        sessions.push(handset);
    }
    for session in &mut sessions {
        assert_eq!(session.code(KeepAliveRequest::default()), 200);
    }
}

#[test]
fn of_too_many_sessions_of_a_user_the_oldest_ends() {
    let lab = Lab::with(|_, policy| policy.imps.max_sessions_per_user = 2);
    let mut sessions: Vec<_> = ["one", "two", "three"]
        .into_iter()
        .map(|client| {
            let handset = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml);
            let mut handset = handset.called(client);
            handset.log_in();
            handset
        })
        .collect();
    let codes: Vec<_> = sessions
        .iter_mut()
        .map(|session| session.code(KeepAliveRequest::default()))
        .collect();
    assert_eq!(codes, [601, 200, 200]);
    // Whoever only polls is told as well.
    let told = sessions[0].glance();
    let [Primitive::Disconnect(farewell)] = [&told[0].primitive] else {
        panic!("{told:?}");
    };
    assert_eq!(farewell.outcome.code, Code::FORCED_LOGOUT);
}

#[test]
fn when_all_sessions_are_taken_nobody_else_comes_in() {
    let lab = Lab::with(|_, policy| policy.imps.max_sessions = 1);
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::off(&lab, "bob", Version::V1_3, Encoding::Wbxml);
    assert_eq!(code(&bob.login(with_password(&bob, "password"))), 503);
    // Who is in is not in anybody's way.
    let again = LoginRequest {
        session: Some(alice.session.clone()),
        ..with_password(&alice, "password")
    };
    let response = alice.login(again);
    is_in(&mut alice, &response);
    alice.done(imps::csp::LogoutRequest {});
    bob.log_in();
}

#[test]
fn a_session_is_taken_up_again_by_its_own_client_alone() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let own = alice.session.clone();
    let resume = |handset: &Handset| LoginRequest {
        session: Some(own.clone()),
        time_to_live_s: Some(1234),
        ..with_password(handset, "password")
    };
    let mut tablet = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml).called("tablet");
    let mut bob = Handset::off(&lab, "bob", Version::V1_3, Encoding::Wbxml);
    bob.client.clone_from(&alice.client);
    for other in [&mut tablet, &mut bob] {
        let response = other.login(resume(other));
        assert_eq!(code(&response), 200);
        assert_ne!(response.session.as_deref(), Some(own.as_str()));
    }
    // What was agreed still is, and what waited still does.
    bob.log_in();
    bob.send("alice", "hello");
    let response = alice.login(resume(&alice));
    assert_eq!(response.session.as_deref(), Some(own.as_str()));
    assert_eq!(response.keep_alive_s, Some(1234));
    assert_eq!(alice.code(GetSpInfoRequest::default()), 200);
    assert_eq!(
        alice.hear_message().content.unwrap().as_text(),
        Some("hello")
    );
    // One that has ended is not taken up: there is a new one.
    alice.done(imps::csp::LogoutRequest {});
    let response = alice.login(resume(&alice));
    assert_ne!(response.session.as_deref(), Some(own.as_str()));
    is_in(&mut alice, &response);
}

/// In 1.3 all is said and agreed in one step.
#[test]
fn a_login_can_negotiate() {
    let lab = Lab::start();
    let mut alice = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml);
    let asked = Functions::of(&[Function::Getspi, Function::Getmap, Function::Excon]);
    let request = LoginRequest {
        functions: Some(asked),
        capabilities: Some(Box::new(CapabilityList {
            multi_trans: Some(3),
            multi_trans_per_message: Some(99),
            ..CapabilityList::default()
        })),
        ..with_password(&alice, "password")
    };
    let response = alice.login(request);
    is_in(&mut alice, &response);
    // Turned around: what there is not.
    assert_eq!(response.functions, Some(Functions::of(&[Function::Getmap])));
    let agreed = response.capabilities.unwrap();
    assert_eq!(
        (agreed.multi_trans, agreed.multi_trans_per_message),
        (Some(3), Some(16))
    );
    assert_eq!(response.capability_request, Some(false));
    assert_eq!(alice.code(GetSpInfoRequest::default()), 200);
    assert_eq!(alice.code(imps::csp::GetBlockedListRequest {}), 506);
    // Without it the client is asked to.
    let response = alice.login(with_password(&alice, "password"));
    assert_eq!(response.capability_request, Some(true));
    assert_eq!((response.functions, response.capabilities), (None, None));
}

#[test]
fn the_time_to_live_is_held_within_bounds() {
    let lab = Lab::with(|_, policy| {
        policy.imps.session = Duration::from_secs(900);
        policy.imps.max_session = Duration::from_secs(3600);
    });
    let mut alice = Handset::off(&lab, "alice", Version::V1_3, Encoding::Wbxml);
    for (wanted, granted) in [
        (None, 900),
        (Some(0), 10),
        (Some(5), 10),
        (Some(600), 600),
        (Some(u32::MAX), 3600),
    ] {
        let request = LoginRequest {
            time_to_live_s: wanted,
            ..with_password(&alice, "password")
        };
        let response = alice.login(request);
        assert_eq!(response.keep_alive_s, Some(granted), "{wanted:?}");
    }
    // Only so far can it be changed later.
    alice.log_in();
    for (wanted, want) in [(60, 200), (5, 605), (100_000, 605)] {
        let answer = alice.ask(KeepAliveRequest {
            time_to_live_s: Some(wanted),
        });
        assert_eq!(outcome(&answer).code.number(), want);
        let Primitive::KeepAliveResponse(response) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(response.keep_alive_s, Some(60), "{wanted}");
    }
}
