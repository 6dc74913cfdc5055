//! By what names handsets know people on devices, who have chosen none for them.

use imps::Primitive;
use imps::csp::{JoinGroupRequest, ScreenName};
use imps::status::Code;

use crate::lab::ask::identity;
use crate::lab::{Ask, Chat, Guest, Handset, Lab};

fn entry(user: &str, display: &str) -> String {
    let name = match display {
        "" => String::new(),
        display => format!("<display-name>{display}</display-name>"),
    };
    format!(r#"<entry uri="sip:{user}@localhost" cp:copyControl="to">{name}</entry>"#)
}

/// Joins as Dave, and sees who is there.
fn joins(dave: &mut Handset, group: &str) -> Vec<String> {
    let request = JoinGroupRequest {
        group: group.to_owned(),
        screen_name: Some(ScreenName {
            name: "Dave".to_owned(),
            group: group.to_owned(),
        }),
        joined_request: true,
        subscribe: true,
        own_properties: Vec::new(),
    };
    let Primitive::JoinGroupResponse(joined) = dave.done(request) else {
        panic!("another answer");
    };
    let people = joined.participants.unwrap().people;
    people.into_iter().map(|one| one.screen_name).collect()
}

/// The handset comes last, when there was nobody for whom the names were of use: and no two of
/// them are the same, whatever their owners are called and have chosen in the meantime.
#[test]
fn people_of_one_name_are_told_apart_by_whoever_comes_later() {
    let lab = Lab::start();
    let (mut alice, bob, carol) = (lab.phone("alice"), lab.phone("bob"), lab.phone("carol"));
    let mut dave = Handset::on(&lab, "dave");
    let entries = [
        entry("bob", "sam"),
        entry("carol", "Kim"),
        entry("dave", ""),
    ];
    let mut ask = Ask::guests(&[]).with_entries(&entries.concat());
    ask.from = "\"Sam\" <sip:alice@localhost>".to_owned();
    let call_id = ask.send(&mut alice);
    let group = dave.hear_invitation().group.unwrap();
    let mut bob = Guest::joins(bob, "");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    let mut carol = Guest::joins(carol, "");
    // The one called Sam chooses the name of carol.
    let tid = chat.frame("NICKNAME", "Use-Nickname: \"KIM\"\r\n", "", '$');
    assert_eq!(chat.answer(), (tid, 200));

    let mut names = joins(&mut dave, &group);
    names.sort_unstable();
    assert_eq!(names, ["Dave", "KIM", "carol@localhost", "sam"]);

    // Whoever was there is no news, and leaves under the name they had.
    let sent = dave.whisper(&group, "sam", "psst");
    assert_eq!(sent.outcome.code, Code::SUCCESSFUL);
    assert_eq!(bob.chat.hear().2, "psst");
    carol.leaves();
    let notice = dave.hear_notice();
    assert_eq!(notice.joined, None);
    assert_eq!(
        notice.left.unwrap().people[0].screen_name,
        "carol@localhost"
    );
}

/// From the name of another it is not to be seen who is hidden: neither by a handset that comes
/// later, nor by one that was there before them.
#[test]
fn whoever_is_hidden_takes_nobody_s_name() {
    let lab = Lab::start();
    let (mut alice, bob, erin) = (lab.phone("alice"), lab.phone("bob"), lab.phone("erin"));
    let (mut other, carol) = (lab.phone("bob"), lab.phone("carol"));
    let mut dave = Handset::on(&lab, "dave");
    let entries = [
        entry("bob", "Carol"),
        entry("erin", "ALICE"),
        entry("dave", ""),
    ];
    let ask = Ask::guests(&[]).with_entries(&entries.concat());
    let call_id = ask.with("Privacy: id\r\n").send(&mut alice);
    let group = dave.hear_invitation().group.unwrap();
    let _bob = Guest::joins(bob, "");
    let ok = alice.final_response(&call_id);
    alice.ack(&ok, "");
    let _erin = Guest::joins(erin, "");
    let mut people = joins(&mut dave, &group);
    people.sort_unstable();
    assert_eq!(people, ["ALICE", "Carol", "Dave", "anonymous1"]);

    // Whoever is called Carol hides, and carol comes.
    let mut ask = Ask::guests(&[]).with("Privacy: id\r\n");
    (ask.uri, ask.list) = (identity(&ok), String::new());
    let call_id = ask.send(&mut other);
    let hidden = other.final_response(&call_id);
    assert_eq!(hidden.status(), 200);
    other.ack(&hidden, "");
    let changed = dave.hear_notice();
    assert_eq!(changed.left.unwrap().people[0].screen_name, "Carol");
    assert_eq!(changed.joined.unwrap().people[0].screen_name, "anonymous2");
    let uri = identity(&ok);
    let contact = alice.contact();
    let headers = format!(
        "Contact: {contact}\r\nRefer-To: <sip:carol@localhost>\r\nRefer-Sub: false\r\nSupported: norefersub\r\n"
    );
    assert_eq!(alice.request("REFER", &uri, &headers, "").status(), 202);
    let _carol = Guest::joins(carol, "");
    let joined = dave.hear_notice().joined.unwrap();
    assert_eq!(joined.people[0].screen_name, "carol");
}
