//! Coming back, bringing others, being taken out: who may, and what the others see.

mod cast;

use cast::{Story, epoch, group, leg};
use room::{Action, Address, Audience, Claim, Event, LEGS_PER_PERSON_MAX, LegId, Refusal, Rules};

/// ben is in with leg 2, ann with leg 1, cleo is being invited.
const BEGUN: &str = "ben joins 2; host arrives 1";

/// (rule or, where no rule speaks, the matter; what goes on after that; what the last line brings
/// about)
#[rustfmt::skip]
const STORIES: &[(&str, &str, &str)] = &[
    // Who may come by themselves.
    ("IM 7.2.1.5", "zoe enters 9", "no: NotInvited"),
    ("IM 7.2.1.5", "ben removed; ben enters 9", "no: Removed"),
    ("IM 7.2.1.5", "cleo refuses 486; cleo enters 9", "changed cleo"),
    ("IM 7.2.1.5", "2 leaves; ben enters 9", "changed ben"),
    ("IM 7.2.1.5", "1 leaves; ann enters 9", "changed ann"),
    ("IM 7.2.1.5", "ben enters 9", ""),
    ("IM 7.2.1.5", "ben enters 9; 2 leaves", ""),
    ("IM 7.2.1.5", "ben enters 9; 2 leaves; 9 leaves", "changed ben"),
    ("IM 7.2.1.5", "ben enters 2", ""),
    ("IM 7.2.1.5", "cleo enters 9", "cancel cleo; changed cleo"),
    ("IM 7.2.1.5", "cleo enters 9; cleo refuses 487", ""),
    ("IM 7.2.1.5", "2 leaves; places 1; ben enters 9", "no: TooMany { limit: 1 }"),
    ("IM 7.2.1.5", "1 leaves; places 1; ann enters 9", "changed ann"),
    ("IM 7.2.1.5", "places 1; ben enters 9", ""),
    ("IM 7.2.1.5", "2 leaves; forbid hiding; ben enters 9 hidden", "no: Anonymous"),
    ("IM 7.2.1.5", "cleo joins 3 hidden; forbid hiding; cleo enters 9", "no: Anonymous"),
    ("IM 7.2.1.5", "cleo joins 3 hidden; cleo removed; forbid hiding; cleo enters 9", "no: Removed"),
    ("IM-7.2.2.2-OK-S3a", "cleo joins 3 hidden; 3 leaves; forbid hiding; 1 refers cleo; cleo joins 4", "release 4 Hidden"),
    ("IM 7.2.1.5", "2 leaves; ben enters 9 hidden", "concealed ben; changed ben"),
    ("IM 7.2.1.5", "ben enters 9 hidden", "concealed ben; changed ben"),

    // Who may bring others.
    ("refer", "1 refers dave erin", "invite dave; invite erin"),
    ("refer", "2 refers dave dave ben", "invite dave"),
    ("refer", "1 refers ben cleo", ""),
    ("refer", "1 refers ann", "no: NoGuests"),
    ("refer", "1 refers", "no: NoGuests"),
    ("refer", "9 refers dave", "no: NotConnected"),
    ("refer", "2 leaves; 2 refers dave", "no: NotConnected"),
    ("refer", "forbid referring; 1 refers dave", "no: MayNotInvite"),
    ("refer", "1 refers dave erin fred", "no: TooMany { limit: 4 }"),
    ("refer", "cleo refuses 486; 1 refers dave erin fred", "invite dave; invite erin; invite fred"),
    ("refer", "cleo refuses 486; 1 refers cleo", "invite cleo"),
    ("refer", "1 leaves; 2 refers ann dave erin", "invite ann; invite dave; invite erin"),
    ("refer", "1 leaves; 2 refers ann; ann joins 8", "changed ann"),
    ("refer", "cleo removed; 1 refers cleo", "no: Removed"),
    ("refer", "cleo removed; 1 refers cleo dave", "invite dave"),
    ("refer", "cleo removed; 1 refers cleo ben", ""),
    ("refer", "places 1; 1 refers ben", ""),

    // The operator takes somebody out.
    ("remove", "ben removed", "release 2 Removed; changed ben"),
    ("remove", "ben enters 9; ben removed", "release 2 Removed; release 9 Removed; changed ben"),
    ("remove", "cleo removed", "cancel cleo"),
    ("remove", "cleo rings; cleo removed", "cancel cleo; changed cleo"),
    ("remove", "cleo removed; cleo joins 3", "release 3 InvitationOver"),
    ("remove", "ann removed", "release 1 Removed; changed ann"),
    ("remove", "ben removed; ben removed", ""),
    ("remove", "zoe removed", "no: Unknown"),
];

#[test]
fn stories() {
    for (rule, script, want) in STORIES {
        let (mut story, _) = Story::open(group(), "ben cleo");
        story.play(BEGUN);
        assert_eq!(story.play(script), *want, "{rule}: {script}");
    }
}

