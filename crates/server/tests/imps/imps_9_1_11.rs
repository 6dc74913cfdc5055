//! Growing a conversation of two into a group, over sockets (CSP 9.1.11): Client2 is alice, Client1
//! bob, and the others are carol and dave.

use std::time::Duration;

use crate::lab::handset::{outcome, properties, wv};
use crate::lab::{Handset, Lab, store};
use imps::csp::{
    DeleteGroupRequest, ExtendConversationRequest, ExtendConversationUser, GetGroupMembersRequest,
    GetGroupPropsRequest, IdList, InviteRequest, InviteType, InviteUserRequest, InviteUserResponse,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, Recipient, RemoveGroupMembersRequest,
    ScreenName, SearchPair, SearchRequest, SetGroupPropsRequest, User, VerifyIdRequest,
    WelcomeNote,
};
use imps::service::Function;
use imps::{Encoding, Primitive, Version};
use server::config::Policy;

/// The peer has so long where the time is to run out.
const SOON: Duration = Duration::from_millis(300);

fn with(change: impl FnOnce(&mut Policy)) -> Lab {
    Lab::with(|_, policy| change(policy))
}

/// IMPS-9.1.11-S1, IMPS-9.1.11-S2: the others, and the peer.
fn extension(others: &[&str]) -> ExtendConversationRequest {
    ExtendConversationRequest {
        id: Some("grow".to_owned()),
        users: others.iter().map(|user| wv(user)).collect(),
        peer: ExtendConversationUser {
            user: wv("bob"),
            client: None,
        },
        ..ExtendConversationRequest::default()
    }
}

fn join(group: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group: group.to_owned(),
        joined_request: true,
        ..JoinGroupRequest::default()
    }
}

