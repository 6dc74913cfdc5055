//! Invitations of IMPS: given, answered, taken back, and over after a while.

use std::time::Duration;

use imps::csp::{
    CancelInviteRequest, CancelInviteUserRequest, CreateGroupRequest, GroupProperties,
    InviteRequest, InviteResponse, InviteType, InviteUserResponse, JoinGroupRequest,
    LeaveGroupRequest, LogoutRequest, Recipient, ScreenName, Sender, User,
};
use imps::service::Function;
use imps::{Encoding, Primitive, Version};

use crate::lab::handset::{outcome, properties, wv};
use crate::lab::{Handset, Lab, SimLab};

const CLUB: &str = "wv:alice/club@localhost";

fn recipient(users: &[&str]) -> Recipient {
    Recipient {
        users: users.iter().map(|user| User::new(wv(user))).collect(),
        ..Recipient::default()
    }
}

/// An invitation with all that its sort needs.
fn invite(kind: InviteType, users: &[&str]) -> InviteRequest {
    let group = match kind {
        InviteType::Group | InviteType::GroupMembership | InviteType::ExtendGroup => Some(CLUB),
        _ => None,
    };
    let application = (kind == InviteType::Application).then(|| "game".to_owned());
    InviteRequest {
        id: "mine".to_owned(),
        invite_type: kind,
        recipient: recipient(users),
        group: group.map(str::to_owned),
        application,
        urls: vec!["http://example.org/".to_owned()],
        note: Some("come!".to_owned()),
        ..InviteRequest::default()
    }
}

fn answer(id: &str, acceptance: bool) -> InviteUserResponse {
    InviteUserResponse {
        id: id.to_owned(),
        acceptance,
        sender: None,
        recipient: None,
        response_note: Some("well".to_owned()),
        screen_name: None,
    }
}

fn cancel(users: Option<&[&str]>) -> CancelInviteRequest {
    CancelInviteRequest {
        id: "mine".to_owned(),
        recipient: users.map(recipient),
        note: Some("never mind".to_owned()),
        ..CancelInviteRequest::default()
    }
}

fn makes_club(handset: &mut Handset, wanted: &[(&str, &str)]) {
    handset.done(CreateGroupRequest {
        group: CLUB.to_owned(),
        properties: GroupProperties {
            properties: properties(wanted),
            welcome_note: None,
        },
        ..CreateGroupRequest::default()
    });
}

fn join() -> JoinGroupRequest {
    JoinGroupRequest {
        group: CLUB.to_owned(),
        ..JoinGroupRequest::default()
    }
}

fn hears_answer(handset: &mut Handset) -> InviteResponse {
    handset.hear(|one| match one {
        Primitive::InviteResponse(response) => Some(response.clone()),
        _ => None,
    })
}

fn hears_cancel(handset: &mut Handset) -> CancelInviteUserRequest {
    handset.hear(|one| match one {
        Primitive::CancelInviteUserRequest(told) => Some(told.clone()),
        _ => None,
    })
}

const KINDS: [InviteType; 7] = [
    InviteType::Im,
    InviteType::Group,
    InviteType::Presence,
    InviteType::SharedContent,
    InviteType::Application,
    InviteType::GroupMembership,
    InviteType::ExtendGroup,
];

#[test]
fn each_sort_reaches_the_invited_and_the_answer_whoever_invites() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    makes_club(&mut alice, &[]);
    for kind in KINDS {
        for acceptance in [true, false] {
            let mut request = invite(kind.clone(), &["bob"]);
            request.validity_s = Some(600);
            request.screen_name = Some(ScreenName {
                name: "Queen".to_owned(),
                group: CLUB.to_owned(),
            });
            alice.done(request.clone());
            let told = bob.hear_invitation();
            // The id is the server's: nobody can guess that of another.
            assert!(told.id.len() >= 16 && told.id != "mine", "{}", told.id);
            assert_eq!(told.invite_type, kind);
            assert_eq!(told.sender, Some(Sender::User(User::new(wv("alice")))));
            assert_eq!(told.recipient, Some(recipient(&["bob"])));
            assert_eq!(
                (&told.group, &told.application),
                (&request.group, &request.application)
            );
            assert_eq!((&told.urls, &told.note), (&request.urls, &request.note));
            assert_eq!(told.screen_name, request.screen_name);
            assert_eq!(told.validity_s, Some(600));
            bob.done(answer(&told.id, acceptance));
            let heard = hears_answer(&mut alice);
            assert_eq!(
                (&*heard.id, heard.acceptance),
                ("mine", acceptance),
                "{kind:?}"
            );
            assert_eq!(heard.sender, Some(Sender::User(User::new(wv("bob")))));
            assert_eq!(heard.response_note.as_deref(), Some("well"));
            // Once is enough.
            assert_eq!(bob.code(answer(&told.id, acceptance)), 423);
            assert!(alice.hear_all().is_empty() && bob.hear_all().is_empty());
        }
    }
}

