//! By what names handsets know people on devices, who have chosen none for them.

use imps::status::Code;

use crate::lab::ask::identity;
use crate::lab::club::{joins_in, names, news};
use crate::lab::{Ask, Chat, Guest, Handset, Lab};

const CAROL: &str = "sip:carol@localhost";
const ERIN: &str = "sip:erin@localhost";

fn entry(user: &str, display: &str) -> String {
    let name = match display {
        "" => String::new(),
        display => format!("<display-name>{display}</display-name>"),
    };
    format!(r#"<entry uri="sip:{user}@localhost" cp:copyControl="to">{name}</entry>"#)
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
    assert_eq!(carol.chat.say_and_wait(CAROL, &identity(&ok), "here"), 200);
    assert_eq!(
        (chat.hear().2, bob.chat.hear().2),
        ("here".to_owned(), "here".to_owned())
    );
    // The one called Sam chooses the name of carol.
    let tid = chat.frame("NICKNAME", "Use-Nickname: \"KIM\"\r\n", "", '$');
    assert_eq!(chat.answer(), (tid, 200));

    let people = joins_in(&mut dave, &group, "Dave").participants.unwrap();
    let mut called = names(&people);
    called.sort_unstable();
    assert_eq!(called, ["Dave", "KIM", "carol@localhost", "sam"]);

    // Whoever was there is no news, and leaves under the name they had.
    let sent = dave.whisper(&group, "sam", "psst");
    assert_eq!(sent.outcome.code, Code::SUCCESSFUL);
    assert_eq!(bob.chat.hear().2, "psst");
    carol.leaves();
    assert_eq!(news(&dave.hear_notice()), (vec![], vec!["carol@localhost"]));
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
    let mut erin = Guest::joins(erin, "");
    assert_eq!(erin.chat.say_and_wait(ERIN, &identity(&ok), "here"), 200);
    let people = joins_in(&mut dave, &group, "Dave").participants.unwrap();
    let mut called = names(&people);
    called.sort_unstable();
    assert_eq!(called, ["ALICE", "Carol", "Dave", "anonymous1"]);

    // Whoever is called Carol hides, and carol comes.
    let mut ask = Ask::guests(&[]).with("Privacy: id\r\n");
    (ask.uri, ask.list) = (identity(&ok), String::new());
    let call_id = ask.send(&mut other);
    let hidden = other.final_response(&call_id);
    assert_eq!(hidden.status(), 200);
    other.ack(&hidden, "");
    assert_eq!(
        news(&dave.hear_notice()),
        (vec!["anonymous2"], vec!["Carol"])
    );
    let uri = identity(&ok);
    let contact = alice.contact();
    let headers = format!(
        "Contact: {contact}\r\nRefer-To: <sip:carol@localhost>\r\nRefer-Sub: false\r\nSupported: norefersub\r\n"
    );
    assert_eq!(alice.request("REFER", &uri, &headers, "").status(), 202);
    let _carol = Guest::joins(carol, "");
    assert_eq!(news(&dave.hear_notice()), (vec!["carol"], vec![]));
}
