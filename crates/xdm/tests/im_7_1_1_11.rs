//! IM 7.1.1.11: what a client makes of the NOTIFYs of one subscription.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use xdm::conference_info::{
    Change, Conference, MAX_BYTES, Member, NotApplied, Presence, Roster, Status, UserXml, read,
};

/// A document: its attributes, and its users as `<users>`'s attributes and content.
fn document(attributes: &str, users: &str) -> String {
    format!(
        "<conference-info xmlns='urn:ietf:params:xml:ns:conference-info' entity='sip:g@h' \
         {attributes}><users {users}</users></conference-info>"
    )
}

/// `a`: the user `sip:a@h`, whose one endpoint has this status.
fn user(name: &str, status: &str) -> String {
    format!(
        "<user entity='sip:{name}@h'><display-text>{name}</display-text>\
         <endpoint entity='{name}'><status>{status}</status></endpoint></user>"
    )
}

/// What a document did, in few letters: `+a` joined, `?a` alerting, `-a` left, `=a` updated; `!`
/// after the subscriber's own; the error otherwise.
fn feed(roster: &mut Roster, document: &str) -> String {
    let document = read(document.as_bytes(), MAX_BYTES).unwrap();
    match roster.apply(document) {
        Ok(changes) => changes.iter().map(short).collect::<Vec<_>>().join(" "),
        Err(NotApplied::Gap { have, got }) => format!("gap {have:?} {got:?}"),
        Err(NotApplied::TooLarge { .. }) => "too large".to_owned(),
    }
}

fn short(change: &Change) -> String {
    let (sign, member) = match change {
        Change::Alerting(member) => ('?', member),
        Change::Ended => return "ended".to_owned(),
        Change::Joined(member) => ('+', member),
        Change::Left(member) => ('-', member),
        Change::Updated(member) => ('=', member),
    };
    format!("{sign}{}", name(member))
}

fn name(member: &Member) -> String {
    let name = member
        .entity
        .trim_start_matches("sip:")
        .trim_end_matches("@h");
    format!("{name}{}", if member.is_own { "!" } else { "" })
}

fn names(roster: &Roster) -> String {
    let names: Vec<_> = roster
        .members()
        .map(|m| match m.presence {
            Presence::Alerting => format!("({})", name(&m)),
            Presence::Joined => name(&m),
            Presence::Left => panic!("{m:?} is still there"),
        })
        .collect();
    names.join(" ")
}

fn full(version: u32, users: &[&str]) -> String {
    document(
        &format!("state='full' version='{version}'"),
        &format!(">{}", users.concat()),
    )
}

fn partial(version: u32, users: &[&str]) -> String {
    document(
        &format!("state='partial' version='{version}'"),
        &format!("state='partial'>{}", users.concat()),
    )
}

#[test]
fn im_7_1_1_11_ntfy_s1_documents_merge_by_version() {
    let [a, b, c] = ["a", "b", "c"].map(|name| user(name, "connected"));
    let b_rings = user("b", "alerting");
    let b_left = user("b", "disconnected");
    let mut roster = Roster::new(vec![]);
    // (why, document, what it does, who is there then)
    let story = [
        (
            "the first must be full",
            partial(3, &[&c]),
            "gap None Some(3)",
            "",
        ),
        (
            "any number starts",
            full(3, &[&a, &b_rings]),
            "+a ?b",
            "a (b)",
        ),
        ("the next", partial(4, &[&b]), "+b", "a b"),
        ("the same again is dropped", partial(4, &[&c]), "", "a b"),
        ("an older full one is dropped", full(4, &[&c]), "", "a b"),
        (
            "one was missed",
            partial(6, &[&c]),
            "gap Some(4) Some(6)",
            "a b",
        ),
        (
            "still missed",
            partial(7, &[&c]),
            "gap Some(4) Some(7)",
            "a b",
        ),
        ("the refresh", full(7, &[&b, &c]), "+c -a", "b c"),
        ("nothing new", partial(8, &[&c]), "", "b c"),
        ("shown once as left", partial(9, &[&b_left]), "-b", "c"),
        (
            "came and went between two",
            partial(10, &[&b_left]),
            "-b",
            "c",
        ),
        (
            "a snapshot tells no old news",
            full(12, &[&b_left, &c]),
            "",
            "c",
        ),
        (
            "back again",
            partial(13, &[&b_rings, &a]),
            "?b +a",
            "a (b) c",
        ),
    ];
    for (why, document, want, there) in story {
        assert_eq!(feed(&mut roster, &document), want, "{why}");
        assert_eq!(names(&roster), there, "{why}");
    }
}