#[test]
fn an_invitation_needs_what_its_sort_is_about() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let spoilt = |kind: InviteType, spoil: fn(&mut InviteRequest)| {
        let mut request = invite(kind, &["bob"]);
        spoil(&mut request);
        request
    };
    #[rustfmt::skip]
    let rows: [(InviteRequest, u16); 11] = [
        (spoilt(InviteType::Group, |r| r.group = None),                 429),
        (spoilt(InviteType::GroupMembership, |r| r.group = None),       429),
        (spoilt(InviteType::ExtendGroup, |r| r.group = None),           429),
        (spoilt(InviteType::Group, |_| {}),                             800),
        (spoilt(InviteType::Application, |r| r.application = None),     450),
        (spoilt(InviteType::Other("XX".to_owned()), |_| {}),            402),
        // Only the server asks so.
        (spoilt(InviteType::ExtendConversation, |_| {}),                402),
        (spoilt(InviteType::Im, |r| r.recipient = Recipient::default()), 402),
        (invite(InviteType::Im, &["nobody"]),                           531),
        (invite(InviteType::Im, &["wv:zoe@elsewhere.example"]),         516),
        (invite(InviteType::Im, &["carol"]),                            533),
    ];
    for (request, want) in rows {
        let what = format!("{request:?}");
        assert_eq!(alice.code(request), want, "{what}");
    }
    let many: Vec<String> = (0..51).map(|n| format!("wv:u{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(alice.code(invite(InviteType::Im, &many)), 402);
    assert!(bob.hear_all().is_empty());
    // Some of them.
    let some = ["bob", "WV:Bob", "nobody", "carol"];
    let answer = alice.done(invite(InviteType::Im, &some));
    let told = outcome(&answer);
    let codes: Vec<_> = told.details.iter().map(|one| one.code.number()).collect();
    assert_eq!((told.code.number(), codes), (201, vec![531, 533]));
    assert_eq!(bob.hear_all().len(), 1);
}

/// Older clients have no word for the newer sorts, and some want none at all.
#[test]
fn only_clients_that_know_of_it_are_invited() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    makes_club(&mut alice, &[]);
    for version in [Version::V1_1, Version::V1_2] {
        let mut bob = Handset::speaking(&lab, "bob", version, Encoding::Xml);
        for kind in KINDS {
            let is_new = matches!(
                kind,
                InviteType::Application | InviteType::GroupMembership | InviteType::ExtendGroup
            );
            let want = if is_new { 546 } else { 200 };
            assert_eq!(
                alice.code(invite(kind.clone(), &["bob"])),
                want,
                "{version} {kind:?}"
            );
            if !is_new {
                let told = bob.hear_invitation();
                assert_eq!(told.invite_type, kind);
                bob.done(answer(&told.id, false));
                hears_answer(&mut alice);
            }
            assert!(bob.hear_all().is_empty());
        }
        bob.done(LogoutRequest {});
    }
    let mut carol = Handset::without(&lab, "carol", &[Function::Invit]);
    assert_eq!(alice.code(invite(InviteType::Im, &["carol"])), 546);
    assert_eq!(carol.code(invite(InviteType::Im, &["alice"])), 506);
    assert!(carol.hear_all().is_empty());
}

#[test]
fn who_may_invite_into_a_group() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    makes_club(&mut alice, &[("RequireInvitation", "T")]);
    let into = |users: &[&str]| invite(InviteType::Group, users);
    assert_eq!(bob.code(into(&["carol"])), 808);
    assert_eq!(bob.code(join()), 816);
    alice.done(into(&["bob"]));
    let told = bob.hear_invitation();
    // The invitation is his alone.
    assert_eq!(carol.code(join()), 816);
    bob.done(answer(&told.id, true));
    bob.done(join());
    bob.done(into(&["carol"]));
    let told = carol.hear_invitation();
    assert_eq!(told.sender, Some(Sender::User(User::new(wv("bob")))));
    // Even without an answer she may come; who declines may not.
    carol.done(answer(&told.id, false));
    assert_eq!(carol.code(join()), 816);
    bob.done(into(&["carol"]));
    carol.hear_invitation();
    carol.done(join());
    // Who was in may come back as long as somebody else stays.
    let group = CLUB.to_owned();
    carol.done(LeaveGroupRequest { group });
    carol.done(join());
}

