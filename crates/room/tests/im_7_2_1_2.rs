//! Opening a room and what its host hears: IM 7.2.1.2, and the invitations of 7.2.2.2.

mod cast;

use cast::{Story, ann, group, one_to_one, refused};
use room::{Answer, Host, Refusal, Rules};

/// (rule or, where no rule speaks, the matter; the rules of the room; who is invited; the story;
/// what its last line brings about)
type Row = (
    &'static str,
    fn() -> Rules,
    &'static str,
    &'static str,
    &'static str,
);

fn at_once() -> Rules {
    Rules {
        answer: Answer::AtOnce,
        ..group()
    }
}

fn nobody_hides() -> Rules {
    Rules {
        allow_hidden: false,
        ..group()
    }
}

fn three_at_least() -> Rules {
    Rules {
        fewest: 3,
        ..group()
    }
}

fn two_at_once() -> Rules {
    Rules {
        answer: Answer::AtOnce,
        ..one_to_one()
    }
}

#[rustfmt::skip]
const STORIES: &[Row] = &[
    // The host is answered once, by the first guest who comes.
    ("IM-7.2.1.2-OK-S1", group, "ben cleo", "ben joins 2", "answer host; changed ben"),
    ("IM-7.2.1.2-OK-S1", group, "ben cleo", "ben joins 2; cleo joins 3", "changed cleo"),
    ("IM-7.2.1.2-OK-S1", group, "ben cleo", "ben refuses 486; cleo joins 3", "answer host; changed cleo"),
    ("IM-7.2.1.2-OK-S1", group, "ben cleo", "ben joins 2; host arrives 1", "changed ann"),
    ("IM-7.2.1.2-OK-S1", group, "ben cleo", "ben joins 2; host arrives 1; host arrives 1", ""),
    ("IM-7.2.1.2-OK-S1", group, "ben", "host arrives 1", "no: NotInvited"),
    ("IM-7.2.1.2-OK-S1", group, "ben", "ann enters 9", "no: NotInvited"),
    ("IM-7.2.1.2-OK-S1", group, "ben", "ben joins 2; ann enters 9", "no: NotInvited"),
    ("IM-7.2.1.2-OK-S1", at_once, "ben cleo", "ben joins 2", "changed ben"),
    ("IM-7.2.1.2-OK-S1", at_once, "ben cleo", "host arrives 1", "changed ann"),
    ("IM-7.2.1.2-OK-S1", at_once, "ben cleo", "ben rings", "changed ben"),
    ("IM-7.2.1.2-OK-S1", one_to_one, "ben", "ben joins 2; host arrives 1", "changed ann"),

    // The first device that rings is heard by the host, and no other.
    ("ring", group, "ben cleo", "ben rings", "changed ben; ring host"),
    ("ring", group, "ben cleo", "ben rings; ben rings", ""),
    ("ring", group, "ben cleo", "ben rings; cleo rings", "changed cleo"),
    ("ring", group, "ben cleo", "ben joins 2; cleo rings", "changed cleo"),

    // Everybody refuses: the host hears the lowest cause, once everybody has.
    ("IM-7.2.1.2-FAIL-S1", group, "ben cleo", "ben refuses 486", ""),
    ("IM-7.2.1.2-FAIL-S1", group, "ben cleo", "ben refuses 486; ben refuses 404", ""),
    ("IM-7.2.1.2-FAIL-S1", group, "ben", "ben refuses 486", "refuse host 486; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S1", group, "ben", "ben rings; ben refuses 603", "changed ben; refuse host 603; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S1a", group, "ben cleo", "ben refuses 486; cleo refuses 603", "refuse host 486; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S1a", group, "ben cleo", "ben refuses 603; cleo refuses 486", "refuse host 486; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S1a", group, "ben cleo", "ben refuses 486; wait 120", "cancel cleo; refuse host 408; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S1a", group, "ben cleo", "ben refuses 404; wait 120", "cancel cleo; refuse host 404; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S1a", group, "ben cleo", "wait 120", "cancel ben; cancel cleo; refuse host 408; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S1a", group, "ben cleo", "wait 119", ""),

    // Everybody refuses a host who is already in.
    ("IM-7.2.1.2-FAIL-S2", at_once, "ben cleo", "host arrives 1; ben refuses 486", ""),
    ("IM-7.2.1.2-FAIL-S2", at_once, "ben cleo", "host arrives 1; ben refuses 486; cleo refuses 603", "release 1 NobodyJoined; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S2", at_once, "ben", "host arrives 1; wait 120", "cancel ben; release 1 NobodyJoined; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S2", at_once, "ben", "ben refuses 486", "closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S2", at_once, "ben", "ben refuses 486; host arrives 1", "no: Closed"),
    ("IM-7.2.1.2-FAIL-S2", two_at_once, "ben", "host arrives 1; ben refuses 486", "release 1 NobodyJoined; closed NobodyJoined"),
    ("IM-7.2.1.2-FAIL-S2", at_once, "ben cleo", "host arrives 1; ben joins 2; 2 leaves; cleo refuses 486", ""),

    // Hiding without leave.
    ("IM-7.2.2.2-OK-S3a", nobody_hides, "ben cleo", "ben joins 2 hidden", "release 2 Hidden"),
    ("IM-7.2.2.2-OK-S3a", nobody_hides, "ben cleo", "ben rings; ben joins 2 hidden", "release 2 Hidden; changed ben"),
    ("IM-7.2.2.2-OK-S3a", nobody_hides, "ben", "ben joins 2 hidden", "release 2 Hidden; refuse host 433; closed NobodyJoined"),
    ("IM-7.2.2.2-OK-S3a", nobody_hides, "ben cleo", "ben joins 2 hidden; cleo joins 3", "answer host; changed cleo"),
    ("IM-7.2.2.2-OK-S3a", nobody_hides, "*ben cleo", "ben joins 2", "answer host; changed ben"),
    ("IM-7.2.2.2-OK-S3a", nobody_hides, "*ben cleo", "ben joins 2 hidden", "release 2 Hidden"),
    ("IM 7.2.2.2", group, "ben cleo", "ben joins 2 hidden", "answer host; changed ben"),
    ("IM 7.2.2.2", group, "ben cleo", "ben joins 2 hidden; forbid hiding", "release 2 Hidden; changed ben"),
    ("IM 7.2.2.2", group, "*ben cleo", "ben joins 2; forbid hiding", ""),
    ("IM-7.2.2.2-OK-S3c", group, "ben cleo", "ben rings; ben joins 2 hidden", "answer host; concealed ben; changed ben; changed ben"),

    // Who comes when it is over, or twice.
    ("late", group, "ben cleo", "ben joins 2; ben joins 2", ""),
    ("late", group, "ben cleo", "ben joins 2; ben joins 3", "release 3 InvitationOver"),
    ("late", group, "ben cleo", "ben refuses 486; ben joins 2", "release 2 InvitationOver"),
    ("late", group, "ben cleo", "ben joins 2; wait 120; cleo joins 3", "release 3 InvitationOver"),
    ("late", group, "ben cleo", "ben joins 2; wait 120; cleo refuses 487", ""),
    ("late", group, "ben cleo", "ben joins 2; ben refuses 486", ""),
    ("late", group, "ben cleo", "ben joins 2; ben rings", ""),
    ("late", group, "ben cleo", "ben joins 2; host arrives 1; host arrives 4", "release 4 InvitationOver"),
    ("late", group, "ben cleo", "zoe joins 9", "no: Unknown"),
    ("late", group, "ben cleo", "zoe rings", "no: Unknown"),
    ("late", group, "ben cleo", "zoe refuses 404", "no: Unknown"),
    ("late", group, "ben cleo", "9 leaves", ""),

    // The host gives up.
    ("withdraw", group, "ben cleo", "host withdraws", "cancel ben; cancel cleo; closed HostWithdrew"),
    ("withdraw", group, "ben cleo", "ben joins 2; host withdraws", "release 2 HostWithdrew; cancel cleo; closed HostWithdrew"),
    ("withdraw", group, "ben cleo", "ben joins 2; host arrives 1; host withdraws", ""),
    ("withdraw", group, "ben cleo", "host withdraws; ben joins 2", "no: Closed"),
    ("withdraw", group, "ben cleo", "host withdraws; ben refuses 487", ""),

    // How it ends.
    ("end", group, "ben", "ben joins 2; host arrives 1; 1 leaves", "changed ann"),
    ("end", group, "ben", "ben joins 2; host arrives 1; 1 leaves; 2 leaves", "changed ben; closed Empty"),
    ("end", group, "ben", "ben joins 2; host arrives 1; 2 leaves", "changed ben"),
    ("end", group, "ben", "ben joins 2; 2 leaves; host arrives 1", "changed ann"),
    ("end", one_to_one, "ben", "ben joins 2; host arrives 1; 2 leaves", "changed ben; release 1 TooFew; closed TooFew"),
    ("end", one_to_one, "ben", "ben joins 2; host arrives 1; 1 leaves", "changed ann; release 2 TooFew; closed TooFew"),
    ("end", one_to_one, "ben", "ben joins 2; 2 leaves", "changed ben; closed TooFew"),
    ("end", two_at_once, "ben", "host arrives 1; 1 leaves", "changed ann; cancel ben; closed TooFew"),
    ("end", at_once, "ben", "host arrives 1; 1 leaves", "changed ann"),
    ("end", at_once, "ben", "host arrives 1; 1 leaves; ben refuses 486", "closed Empty"),
    ("end", three_at_least, "ben cleo", "ben joins 2; host arrives 1; cleo refuses 486", "release 1 TooFew; release 2 TooFew; closed TooFew"),
    ("end", group, "ben cleo", "close", "refuse host 480; cancel ben; cancel cleo; closed Ended"),
    ("end", group, "ben cleo", "ben joins 2; host arrives 1; close", "release 1 Ended; release 2 Ended; cancel cleo; closed Ended"),
    ("end", group, "ben cleo", "close; close", ""),
    ("end", group, "ben cleo", "close; wait 500", ""),
    ("end", group, "ben cleo", "close; forbid hiding", ""),
    ("end", group, "ben cleo", "close; ben removed", "no: Closed"),
];