fn joined(handset: &mut Handset, group: &str) -> JoinGroupResponse {
    match handset.ask(join(group)) {
        Primitive::JoinGroupResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

fn leave(handset: &mut Handset, group: &str) -> u16 {
    handset.code(LeaveGroupRequest {
        group: group.to_owned(),
    })
}

/// The people of a group that are named to a client, by their screen names.
fn names(response: &JoinGroupResponse) -> Vec<&str> {
    let people = &response.participants.as_ref().unwrap().people;
    let mut names: Vec<_> = people.iter().map(|one| &*one.screen_name).collect();
    names.sort_unstable();
    names
}

/// Everything there is to be told when the server has nothing left to do: what somebody says to
/// `handset` afterwards has come, so all before it has.
fn told_before(handset: &mut Handset, by: &mut Handset) -> Vec<Primitive> {
    let to = handset.user.clone();
    assert_eq!(by.send(&to, "until here").outcome.code.number(), 200);
    handset.hear_message();
    handset.hear_all()
}

fn invited(told: &[Primitive]) -> bool {
    told.iter()
        .any(|one| matches!(one, Primitive::InviteUserRequest(_)))
}

/// Alice has grown her conversation with Bob by others, and both are in it.
struct Grown {
    lab: Lab,
    alice: Handset,
    bob: Handset,
    group: String,
}

impl Grown {
    fn by(lab: Lab, others: &[&str]) -> Self {
        let mut alice = Handset::on(&lab, "alice");
        let mut bob = Handset::on(&lab, "bob");
        alice.done(extension(others));
        let group = bob.hear_invitation().group.unwrap();
        joined(&mut bob, &group);
        alice.hear_extended();
        Self {
            lab,
            alice,
            bob,
            group,
        }
    }
}

/// IMPS-9.1.11-S16, IMPS-9.1.11-S18, IMPS-9.1.11-S19, IMPS-9.1.11-S23 to IMPS-9.1.11-S27,
/// IMPS-9.1.11-S33, IMPS-9.1.11-S39: from beginning to end.
fn grow(encoding: Encoding) {
    let lab = Lab::start();
    let client = |user| Handset::speaking(&lab, user, Version::V1_3, encoding);
    let (mut alice, mut bob, mut carol) = (client("alice"), client("bob"), client("carol"));
    // IMPS-9.1.11-S39, IMPS-9.1.11-S16: the server knows the transaction, and says that it began.
    let answer = alice.ask(extension(&["carol"]));
    assert!(matches!(answer, Primitive::Status(_)), "{answer:?}");
    assert_eq!(outcome(&answer).code.number(), 200);
    // IMPS-9.1.11-S18, IMPS-9.1.11-S19
    let asked = bob.hear_invitation();
    assert_eq!(asked.invite_type, InviteType::ExtendConversation);
    assert!(is_from(&asked, "alice"), "{asked:?}");
    let group = asked.group.unwrap();
    // IMPS-9.1.11-S33: nobody else yet.
    assert!(!invited(&carol.hear_all()));
    // IMPS-9.1.11-S23: and both are in by then (IMPS-9.1.11-S26).
    let response = joined(&mut bob, &group);
    assert_eq!(names(&response), ["alice", "bob"]);
    // IMPS-9.1.11-S24, IMPS-9.1.11-S25
    let extended = alice.hear_extended();
    assert_eq!(extended.outcome.code.number(), 200);
    assert_eq!(extended.outcome.details, []);
    assert_eq!(extended.group.as_deref(), Some(&*group));
    assert_eq!(extended.id.as_deref(), Some("grow"));
    // IMPS-9.1.11-S26: alice need not join; IMPS-9.1.11-S27: they talk in the group.
    assert_eq!(alice.say(&group, "in here").outcome.code.number(), 200);
    let heard = bob.hear_message();
    assert_eq!(heard.content.unwrap().as_text(), Some("in here"));
    assert_eq!(heard.info.recipient.groups.len(), 1);
    // IMPS-9.1.11-S33
    let asked = carol.hear_invitation();
    assert_eq!(asked.invite_type, InviteType::ExtendConversation);
    assert_eq!(asked.group.as_deref(), Some(&*group));
    assert_eq!(
        names(&joined(&mut carol, &group)),
        ["alice", "bob", "carol"]
    );
    // IMPS-9.1.11-S37: what was said before is not for her.
    let heard = carol.hear_all();
    assert!(
        !heard
            .iter()
            .any(|one| matches!(one, Primitive::NewMessage(_))),
        "{heard:?}"
    );
    assert_eq!(carol.say(&group, "hello all").outcome.code.number(), 200);
    for listener in [&mut alice, &mut bob] {
        let heard = listener.hear_message();
        assert_eq!(heard.content.unwrap().as_text(), Some("hello all"));
    }
}

fn is_from(asked: &InviteUserRequest, user: &str) -> bool {
    let imps::csp::Sender::User(sender) = asked.sender.as_ref().unwrap() else {
        return false;
    };
    sender.id == wv(user)
}

#[test]
fn a_conversation_grows_in_wbxml() {
    grow(Encoding::Wbxml);
}

#[test]
fn a_conversation_grows_in_xml() {
    grow(Encoding::Xml);
}

/// IMPS-9.1.11-S7 to IMPS-9.1.11-S13: the properties of the group.
#[test]
fn the_group_has_the_six_properties() {
    let Grown {
        lab: _lab,
        mut alice,
        group,
        ..
    } = Grown::by(Lab::start(), &["carol"]);
    let Primitive::GetGroupPropsResponse(response) = alice.ask(GetGroupPropsRequest { group })
    else {
        panic!("no properties");
    };
    let has = response.properties.properties;
    let wanted = [
        ("IMPS-9.1.11-S8", "Type", "Public"),
        ("IMPS-9.1.11-S9", "Accesstype", "Open"),
        ("IMPS-9.1.11-S10", "RequireInvitation", "T"),
        ("IMPS-9.1.11-S11", "AutoDelete", "T"),
        ("IMPS-9.1.11-S12", "PrivateMessaging", "F"),
        ("IMPS-9.1.11-S13", "Searchable", "F"),
    ];
    for (rule, name, value) in wanted {
        let found = has.iter().find(|one| one.name == name);
        assert_eq!(
            found.and_then(|one| one.value.as_deref()),
            Some(value),
            "{rule}"
        );
    }
}

/// IMPS-9.1.11-S8: the server owns it. Neither who grew it nor who came first has any right.
#[test]
fn nobody_may_delete_or_change_the_group() {
    let Grown {
        lab: _lab,
        mut alice,
        mut bob,
        group,
        ..
    } = Grown::by(Lab::start(), &["carol"]);
    for user in [&mut alice, &mut bob] {
        let id = || group.clone();
        assert_eq!(user.code(DeleteGroupRequest { group: id() }), 816);
        let change = SetGroupPropsRequest {
            group: id(),
            properties: Some(imps::csp::GroupProperties {
                properties: properties(&[("Searchable", "T")]),
                welcome_note: None,
            }),
            ..SetGroupPropsRequest::default()
        };
        assert_eq!(user.code(change), 816);
        let remove = RemoveGroupMembersRequest {
            group: id(),
            users: vec![User::new(wv("bob"))],
        };
        assert_eq!(user.code(remove), 816);
        assert_eq!(user.code(GetGroupMembersRequest { group: id() }), 816);
    }
    assert_eq!(alice.say(&group, "still here").outcome.code.number(), 200);
}

/// IMPS-9.1.11-S9, IMPS-9.1.11-S10: who was not invited stays out until somebody who is in invites
/// them; and everybody who is in may.
#[test]
fn only_the_invited_come_in_and_everybody_invites() {
    let Grown {
        lab,
        mut bob,
        group,
        ..
    } = Grown::by(Lab::start(), &["carol"]);
    let mut dave = Handset::on(&lab, "dave");
    assert_eq!(dave.code(join(&group)), 816, "IMPS-9.1.11-S10");
    let invite = |who: &str| InviteRequest {
        id: format!("come-{who}"),
        invite_type: InviteType::Group,
        recipient: Recipient {
            users: vec![User::new(wv(who))],
            ..Recipient::default()
        },
        group: Some(group.clone()),
        ..InviteRequest::default()
    };
    assert_eq!(dave.code(invite("dave")), 808, "from outside");
    assert_eq!(bob.code(invite("dave")), 200, "IMPS-9.1.11-S9");
    let asked = dave.hear_invitation();
    assert_eq!(asked.group.as_deref(), Some(&*group));
    let response = joined(&mut dave, &group);
    assert_eq!(names(&response), ["alice", "bob", "dave"]);
}

/// IMPS-9.1.11-S11: with the last one who is in it the group is gone.
#[test]
fn the_group_ends_with_its_last_participant() {
    let Grown {
        lab: _lab,
        mut alice,
        mut bob,
        group,
        ..
    } = Grown::by(Lab::start(), &["carol"]);
    let properties = || GetGroupPropsRequest {
        group: group.clone(),
    };
    assert_eq!(leave(&mut alice, &group), 200);
    assert_eq!(bob.say(&group, "alone").outcome.code.number(), 200);
    assert_eq!(leave(&mut bob, &group), 200);
    assert_eq!(bob.code(join(&group)), 800);
    assert_eq!(bob.code(properties()), 800);
    assert_eq!(alice.say(&group, "hello?").outcome.code.number(), 800);
}

/// As a session over SIP is come back to (7.2.1.5): by whoever was in it, and nobody else.
#[test]
fn the_group_outlives_the_server() {
    let kept = store();
    let again = kept.reopen().unwrap();
    let grown = Grown::by(Lab::on(kept, |_, _| {}), &["carol"]);
    let group = grown.group.clone();
    drop(grown);
    let lab = Lab::on(again, |_, _| {});
    let [mut alice, mut bob, mut dave] =
        ["alice", "bob", "dave"].map(|user| Handset::on(&lab, user));
    assert_eq!(dave.code(join(&group)), 816, "before anybody is back");
    assert_eq!(names(&joined(&mut bob, &group)), ["bob"]);
    assert_eq!(dave.code(join(&group)), 816);
    assert_eq!(names(&joined(&mut alice, &group)), ["alice", "bob"]);
    assert_eq!(bob.say(&group, "where were we").outcome.code.number(), 200);
    let heard = alice.hear_message().content.unwrap();
    assert_eq!(heard.as_text(), Some("where were we"));
}

/// IMPS-9.1.11-S12
#[test]
fn nobody_whispers_in_the_group() {
    let Grown {
        lab: _lab,
        mut alice,
        mut bob,
        group,
        ..
    } = Grown::by(Lab::start(), &["carol"]);
    let answer = alice.whisper(&group, "bob", "psst");
    assert_eq!(answer.outcome.code.number(), 812);
    assert_eq!(alice.say(&group, "aloud").outcome.code.number(), 200);
    let heard = bob.hear_message();
    assert_eq!(heard.content.unwrap().as_text(), Some("aloud"));
}

/// IMPS-9.1.11-S13: not even by those who are in it.
#[test]
fn the_group_is_never_found() {
    let Grown {
        lab,
        mut alice,
        group,
        ..
    } = Grown::by(Lab::start(), &["carol"]);
    let search = |string: &str| SearchRequest {
        pairs: vec![SearchPair {
            element: "GROUP_ID".to_owned(),
            string: string.to_owned(),
            pair: None,
        }],
        limit: Some(100),
        ..SearchRequest::default()
    };
    for string in [&*group, "wv:", "localhost"] {
        let answer = format!("{:?}", alice.ask(search(string)));
        assert!(!answer.contains(&group), "{answer}");
    }
    // Nor does anybody learn that it is there who is not in it.
    let verify = || VerifyIdRequest {
        ids: IdList {
            groups: vec![group.clone()],
            ..IdList::default()
        },
    };
    let mut dave = Handset::on(&lab, "dave");
    // 201: it is the one that is not found.
    assert_eq!(dave.code(verify()), 201, "IMPS-9.1.11-S13");
    assert_eq!(alice.code(verify()), 200);
}

/// IMPS-9.1.11-S14, IMPS-9.1.11-S15, IMPS-11.3.22-S1: a peer whose client cannot, and then nothing
/// has been made: there is room for one group, and the next request gets it.
#[test]
fn a_peer_without_support_is_546() {
    let lab = with(|policy| policy.imps.max_groups = 1);
    let mut alice = Handset::on(&lab, "alice");
    let mut carol = Handset::on(&lab, "carol");
    let mut bob = Handset::speaking(&lab, "bob", Version::V1_2, Encoding::Wbxml);
    let answer = outcome(&alice.ask(extension(&["carol"])));
    assert_eq!(answer.code.number(), 546);
    let meaning = "Recipient does not support the requested functionality";
    assert!(answer.description.unwrap().starts_with(meaning));
    assert!(!invited(&told_before(&mut bob, &mut carol)));
    // The same user with a newer client that did not agree on it.
    let mut bob = Handset::without(&lab, "bob", &[Function::Excon]);
    assert_eq!(alice.code(extension(&["carol"])), 546);
    assert!(!invited(&told_before(&mut bob, &mut carol)));
    // IMPS-9.1.11-S14: of several clients one is enough, and it alone is asked.
    let mut able = Handset::off(&lab, "bob", Version::V1_3, Encoding::Wbxml);
    able.client = Some(imps::csp::ClientId {
        url: Some("bob.tablet".to_owned()),
        msisdn: None,
    });
    able.log_in();
    able.agree(imps::service::Functions::NONE);
    assert_eq!(alice.code(extension(&["carol"])), 200);
    able.hear_invitation();
    assert!(!invited(&bob.hear_all()));
}

/// IMPS-9.1.11-S17: the group cannot be, for these reasons.
#[test]
fn a_request_that_cannot_be_says_why() {
    let lab = with(|policy| policy.imps.max_group_size = 3);
    let mut alice = Handset::on(&lab, "alice");
    assert_eq!(alice.code(extension(&["carol"])), 410, "bob is not here");
    let mut bob = Handset::on(&lab, "bob");
    assert_eq!(alice.code(extension(&["carol", "dave"])), 817);
    assert_eq!(alice.code(extension(&["nobody"])), 531);
    let nobody = ExtendConversationRequest {
        peer: ExtendConversationUser {
            user: wv("nobody"),
            client: None,
        },
        ..extension(&["carol"])
    };
    assert_eq!(alice.code(nobody), 531);
    // Who is left when the two who talk are taken out?
    assert_eq!(alice.code(extension(&["alice", "bob"])), 402);
    let itself = ExtendConversationRequest {
        peer: ExtendConversationUser {
            user: wv("alice"),
            client: None,
        },
        ..extension(&["carol"])
    };
    assert_eq!(alice.code(itself), 402);
    assert!(!invited(&bob.hear_all()));
    let mut legacy = Handset::without(&lab, "dave", &[Function::Excon]);
    assert_eq!(legacy.code(extension(&["carol"])), 506);
}

/// IMPS-9.1.11-S17: no more groups.
#[test]
fn too_many_groups_is_815() {
    let lab = with(|policy| policy.imps.max_groups = 0);
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    assert_eq!(alice.code(extension(&["carol"])), 815);
    assert!(!invited(&bob.hear_all()));
}

/// IMPS-9.1.11-S21, IMPS-9.1.11-S38: an answer to such an invitation is answered and changes
/// nothing, whatever it says. IMPS-9.1.11-S32: only the join counts.
#[test]
fn an_answer_to_the_invitation_is_ignored() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    let answer = |asked: &InviteUserRequest, acceptance| InviteUserResponse {
        id: asked.id.clone(),
        acceptance,
        ..InviteUserResponse::default()
    };
    alice.done(extension(&["carol"]));
    let asked = bob.hear_invitation();
    let group = asked.group.clone().unwrap();
    for acceptance in [true, false] {
        assert_eq!(bob.code(answer(&asked, acceptance)), 200);
        assert_eq!(bob.say(&group, "am I in?").outcome.code.number(), 808);
    }
    assert!(!invited(&carol.hear_all()));
    joined(&mut bob, &group);
    alice.hear_extended();
    let asked = carol.hear_invitation();
    for acceptance in [false, true] {
        assert_eq!(carol.code(answer(&asked, acceptance)), 200);
        assert_eq!(carol.say(&group, "am I in?").outcome.code.number(), 808);
    }
    joined(&mut carol, &group);
    let told = told_before(&mut alice, &mut bob);
    let about = |one: &Primitive| matches!(one, Primitive::InviteResponse(_));
    assert!(!told.iter().any(about), "{told:?}");
}

/// IMPS-9.1.11-S28, IMPS-9.1.11-S29: the peer does not come in the time that is set.
#[test]
fn a_peer_who_does_not_come_ends_it() {
    let lab = with(|policy| policy.imps.extend_timeout = SOON);
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(extension(&["carol"]));
    let group = bob.hear_invitation().group.unwrap();
    // IMPS-9.1.11-S31
    let extended = alice.hear_extended();
    assert_eq!(extended.outcome.code.number(), 410);
    assert_eq!(
        (extended.id.as_deref(), extended.group),
        (Some("grow"), None)
    );
    // IMPS-9.1.11-S30
    bob.hear(|one| matches!(one, Primitive::CancelInviteUserRequest(_)).then_some(()));
    assert_eq!(bob.code(join(&group)), 800);
    assert_eq!(alice.say(&group, "hello?").outcome.code.number(), 800);
    // IMPS-9.1.11-S32
    assert!(!invited(&told_before(&mut carol, &mut alice)));
}

/// IMPS-9.1.11-S34, IMPS-9.1.11-S35, IMPS-9.1.11-S36: who could not be told who comes and goes is
/// not invited, and named.
#[test]
fn who_is_left_out_is_named() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::without(&lab, "carol", &[Function::Grchn]);
    let mut dave = Handset::on(&lab, "dave");
    // Erin has no session at all.
    alice.done(extension(&["carol", "dave", "erin"]));
    let group = bob.hear_invitation().group.unwrap();
    joined(&mut bob, &group);
    let extended = alice.hear_extended();
    assert_eq!(extended.outcome.code.number(), 201);
    assert_eq!(extended.group.as_deref(), Some(&*group));
    let details: Vec<_> = extended
        .outcome
        .details
        .iter()
        .map(|detail| (detail.code.number(), detail.users.clone()))
        .collect();
    assert_eq!(
        details,
        [(410, vec![wv("erin")]), (546, vec![wv("carol")])],
        "IMPS-9.1.11-S36"
    );
    dave.hear_invitation();
    assert!(
        !invited(&told_before(&mut carol, &mut bob)),
        "IMPS-9.1.11-S35"
    );
    assert_eq!(carol.code(join(&group)), 816);
}