#[test]
fn an_invitation_is_taken_back() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    makes_club(&mut alice, &[("RequireInvitation", "T")]);
    alice.done(invite(InviteType::Group, &["bob", "carol"]));
    let ids = [bob.hear_invitation().id, carol.hear_invitation().id];
    // By nobody else, and under no other id.
    assert_eq!(bob.code(cancel(None)), 423);
    let mut other = cancel(None);
    other.id = ids[0].clone();
    assert_eq!(alice.code(other), 423);
    assert_eq!(alice.code(cancel(Some(&["dave"]))), 423);
    alice.done(cancel(Some(&["bob"])));
    let told = hears_cancel(&mut bob);
    assert_eq!(
        (&told.id, told.note.as_deref()),
        (&ids[0], Some("never mind"))
    );
    assert_eq!(told.sender, Some(Sender::User(User::new(wv("alice")))));
    assert_eq!(bob.code(answer(&ids[0], true)), 423);
    assert_eq!(bob.code(join()), 816);
    assert!(carol.hear_all().is_empty());
    alice.done(cancel(None));
    assert_eq!(hears_cancel(&mut carol).id, ids[1]);
    assert_eq!(alice.code(cancel(None)), 423);
    assert!(alice.hear_all().is_empty());
}

#[test]
fn an_invitation_is_answered_by_the_invited_alone() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(invite(InviteType::Im, &["bob"]));
    let told = bob.hear_invitation();
    for id in [told.id.as_str(), "mine", "nosuch", ""] {
        assert_eq!(carol.code(answer(id, true)), 423, "{id}");
    }
    assert_eq!(alice.code(answer(&told.id, true)), 423);
    // Any client of his may.
    let mut tablet = Handset::off(&lab, "bob", Version::V1_2, Encoding::Xml).called("tablet");
    tablet.log_in();
    tablet.done(answer(&told.id, true));
    assert!(hears_answer(&mut alice).acceptance);
    // An answer to one that grows a conversation is heard, and changes nothing.
    assert_eq!(carol.code(answer("ec-nosuch", true)), 200);
}

#[test]
fn an_invitation_is_over_after_its_time() {
    let lab = SimLab::with(|_, _| {});
    let mut alice = lab.handset("alice");
    let mut bob = lab.handset("bob");
    makes_club(&mut alice, &[("RequireInvitation", "T")]);
    let mut request = invite(InviteType::Group, &["bob"]);
    request.validity_s = Some(60);
    alice.done(request.clone());
    let first = bob.hear_invitation();
    lab.pass(Duration::from_secs(59));
    alice.done(InviteRequest {
        id: "later".to_owned(),
        ..request
    });
    let second = bob.hear_invitation();
    lab.pass(Duration::from_secs(2));
    assert_eq!(bob.code(answer(&first.id, true)), 423);
    bob.done(answer(&second.id, true));
    assert!(hears_answer(&mut alice).acceptance);
    // To have accepted is not enough when one does not come.
    lab.pass(Duration::from_secs(58));
    assert_eq!(bob.code(join()), 816);
    // What is over is held against nobody.
    alice.done(LogoutRequest {});
    bob.done(LogoutRequest {});
    lab.settled();
}

/// Invitations of all sorts draw on one credit (RFC 5363).
#[test]
fn a_user_has_only_so_many_invitations_open() {
    let lab = Lab::with(|_, policy| policy.focus.fan_out_credit = 2);
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut carol = Handset::on(&lab, "carol");
    alice.done(invite(InviteType::Im, &["bob", "carol"]));
    assert_eq!(alice.code(invite(InviteType::Im, &["bob"])), 902);
    // Another has credit of their own.
    carol.done(invite(InviteType::Im, &["alice"]));
    let told = bob.hear_invitation();
    bob.done(answer(&told.id, true));
    assert_eq!(alice.code(invite(InviteType::Im, &["bob", "carol"])), 902);
    alice.done(invite(InviteType::Im, &["bob"]));
    alice.done(cancel(None));
    alice.done(invite(InviteType::Im, &["bob", "carol"]));
    // What reaches nobody costs nothing.
    alice.done(cancel(None));
    for _ in 0..5 {
        assert_eq!(alice.code(invite(InviteType::Im, &["nobody", "dave"])), 531);
    }
    alice.done(invite(InviteType::Im, &["bob", "carol"]));
}
