//! A conversation of two that grows (CSP 9.1.11): the peer first, alone, and then the others.

mod cast;

use std::time::Duration;

use cast::{RING, Story, ann, epoch, guests};
use room::{Address, Audience, Cause, LegId, Nick, Peer, Refusal, Room, Rules};

/// IMPS-9.1.11-S9, IMPS-9.1.11-S10, IMPS-9.1.11-S12: what an extended conversation allows.
fn extended() -> Rules {
    Rules {
        allow_hidden: false,
        allow_whisper: false,
        unanswered: Cause(410),
        ended: Cause(410),
        ..cast::group()
    }
}

/// `ann` talks with `ben` and wants the people of `list` as well.
fn extend(rules: Rules, able: bool, list: &str) -> Result<(Story, String), Refusal> {
    let mut out = Vec::new();
    let peer = Peer {
        guest: guests(["ben"]).remove(0),
        able,
    };
    let guests = guests(list.split_whitespace());
    let room = Room::extend(ann(), peer, guests, rules, epoch(), &mut out);
    assert_eq!(room.is_err(), out.is_empty(), "{list}");
    let story = Story {
        room: room?,
        now: epoch(),
    };
    let told = story.told(&out);
    Ok((story, told))
}

/// (rule, the others, the story, what its last line brings about)
type Row = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const STORIES: &[Row] = &[
    // The peer is in: the host is answered, and nobody else asked yet.
    ("IMPS-9.1.11-S24", "cleo dave", "ben joins 2", "answer host; changed ben"),
    // IMPS-9.1.11-S26: both are in. Now the others are.
    ("IMPS-9.1.11-S33", "cleo dave", "ben joins 2; host arrives 1", "changed ann; invite cleo; invite dave"),
    ("IMPS-9.1.11-S34", "cleo dave", "cleo unable 546", "pass over cleo 546"),
    ("IMPS-9.1.11-S35", "cleo dave", "cleo unable 546; ben joins 2; host arrives 1", "changed ann; invite dave"),
    ("IMPS-9.1.11-S35", "cleo", "cleo unable 546; ben joins 2; host arrives 1", "changed ann"),
    // Only who waits is passed over.
    ("IMPS-9.1.11-S34", "cleo", "ben unable 546", ""),
    ("IMPS-9.1.11-S34", "cleo", "ben joins 2; host arrives 1; cleo unable 546", ""),
    // The peer does not come: nobody else was ever asked.
    ("IMPS-9.1.11-S32", "cleo dave", "wait 120", "cancel ben; refuse host 410; closed NobodyJoined"),
    ("IMPS-9.1.11-S30", "cleo dave", "wait 120; ben joins 2", "no: Closed"),
    ("IMPS-9.1.11-S32", "cleo", "ben refuses 410", "refuse host 410; closed NobodyJoined"),
    ("IMPS-9.1.11-S32", "cleo", "host withdraws", "cancel ben; closed HostWithdrew"),
    ("IMPS-9.1.11-S32", "cleo", "ben joins 2; host withdraws", "release 2 HostWithdrew; closed HostWithdrew"),
    // Who waits has not been invited, and who was never named neither.
    ("IMPS-9.1.11-S10", "cleo", "cleo enters 3", "no: NotInvited"),
    ("IMPS-9.1.11-S10", "cleo", "ben joins 2; host arrives 1; gus enters 3", "no: NotInvited"),
    ("IMPS-9.1.11-S10", "cleo", "ben joins 2; host arrives 1; cleo enters 3", "cancel cleo; changed cleo"),
    // Who was passed over was not invited.
    ("IMPS-9.1.11-S10", "cleo", "cleo unable 546; ben joins 2; host arrives 1; cleo enters 3", "no: NotInvited"),
    // Everybody may bring others, also those who were passed over.
    ("IMPS-9.1.11-S9", "cleo", "ben joins 2; host arrives 1; 2 refers gus", "invite gus"),
    ("IMPS-9.1.11-S9", "cleo", "cleo unable 546; ben joins 2; host arrives 1; 2 refers cleo", "invite cleo"),
    // The room lives until the last has left.
    ("IMPS-9.1.11-S11", "cleo", "cleo unable 546; ben joins 2; host arrives 1; 1 leaves", "changed ann"),
    ("IMPS-9.1.11-S11", "cleo", "cleo unable 546; ben joins 2; host arrives 1; 1 leaves; 2 leaves", "changed ben; closed Empty"),
    // Who goes before the others have come leaves the invitations standing.
    ("IMPS-9.1.11-S33", "cleo", "ben joins 2; host arrives 1; 2 leaves", "changed ben"),
];