/// (what, the attributes and users of a partial document, what is told, who is there then)
type Merge = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const MERGES: &[Merge] = &[
    ("a second device changes nothing",         "A<endpoint entity='2'><status>alerting</status></endpoint></user>", "", "a b"),
    ("the first goes, the second rings",        "A<endpoint entity='a' state='deleted'/></user>", "?a", "(a) b"),
    ("a partial endpoint without news",         "A<endpoint entity='2' state='partial'/></user>", "", "(a) b"),
    ("it is picked up",                         "A<endpoint entity='2' state='partial'><status>connected</status></endpoint></user>", "+a", "a b"),
    ("a name alone",                            "A<display-text>Al</display-text></user>", "=a", "a b"),
    ("going is not gone",                       "A<endpoint entity='2'><status>disconnecting</status></endpoint></user>", "", "a b"),
    ("the last device is removed",              "A<endpoint entity='2' state='deleted'/></user>", "-a", "b"),
    ("back without any device",                 "A</user>", "+a", "a b"),
    ("the user is removed",                     "state='partial'><user entity='sip:a@h' state='deleted'/>", "-a", "b"),
    ("removed again",                           "state='partial'><user entity='sip:a@h' state='deleted'/>", "", "b"),
    ("full users in a partial document",        "><user entity='sip:c@h'/>", "+c -b", "c"),
    ("keys are compared octet for octet",       "state='partial'><user entity='SIP:c@h'/>", "+SIP:c", "SIP:c c"),
    ("twice in one document: the later holds",  "state='partial'>DTWICE", "?d", "SIP:c c (d)"),
    ("users deleted",                           "state='deleted'>", "-SIP:c -c -d", ""),
];

#[test]
fn im_7_1_1_11_ntfy_s1_elements_merge_by_state_and_key() {
    let twice = format!("{}{}", user("d", "connected"), user("d", "alerting"));
    let mut roster = Roster::new(vec![]);
    let start = full(0, &[&user("a", "connected"), &user("b", "connected")]);
    assert_eq!(feed(&mut roster, &start), "+a +b");
    for (version, (why, users, want, there)) in (1..).zip(MERGES) {
        // A: a user element of a's, partial, up to what is in it.
        let users = match users.strip_prefix('A') {
            Some(rest) => format!("state='partial'><user entity='sip:a@h' state='partial'>{rest}"),
            None => users.replace("DTWICE", &twice),
        };
        let partial = document(&format!("state='partial' version='{version}'"), &users);
        assert_eq!(feed(&mut roster, &partial), *want, "{why}");
        assert_eq!(names(&roster), *there, "{why}");
    }
}

#[test]
fn every_status_says_who_is_in() {
    let rows = [
        ("connected", "+a"),
        ("on-hold", "+a"),
        ("muted-via-focus", "+a"),
        ("disconnecting", "+a"),
        ("invented", "+a"),
        ("pending", "?a"),
        ("alerting", "?a"),
        ("dialing-in", "?a"),
        ("dialing-out", "?a"),
        ("disconnected", ""),
    ];
    for (status, want) in rows {
        let mut roster = Roster::new(vec![]);
        assert_eq!(
            feed(&mut roster, &full(0, &[&user("a", status)])),
            want,
            "{status}"
        );
    }
}