#[test]
fn stories() {
    for (rule, rules, list, script, want) in STORIES {
        let (mut story, _) = Story::open(rules(), list);
        assert_eq!(story.play(script), *want, "{rule}: {script}");
    }
}

/// (rule, the rules of the room, who is invited, what is done at once)
type Opening = (&'static str, fn() -> Rules, &'static str, &'static str);

#[rustfmt::skip]
const OPENINGS: &[Opening] = &[
    ("IM-7.2.1.2-S0", one_to_one, "ben", "invite ben"),
    ("IM-7.2.1.2-S9", group, "ben cleo dave", "invite ben; invite cleo; invite dave"),
    ("IM-7.2.1.2-S8", group, "ben ann cleo ben ann", "invite ben; invite cleo"),
    ("IM-7.2.1.2-OK-S1", at_once, "ben", "answer host; invite ben"),
];

#[test]
fn openings() {
    for (rule, rules, list, want) in OPENINGS {
        let (story, actions) = Story::open(rules(), list);
        assert_eq!(story.told(&actions), *want, "{rule}: {list}");
        assert_eq!(story.seen(), "", "{rule}: nobody is shown yet");
    }
}

#[test]
fn refused_openings_leave_no_room() {
    let shy = || Host {
        hidden: true,
        ..ann()
    };
    let many = "a b c d e";
    let limit = Refusal::TooMany { limit: 4 };
    #[rustfmt::skip]
    let rows: [(&str, Host, Rules, &str, Option<Refusal>); 8] = [
        ("IM-7.2.1.2-S3", shy(), nobody_hides(), "ben", Some(Refusal::Anonymous)),
        ("IM-7.2.1.2-S3", shy(), nobody_hides(), many, Some(Refusal::Anonymous)),
        ("IM-7.2.1.2-S3", shy(), group(), "ben", None),
        ("IM-7.2.1.2-S8a", ann(), group(), many, Some(limit)),
        ("IM-7.2.1.2-S8", ann(), group(), "a b c d ann a", None),
        ("no guests", ann(), group(), "", Some(Refusal::NoGuests)),
        ("no guests", ann(), group(), "ann ann", Some(Refusal::NoGuests)),
        ("no guests", ann(), three_at_least(), "ben", Some(Refusal::NoGuests)),
    ];
    for (rule, host, rules, list, want) in rows {
        assert_eq!(refused(host, rules, list), want, "{rule}: {list}");
    }
}
