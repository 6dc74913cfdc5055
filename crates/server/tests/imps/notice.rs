//! What the operator tells everybody.

use crate::lab::{Handset, Lab};
use imps::csp::{SystemMessage, SystemMessageResponse, SystemMessageUser};
use imps::{Encoding, Primitive, Version};
use server::Policy;

const REST: &str = "The service rests on Sunday.";

fn policy(notice: Option<&str>) -> Policy {
    let mut policy = Policy::default();
    policy.imps.notice = notice.map(str::to_owned);
    policy
}

fn with(notice: Option<&str>) -> Lab {
    Lab::with(|_, rules| *rules = policy(notice))
}

/// The operator changes the rules of a server that runs.
fn replace(lab: &Lab, notice: Option<&str>) {
    let _inside = lab.runtime.enter();
    lab.server().replace_policy(policy(notice));
}

/// What a handset is told by the service, in either form.
fn told(handset: &mut Handset) -> Vec<String> {
    let texts = handset.hear_all().into_iter().map(|one| match one {
        Primitive::SystemMessageRequest(request) => {
            assert_eq!(handset.version, Version::V1_3);
            let [
                SystemMessage {
                    id,
                    requires_response: false,
                    text,
                    ..
                },
            ] = &request.messages[..]
            else {
                panic!("{request:?}");
            };
            assert!(!id.is_empty());
            text.clone().unwrap()
        }
        Primitive::NewMessage(message) => {
            assert!(handset.version < Version::V1_3);
            let sender = format!("{:?}", message.info.sender);
            assert!(sender.contains("\"wv:@localhost\""), "{sender}");
            message.content.unwrap().as_text().unwrap().to_owned()
        }
        other => panic!("{other:?}"),
    });
    texts.collect()
}

fn everybody(lab: &Lab) -> [Handset; 3] {
    [
        Handset::speaking(lab, "alice", Version::V1_1, Encoding::Xml),
        Handset::speaking(lab, "bob", Version::V1_2, Encoding::Wbxml),
        Handset::speaking(lab, "carol", Version::V1_3, Encoding::Wbxml),
    ]
}

#[test]
fn whoever_logs_in_is_told_once() {
    let lab = with(Some(REST));
    for mut handset in everybody(&lab) {
        assert_eq!(told(&mut handset), [REST]);
        assert_eq!(told(&mut handset), [""; 0]);
    }
    // Again in the next session, and not in one that goes on.
    let mut erin = Handset::on(&lab, "erin");
    assert_eq!(told(&mut erin), [REST]);
    let again = erin.login(imps::csp::LoginRequest {
        password: Some("password".to_owned()),
        session: Some(erin.session.clone()),
        ..erin.login_request()
    });
    assert_eq!(again.session, Some(erin.session.clone()));
    assert_eq!(told(&mut erin), [""; 0]);
    erin.log_in();
    assert_eq!(told(&mut erin), [REST]);
}

#[test]
fn everybody_is_told_what_is_new() {
    let lab = with(None);
    let mut all = everybody(&lab);
    for handset in &mut all {
        assert_eq!(told(handset), [""; 0]);
    }
    // (what the operator says, what is told)
    let rows: [(Option<&str>, &[&str]); 5] = [
        (Some(REST), &[REST]),
        (Some(REST), &[]),
        (None, &[]),
        (Some("It rests no more."), &["It rests no more."]),
        (Some(REST), &[REST]),
    ];
    for (notice, want) in rows {
        replace(&lab, notice);
        for handset in &mut all {
            assert_eq!(told(handset), want, "{notice:?}");
        }
    }
}

#[test]
fn an_answer_to_it_is_taken() {
    let lab = with(Some(REST));
    let mut alice = Handset::on(&lab, "alice");
    let answer = |id: &str| SystemMessageUser {
        responses: vec![SystemMessageResponse {
            id: id.to_owned(),
            chosen: Some(1),
            verification_key: Some("key".to_owned()),
        }],
    };
    assert_eq!(alice.code(answer("whatever")), 200);
    assert_eq!(alice.code(SystemMessageUser::default()), 200);
}