#[test]
fn the_peer_comes_first() {
    for (rule, list, script, want) in STORIES {
        let (mut story, told) = extend(extended(), true, list).unwrap();
        // IMPS-9.1.11-S18: the peer is asked as soon as there is a room, and alone.
        assert_eq!(told, "invite ben", "{rule}");
        assert_eq!(story.play(script), *want, "{rule}: {script}");
    }
}

#[test]
fn nothing_is_made_for_a_request_that_cannot_be() {
    let few = Rules {
        max_guests: 2,
        ..extended()
    };
    #[rustfmt::skip]
    let rows = [
        ("IMPS-9.1.11-S15", extended(), false, "cleo",      Some(Refusal::Unsupported)),
        ("IMPS-9.1.11-S14", extended(), true,  "cleo",      None),
        ("IMPS-9.1.11-S1",  extended(), true,  "",          Some(Refusal::NoGuests)),
        ("IMPS-9.1.11-S1",  extended(), true,  "ann ben",   Some(Refusal::NoGuests)),
        ("IMPS-9.1.11-S17", few.clone(), true, "cleo dave", Some(Refusal::TooMany { limit: 2 })),
        ("IMPS-9.1.11-S17", few.clone(), true, "cleo cleo ben", None),
        // The peer's ability comes before everything else.
        ("IMPS-9.1.11-S15", few, false, "cleo dave", Some(Refusal::Unsupported)),
    ];
    for (rule, rules, able, list, want) in rows {
        let got = extend(rules, able, list).err();
        assert_eq!(got, want, "{rule}: {list}");
    }
}

#[test]
fn imps_9_1_11_s12_nobody_whispers() {
    let (mut story, _) = extend(extended(), true, "cleo").unwrap();
    story.play("ben joins 2; host arrives 1");
    let ann = Address::new("ann");
    let nobody = Nick::new("nobody");
    for to in [
        Audience::Address(&ann),
        Audience::Alias(1),
        Audience::Nick(&nobody),
    ] {
        let mut heard = Vec::new();
        let got = story.room.audience(LegId(2), &to, &mut heard);
        assert_eq!((got, heard), (Err(Refusal::NoWhispering), vec![]), "{to:?}");
    }
    let mut heard = Vec::new();
    let got = story
        .room
        .audience(LegId(2), &Audience::Everyone, &mut heard);
    assert_eq!((got, heard), (Ok(()), vec![LegId(1)]));
}

/// IMPS-9.1.11-S28, IMPS-9.1.11-S30: to the moment.
#[test]
fn the_peer_has_so_long_and_no_longer() {
    let (mut story, _) = extend(extended(), true, "cleo").unwrap();
    assert_eq!(story.room.poll_timeout(), Some(epoch() + RING));
    story.now += RING - Duration::from_millis(1);
    assert_eq!(story.play("wait 0"), "");
    assert_eq!(
        story.play("ben joins 2; host arrives 1"),
        "changed ann; invite cleo"
    );
}

/// Whoever grows a conversation hides only where the rules or the document let them.
#[test]
fn a_host_who_may_not_hide_grows_nothing() {
    for (by_rules, by_document) in [(false, false), (true, false), (false, true)] {
        let rules = Rules {
            allow_hidden: by_rules,
            ..extended()
        };
        let host = room::Host {
            hidden: true,
            claim: room::Claim {
                may_hide: by_document,
                ..room::Claim::default()
            },
            ..ann()
        };
        let peer = Peer {
            guest: guests(["ben"]).remove(0),
            able: true,
        };
        let mut out = Vec::new();
        let made = Room::extend(host, peer, guests(["cleo"]), rules, epoch(), &mut out);
        let want = match by_rules || by_document {
            true => Ok(()),
            false => Err(Refusal::Anonymous),
        };
        assert_eq!(made.map(drop), want, "{by_rules} {by_document}");
    }
}