/// IMPS-9.1.11-S4: notices for whoever wants them, when they were agreed on.
#[test]
fn notices_are_for_those_who_asked_and_can() {
    #[rustfmt::skip]
    let rows: [(bool, &[Function], bool); 4] = [
        (true,  &[],                                  true),
        (false, &[],                                  false),
        (true,  &[Function::Grchn],                   false),
        (false, &[Function::Grchn, Function::Subgcn], false),
    ];
    for (subscribe, lacks, told) in rows {
        let lab = Lab::start();
        let mut alice = Handset::without(&lab, "alice", lacks);
        let mut bob = Handset::on(&lab, "bob");
        let mut carol = Handset::on(&lab, "carol");
        alice.done(ExtendConversationRequest {
            subscribe,
            ..extension(&["carol"])
        });
        let group = bob.hear_invitation().group.unwrap();
        joined(&mut bob, &group);
        alice.hear_extended();
        carol.hear_invitation();
        joined(&mut carol, &group);
        let all = told_before(&mut alice, &mut bob);
        let came = all.iter().any(|one| match one {
            Primitive::GroupChangeNotice(notice) => {
                let people = notice.joined.iter().flat_map(|joined| &joined.people);
                notice.group == group && people.into_iter().any(|one| one.screen_name == "carol")
            }
            _ => false,
        });
        assert_eq!(came, told, "IMPS-9.1.11-S4: {subscribe} {lacks:?}: {all:?}");
    }
}