#[test]
fn im_7_1_1_11_ntfy_s2a_the_mark_names_the_own_user() {
    let mut roster = Roster::new(vec!["sip:a@h".to_owned()]);
    // Anonymous, so that the entity could not tell.
    let marked = "<user entity='sip:anonymous1@h' yourown='true'/>".to_owned();
    let a = user("a", "connected");
    assert_eq!(
        feed(&mut roster, &full(0, &[&a, &marked])),
        "+a +anonymous1!"
    );
    // A server that marks once is remembered.
    let renamed =
        "<user entity='sip:anonymous1@h'><display-text>me</display-text></user>".to_owned();
    assert_eq!(feed(&mut roster, &partial(1, &[&renamed])), "=anonymous1!");
    assert_eq!(roster.own().unwrap().entity, "sip:anonymous1@h");
    assert_eq!(feed(&mut roster, &full(2, &[&a])), "-anonymous1!");
    assert_eq!(roster.own(), None);
}

#[test]
fn im_7_1_1_11_ntfy_s2b_else_the_entity_does() {
    let mut roster = Roster::new(vec!["tel:+1555".to_owned(), "sip:b@h".to_owned()]);
    let users = [user("a", "connected"), user("b", "connected")];
    assert_eq!(
        feed(&mut roster, &full(0, &[&users[0], &users[1]])),
        "+a +b!"
    );
    assert_eq!(roster.own().unwrap().entity, "sip:b@h");
    assert_eq!(
        feed(&mut roster, &partial(1, &[&user("b", "disconnected")])),
        "-b!"
    );
}

#[test]
fn the_end_is_final_but_for_a_newer_full_document() {
    let a = user("a", "connected");
    let end = |version: u32| document(&format!("state='deleted' version='{version}'"), ">");
    let mut roster = Roster::new(vec![]);
    assert_eq!(feed(&mut roster, &full(5, &[&a])), "+a");
    let story = [
        (end(5), "", "a"),
        (end(9), "ended", ""),
        (end(10), "", ""),
        (partial(10, &[&a]), "", ""),
        (full(9, &[&a]), "", ""),
        (full(11, &[&a]), "+a", "a"),
    ];
    for (document, want, there) in story {
        assert_eq!(feed(&mut roster, &document), want, "{document}");
        assert_eq!(names(&roster), there, "{document}");
    }
}

#[test]
fn a_server_without_versions_is_taken_in_order_of_arrival() {
    let [a, b] = ["a", "b"].map(|name| user(name, "connected"));
    let change =
        |attributes: &str, user: &str| document(attributes, &format!("state='partial'>{user}"));
    let mut roster = Roster::new(vec![]);
    assert_eq!(feed(&mut roster, &document("", &format!(">{a}"))), "+a");
    assert_eq!(feed(&mut roster, &change("state='partial'", &b)), "+b");
    // It cannot be placed.
    let placed = change("state='partial' version='7'", &b);
    assert_eq!(feed(&mut roster, &placed), "gap None Some(7)");
    assert_eq!(feed(&mut roster, &full(7, &[&a])), "-b");
    assert_eq!(
        feed(&mut roster, &change("state='partial'", &b)),
        "gap Some(7) None"
    );
}

#[test]
fn the_greatest_version_is_followed_by_a_full_document_only() {
    let a = user("a", "connected");
    let mut roster = Roster::new(vec![]);
    assert_eq!(feed(&mut roster, &full(u32::MAX, &[&a])), "+a");
    assert_eq!(feed(&mut roster, &partial(0, &[])), "");
    let unversioned = document("state='partial'", "state='partial'>");
    assert_eq!(feed(&mut roster, &unversioned), "gap Some(4294967295) None");
}