/// (rule, the whole story, what observers see at its end)
#[rustfmt::skip]
const ROSTERS: &[(&str, &str, &str)] = &[
    ("IM-7.2.2.10-S2c2A", BEGUN, "ann Connected; ben Connected"),
    ("IM-7.2.2.10-S2c2D", "ben rings", "ben Alerting"),
    ("IM-7.2.2.10-S2c2D", "ben rings; ben joins 2", "ben Connected"),
    ("IM-7.2.2.10-S2c2B", "ben joins 2; host arrives 1; 2 leaves", "ann Connected; ben Disconnected"),
    ("IM-7.2.2.10-S2c2B", "ben joins 2; cleo rings; cleo refuses 486", "ben Connected; cleo Disconnected"),
    ("IM-7.2.2.10-S2c2B", "ben joins 2; cleo refuses 486", "ben Connected"),
    ("IM-7.2.2.10-S2c2B", "ben joins 2; host arrives 1; ben removed", "ann Connected; ben Disconnected"),
    ("IM-7.2.2.10-S2a4", "ben joins 2 hidden; cleo joins 3 hidden", "anonymous1 Connected; anonymous2 Connected"),
    ("IM-7.2.2.10-S2a4", "cleo joins 3 hidden; ben joins 2 hidden", "anonymous2 Connected; anonymous1 Connected"),
    ("IM-7.2.2.10-S2a4", "cleo joins 3 hidden; ben joins 2; 3 leaves; cleo enters 5", "ben Connected; anonymous1 Connected"),
    ("IM-7.2.2.2-OK-S3c", "ben rings; ben joins 2 hidden", "anonymous1 Connected"),
];

#[test]
fn what_observers_see() {
    for (rule, script, want) in ROSTERS {
        let (mut story, _) = Story::open(group(), "ben cleo");
        story.play(script);
        assert_eq!(story.seen(), *want, "{rule}: {script}");
    }
}

/// (who asks, at which point of the story, whether they may observe)
#[rustfmt::skip]
const OBSERVERS: &[(&str, &str, bool)] = &[
    ("ben", "ben joins 2", true),
    ("ben", "ben rings", false),
    ("ben", "ben joins 2; host arrives 1; 2 leaves", false),
    ("ben", "ben joins 2; host arrives 1; ben removed", false),
    ("ann", "ben joins 2", true),
    ("ann", "ben joins 2; host arrives 1", true),
    ("ann", "ben joins 2; host arrives 1; 1 leaves", false),
    ("zoe", "ben joins 2", false),
    ("ben", "ben joins 2; close", false),
    ("ann", "close", false),
];

#[test]
fn who_may_observe() {
    for (who, script, want) in OBSERVERS {
        let (mut story, _) = Story::open(group(), "ben cleo");
        story.play(script);
        let may = story.room.may_observe(&Address::new(who));
        assert_eq!(may, *want, "{who}: {script}");
    }
}

/// The host (leg 1) is in; ben with legs 2 and 4, cleo hidden with 3, dave was invited, erin left.
const TALK: &str = "ben joins 2; host arrives 1; cleo joins 3 hidden; ben enters 4; \
                    erin joins 5; 5 leaves";

/// (the leg that speaks, to whom, the legs that hear it)
type Heard<'a> = (u64, Audience<'a>, Result<&'a [u64], Refusal>);

#[test]
fn who_hears_what() {
    let address = Address::new;
    let (ann, ben, cleo) = (address("ann"), address("ben"), address("cleo"));
    let (dave, erin, zoe) = (address("dave"), address("erin"), address("zoe"));
    let unknown = Err(Refusal::Unknown);
    #[rustfmt::skip]
    let rows: &[Heard<'_>] = &[
        (1, Audience::Everyone,       Ok(&[2, 3, 4])),
        (2, Audience::Everyone,       Ok(&[1, 3, 4])),
        (3, Audience::Everyone,       Ok(&[1, 2, 4])),
        (5, Audience::Everyone,       Err(Refusal::NotConnected)),
        (9, Audience::Everyone,       Err(Refusal::NotConnected)),
        (9, Audience::Address(&ben),  Err(Refusal::NotConnected)),
        (1, Audience::Address(&ben),  Ok(&[2, 4])),
        (2, Audience::Address(&ben),  Ok(&[4])),
        (2, Audience::Address(&ann),  Ok(&[1])),
        // The hidden are found by their alias alone, and by nobody's address.
        (1, Audience::Alias(1),       Ok(&[3])),
        (1, Audience::Address(&cleo), unknown),
        (3, Audience::Address(&cleo), unknown),
        (1, Audience::Alias(0),       unknown),
        (1, Audience::Alias(2),       unknown),
        (1, Audience::Alias(u32::MAX), unknown),
        // Invited, gone, never there: all the same to the speaker.
        (1, Audience::Address(&dave), unknown),
        (1, Audience::Address(&erin), unknown),
        (1, Audience::Address(&zoe),  unknown),
    ];
    let (mut story, _) = Story::open(group(), "ben cleo dave erin");
    story.play(TALK);
    for (from, to, want) in rows {
        let mut heard = vec![LegId(77)];
        let got = story.room.audience(LegId(*from), to, &mut heard);
        let want_legs = want.unwrap_or(&[]).iter().map(|leg| LegId(*leg));
        let want_legs: Vec<LegId> = [LegId(77)].into_iter().chain(want_legs).collect();
        assert_eq!(got, want.map(|_| ()), "{from} to {to:?}");
        assert_eq!(heard, want_legs, "{from} to {to:?}");
    }
}