/// IMPS-9.1.11-S4: the same for the peer, who says so when joining.
#[test]
fn notices_are_for_a_peer_who_asked_and_can() {
    for (subscribe, lacks, told) in [
        (true, &[][..], true),
        (false, &[][..], false),
        (true, &[Function::Grchn][..], false),
    ] {
        let lab = Lab::start();
        let mut alice = Handset::on(&lab, "alice");
        let mut bob = Handset::without(&lab, "bob", lacks);
        let mut carol = Handset::on(&lab, "carol");
        alice.done(extension(&["carol"]));
        let group = bob.hear_invitation().group.unwrap();
        bob.ask(JoinGroupRequest {
            subscribe,
            ..join(&group)
        });
        alice.hear_extended();
        carol.hear_invitation();
        joined(&mut carol, &group);
        let all = told_before(&mut bob, &mut alice);
        let came = all
            .iter()
            .any(|one| matches!(one, Primitive::GroupChangeNotice(_)));
        assert_eq!(came, told, "IMPS-9.1.11-S4: {subscribe} {lacks:?}: {all:?}");
    }
}

/// IMPS-9.1.11-S5, IMPS-9.1.11-S6: the note of the client, or else of the server.
#[test]
fn who_joins_is_welcomed() {
    let ours = "Welcome to the talk";
    let theirs = "We are planning a trip";
    #[rustfmt::skip]
    let rows = [
        ("IMPS-9.1.11-S5", Some(ours), Some(theirs), Some(theirs)),
        ("IMPS-9.1.11-S6", Some(ours), None,         Some(ours)),
        ("IMPS-9.1.11-S6", None,       None,         None),
    ];
    for (rule, ours, theirs, want) in rows {
        let lab = with(|policy| policy.imps.welcome = ours.map(str::to_owned));
        let mut alice = Handset::on(&lab, "alice");
        let mut bob = Handset::on(&lab, "bob");
        alice.done(ExtendConversationRequest {
            welcome_note: theirs.map(WelcomeNote::text),
            ..extension(&["carol"])
        });
        let group = bob.hear_invitation().group.unwrap();
        let note = joined(&mut bob, &group).welcome_note;
        assert_eq!(note, want.map(WelcomeNote::text), "{rule}");
    }
}

/// The name that the client chose for its user in the group.
#[test]
fn whoever_extends_has_the_name_they_chose() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    alice.done(ExtendConversationRequest {
        screen_name: Some(ScreenName {
            name: "Ally".to_owned(),
            group: String::new(),
        }),
        ..extension(&["carol"])
    });
    let group = bob.hear_invitation().group.unwrap();
    assert_eq!(names(&joined(&mut bob, &group)), ["Ally", "bob"]);
}

/// The initiator is gone before the peer comes: nobody is in a group alone.
#[test]
fn an_initiator_who_logs_out_takes_it_back() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(extension(&["carol"]));
    let group = bob.hear_invitation().group.unwrap();
    assert_eq!(alice.code(imps::csp::LogoutRequest {}), 200);
    bob.hear(|one| matches!(one, Primitive::CancelInviteUserRequest(_)).then_some(()));
    assert_eq!(bob.code(join(&group)), 800);
    assert!(!invited(&told_before(&mut carol, &mut bob)));
}