#[test]
fn a_new_subscription_starts_over_and_compares() {
    let [a, b] = ["a", "b"].map(|name| user(name, "connected"));
    let mut roster = Roster::new(vec![]);
    assert_eq!(feed(&mut roster, &full(40, &[&a, &b])), "+a +b");
    roster.resubscribed();
    assert_eq!(feed(&mut roster, &partial(41, &[])), "gap None Some(41)");
    assert_eq!(names(&roster), "a b");
    assert_eq!(feed(&mut roster, &full(0, &[&b])), "-a");
}

#[test]
fn a_server_cannot_fill_the_memory() {
    let mut roster = Roster::new(vec![]);
    assert_eq!(feed(&mut roster, &full(0, &[])), "");
    let long = "x".repeat(150_000);
    let mut version = 0;
    let refused = loop {
        let more = user(&format!("{version}{long}"), "connected");
        let got = feed(&mut roster, &partial(version + 1, &[&more]));
        if !got.starts_with('+') {
            break got;
        }
        version += 1;
        assert!(version < 20, "no limit");
    };
    assert_eq!(refused, "too large");
    // Nothing changed, and what fits goes on.
    assert_eq!(roster.members().count(), version as usize);
    assert_eq!(
        feed(
            &mut roster,
            &partial(version + 1, &[&user("a", "connected")])
        ),
        "+a"
    );
    // Whoever leaves makes room.
    assert_eq!(
        feed(&mut roster, &full(90, &[&user("a", "connected")]))
            .matches('-')
            .count(),
        version as usize
    );
    assert!(feed(&mut roster, &partial(91, &[&user(&long, "connected")])).starts_with('+'));
}

#[test]
fn whoever_changes_or_leaves_makes_room() {
    let long = "x".repeat(150_000);
    let mut roster = Roster::new(vec![]);
    assert_eq!(feed(&mut roster, &full(0, &[])), "");
    for version in 1..40 {
        let status = match version % 4 {
            0 => "disconnected",
            1 | 2 => "connected",
            _ => "alerting",
        };
        let got = feed(&mut roster, &partial(version, &[&user(&long, status)]));
        assert_ne!(got, "too large", "version {version}");
    }
}

/// RFC 4575 sections 4.6 and 5.5.1: a full state that says how many there are and lists fewer is
/// told in pieces. Who is missing has not left before all are named.
#[test]
fn rfc_4575_5_5_1_a_refresh_in_pieces_is_no_exodus() {
    let conference = Conference::new("sip:room@h");
    let user = |name: &str| UserXml::new(&format!("sip:{name}@h"), None, Status::Connected);
    let (alice, bob, carol, dave) = (user("alice"), user("bob"), user("carol"), user("dave"));
    let mut roster = Roster::new(Vec::new());
    let mut apply = |body: Vec<u8>| {
        let document = read(&body, MAX_BYTES).unwrap();
        let changes = roster.apply(document).unwrap();
        let told: Vec<_> = changes
            .iter()
            .map(|change| match change {
                Change::Joined(member) => format!("+{}", member.entity),
                Change::Left(member) => format!("-{}", member.entity),
                other => panic!("{other:?}"),
            })
            .collect();
        (told.join(" "), roster.members().count())
    };
    let all = [&alice, &bob, &carol];
    assert_eq!(apply(conference.full(0, &all, None)).1, 3);
    // alice and bob are still there, dave has come, carol has gone.
    let first = apply(conference.beginning(1, &[&alice], None, 3));
    assert_eq!(first, (String::new(), 3));
    assert_eq!(
        apply(conference.partial(2, &[&dave], None)),
        ("+sip:dave@h".to_owned(), 4)
    );
    assert_eq!(
        apply(conference.partial(3, &[&bob], None)),
        ("-sip:carol@h".to_owned(), 3)
    );
    // Without a count, or with all of them, who is missing has left.
    assert_eq!(
        apply(conference.beginning(4, &[&alice, &bob], None, 2)),
        ("-sip:dave@h".to_owned(), 2)
    );
    assert_eq!(
        apply(conference.full(5, &[&bob], None)),
        ("-sip:alice@h".to_owned(), 1)
    );
}