#[test]
fn a_hidden_host_has_an_alias_from_the_start() {
    let mut out = Vec::new();
    let mut host = cast::ann();
    host.hidden = true;
    let guests = cast::guests(["ben", "*cleo"]);
    let room = room::Room::open(host, guests, group(), epoch(), &mut out).unwrap();
    let hidden: Vec<_> = room.people().map(|seat| seat.hidden).collect();
    assert_eq!(hidden, [Some(1), None, Some(2)]);
}

#[test]
fn im_7_2_2_2_ok_s3b_a_hidden_host_is_let_go_when_hiding_is_forbidden_meanwhile() {
    let mut host = cast::ann();
    host.hidden = true;
    let (now, mut out) = (epoch(), Vec::new());
    let room = room::Room::open(host, cast::guests(["ben"]), group(), now, &mut out).unwrap();
    let mut story = Story { room, now };
    story.play("ben joins 2; forbid hiding");
    assert_eq!(story.play("host arrives 1"), "release 1 Hidden");
    assert_eq!(story.seen(), "ben Connected");
}

#[test]
fn one_person_has_a_bounded_number_of_devices() {
    let (mut story, _) = Story::open(group(), "ben");
    story.play("ben joins 1");
    for leg in 2..=LEGS_PER_PERSON_MAX {
        assert_eq!(story.play(&format!("ben enters {leg}")), "");
    }
    let limit = LEGS_PER_PERSON_MAX;
    assert_eq!(
        story.play("ben enters 99"),
        format!("no: TooManyDevices {{ limit: {limit} }}")
    );
    let may = story
        .room
        .may_enter(&Address::new("ben"), false, Claim::default());
    assert_eq!(may, Err(Refusal::TooManyDevices { limit }));
    story.play("3 leaves");
    assert_eq!(story.play("ben enters 99"), "");
}

#[test]
fn people_passing_through_do_not_grow_the_room_for_ever() {
    let (mut story, _) = Story::open(group(), "ben");
    story.play("ben joins 2; host arrives 1");
    let mut refused = 0;
    for stranger in 0..100 {
        if story
            .play(&format!("1 refers s{stranger}"))
            .starts_with("no: TooMany")
        {
            refused += 1;
        } else {
            story.play(&format!("s{stranger} refuses 486"));
        }
    }
    // Four guests at a time, four times over; ben is one of them.
    assert_eq!(story.room.people().len(), 17);
    assert_eq!(refused, 100 - 15);
    // Those it knows may still come and go.
    assert_eq!(story.play("1 refers s3"), "invite s3");
    assert_eq!(story.play("1 refers s3 s4; s4 joins 7"), "changed s4");
}

#[test]
fn a_late_clock_and_an_endless_ring_do_no_harm() {
    let rules = Rules {
        ring: std::time::Duration::MAX,
        ..group()
    };
    let (story, _) = Story::open(rules, "ben");
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    assert_eq!(story.room.poll_timeout(), Some(epoch() + day));
}

#[test]
fn nobody_is_rung_longer_for_being_named_again() {
    let (mut story, _) = Story::open(group(), "ben cleo");
    story.play("ben joins 2; host arrives 1; wait 60; 1 refers cleo dave");
    assert_eq!(story.room.poll_timeout(), Some(epoch() + cast::RING));
    assert_eq!(story.play("wait 60"), "cancel cleo");
    assert_eq!(story.play("wait 60"), "cancel dave");
    assert_eq!(story.room.poll_timeout(), None);
}

#[test]
fn the_event_after_the_last_action_finds_a_closed_room() {
    let (mut story, _) = Story::open(group(), "ben");
    story.play("close");
    let mut out: Vec<Action> = Vec::new();
    let event = Event::Left { leg: leg("2") };
    assert_eq!(story.room.handle(event, epoch(), &mut out), Ok(()));
    assert_eq!(story.play("2 refers dave"), "no: Closed");
    assert_eq!(story.play("ben enters 2"), "no: Closed");
    assert_eq!(
        story
            .room
            .may_enter(&Address::new("ben"), false, Claim::default()),
        Err(Refusal::Closed)
    );
    assert!(story.room.is_closed());
}
