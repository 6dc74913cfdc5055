//! Rooms to which people come by themselves, and what they are called there.

mod cast;

use cast::{Story, epoch, group, guests, leg};
use room::{Address, Audience, Cause, Claim, Event, LegId, Nick, Refusal, Room, Rules};

/// Anybody may come.
fn open() -> Rules {
    Rules {
        invited_only: false,
        ..group()
    }
}

fn enter(story: &mut Story, who: &str, leg: u64, claim: Claim) -> Result<(), Refusal> {
    called(story, who, leg, None, claim)
}

fn called(
    story: &mut Story,
    who: &str,
    leg: u64,
    nick: Option<&str>,
    claim: Claim,
) -> Result<(), Refusal> {
    let event = Event::Entered {
        address: Address::new(who),
        leg: LegId(leg),
        hidden: false,
        nick: nick.map(Nick::new),
        claim,
    };
    let before = story.room.clone();
    let mut out = Vec::new();
    let got = story.room.handle(event, story.now, &mut out);
    if got.is_err() {
        assert_eq!(
            (&story.room, out),
            (&before, vec![]),
            "{who}: refused, and yet"
        );
    }
    got
}

#[test]
fn a_room_that_anybody_may_enter_is_opened_by_one_alone() {
    let (mut story, out) = Story::open(open(), "");
    assert_eq!(story.told(&out), "answer host");
    assert_eq!(story.play("host arrives 1"), "changed ann");
    assert_eq!(story.play("ben enters 2"), "changed ben");
    assert_eq!(story.play("1 leaves"), "changed ann");
    assert_eq!(story.play("ann enters 3"), "changed ann");
    assert_eq!(
        story.play("3 leaves; 2 leaves"),
        "changed ben; closed Empty"
    );
}

#[test]
fn a_vacant_room_lives_from_the_first_who_comes_to_the_last_who_leaves() {
    let rules = Rules {
        max_guests: 2,
        ..open()
    };
    let room = Room::vacant(rules);
    let mut story = Story { room, now: epoch() };
    assert_eq!(story.play("wait 1000"), "closed Empty");
    let room = Room::vacant(Rules {
        max_guests: 2,
        ..open()
    });
    let mut story = Story { room, now: epoch() };
    assert_eq!(story.play("ben enters 1"), "changed ben");
    // Nobody is the host: each takes a place.
    assert_eq!(story.play("cleo enters 2"), "changed cleo");
    assert_eq!(story.play("dave enters 3"), "no: TooMany { limit: 2 }");
    assert_eq!(story.play("1 leaves; dave enters 3"), "changed dave");
    assert_eq!(
        story.play("2 leaves; 3 leaves"),
        "changed dave; closed Empty"
    );
}

#[test]
fn nobody_invited_is_no_room_where_only_the_invited_may_come() {
    assert_eq!(
        cast::refused(cast::ann(), group(), ""),
        Some(Refusal::NoGuests)
    );
}

/// What the group's document says of who comes, against what it asks.
#[test]
fn who_may_come_by_themselves() {
    let no = Claim::default();
    let listed = Claim { listed: true, ..no };
    let invited = Claim {
        invited: true,
        ..no
    };
    let both = Claim {
        listed: true,
        ..invited
    };
    let runs = Claim { runs: true, ..no };
    let barred = Claim {
        barred: true,
        ..both
    };
    let (not_member, not_invited) = (Some(Refusal::NotMember), Some(Refusal::NotInvited));
    #[rustfmt::skip]
    let rows = [
        // members only, invited only, claim, answer
        (false, false, no,      None),
        (false, false, barred,  Some(Refusal::Barred)),
        (true,  false, no,      not_member),
        (true,  false, invited, not_member),
        (true,  false, listed,  None),
        (true,  false, runs,    None),
        (false, true,  no,      not_invited),
        (false, true,  listed,  not_invited),
        (false, true,  invited, None),
        (false, true,  runs,    None),
        (true,  true,  listed,  not_invited),
        (true,  true,  invited, not_member),
        (true,  true,  both,    None),
        (true,  true,  barred,  Some(Refusal::Barred)),
    ];
    for (members_only, invited_only, claim, want) in rows {
        let rules = Rules {
            members_only,
            invited_only,
            ..group()
        };
        let (mut story, _) = Story::open(rules, "ben");
        story.play("ben joins 2; host arrives 1");
        let got = enter(&mut story, "cleo", 3, claim).err();
        assert_eq!(got, want, "{members_only} {invited_only} {claim:?}");
    }
}

#[test]
fn whoever_held_an_invitation_may_come_back() {
    let (mut story, _) = Story::open(group(), "ben");
    story.play("ben joins 2; host arrives 1");
    let invited = Claim {
        invited: true,
        ..Claim::default()
    };
    assert_eq!(enter(&mut story, "cleo", 3, invited), Ok(()));
    assert_eq!(story.play("3 leaves; cleo enters 4"), "changed cleo");
}

#[test]
fn the_places_are_for_those_who_are_in() {
    let rules = Rules {
        max_guests: 1,
        ..open()
    };
    let (mut story, _) = Story::open(rules, "");
    story.play("host arrives 1; ben enters 2");
    assert_eq!(story.play("cleo enters 3"), "no: TooMany { limit: 1 }");
    assert_eq!(story.play("2 leaves; cleo enters 3"), "changed cleo");
    // A room does not fill with those who have left.
    for visitor in 0..1000 {
        let script = format!("3 leaves; visitor{visitor} enters 3");
        assert_eq!(story.play(&script), format!("changed visitor{visitor}"));
    }
}

#[test]
fn who_is_put_out_may_come_back_and_who_is_removed_not() {
    for (word, want) in [("put out", "changed ben"), ("removed", "no: Removed")] {
        let (mut story, _) = Story::open(group(), "ben cleo");
        story.play("ben joins 2; host arrives 1; cleo joins 3");
        assert_eq!(
            story.play(&format!("ben {word}")),
            "release 2 Removed; changed ben"
        );
        assert_eq!(story.play("ben enters 4"), want, "{word}");
    }
    // Out again, after being removed for good, is still for good.
    let (mut story, _) = Story::open(group(), "ben cleo");
    story.play("ben joins 2; host arrives 1; cleo joins 3; ben removed; ben put out");
    assert_eq!(story.play("ben enters 4"), "no: Removed");
}

#[test]
fn a_name_belongs_to_one() {
    let (mut story, _) = Story::open(open(), "");
    story.play("host arrives 1; 1 is called Queen");
    let no = Claim::default();
    assert_eq!(
        called(&mut story, "ben", 2, Some(" queen"), no),
        Err(Refusal::NickTaken)
    );
    assert_eq!(called(&mut story, "ben", 2, Some("King"), no), Ok(()));
    assert_eq!(story.play("2 is called QUEEN"), "no: NickTaken");
    // One's own name in other letters is free.
    assert_eq!(story.play("2 is called KING"), "changed ben");
    assert_eq!(story.play("2 is called KING"), "");
    // It is free again when its owner has gone or has another.
    assert_eq!(
        story.play("1 is called Empress; 2 is called Queen"),
        "changed ben"
    );
    assert_eq!(story.play("2 leaves; 1 is called queen"), "changed ann");
    // Ben comes back to a name that is taken: without one.
    story.play("ben enters 5");
    let ben = story.room.seat(story.who("ben")).unwrap();
    assert_eq!(ben.nick, None);
    assert_eq!(story.play("9 is called Nobody"), "no: NotConnected");
}

#[test]
fn a_spare_name_is_the_wish_or_near_it() {
    let (mut story, _) = Story::open(open(), "");
    story.play("host arrives 1; 1 is called ann; ben enters 2; 2 is called ann2");
    let spare = |who: &str| {
        let nick = story.room.spare_nick("ann", &Address::new(who));
        nick.as_str().to_owned()
    };
    assert_eq!((spare("cleo"), spare("ann")), ("ann3".into(), "ann".into()));
}

#[test]
fn a_whisper_by_name_reaches_its_owner_alone() {
    let (mut story, _) = Story::open(open(), "");
    story.play("host arrives 1; ben enters 2; cleo enters 3; 2 is called Duke");
    let heard = |story: &Story, name: &str| {
        let mut out = Vec::new();
        let nick = Nick::new(name);
        let got = story
            .room
            .audience(leg("3"), &Audience::Nick(&nick), &mut out);
        got.map(|()| out)
    };
    assert_eq!(heard(&story, "duke"), Ok(vec![LegId(2)]));
    assert_eq!(heard(&story, "earl"), Err(Refusal::Unknown));
    story.play("2 leaves");
    assert_eq!(heard(&story, "duke"), Err(Refusal::Unknown));
}

/// A hidden person has no name towards the others.
#[test]
fn a_whisper_by_name_does_not_find_the_hidden() {
    let (mut story, _) = Story::open(group(), "ben cleo");
    story.play("ben joins 2 hidden; host arrives 1; 2 is called Ghost");
    let mut out = Vec::new();
    let ghost = Nick::new("ghost");
    let got = story
        .room
        .audience(leg("1"), &Audience::Nick(&ghost), &mut out);
    assert_eq!((got, out), (Err(Refusal::Unknown), vec![]));
}

#[test]
fn the_hosts_name_is_theirs_from_the_beginning() {
    let mut host = cast::ann();
    host.nick = Some(Nick::new("Queen"));
    let mut out = Vec::new();
    let room = Room::open(host, guests(["ben"]), group(), epoch(), &mut out).unwrap();
    let mut story = Story { room, now: epoch() };
    let ben = story.who("ben");
    let event = |nick: &str| Event::Joined {
        who: ben,
        leg: LegId(2),
        hidden: false,
        nick: Some(Nick::new(nick)),
    };
    let mut out = Vec::new();
    let got = story.room.handle(event("queen"), story.now, &mut out);
    assert_eq!((got, out), (Err(Refusal::NickTaken), vec![]));
    // The invitation stands: under another name they come in.
    let mut out = Vec::new();
    let got = story.room.handle(event("Duke"), story.now, &mut out);
    assert_eq!(got, Ok(()));
    assert_eq!(story.told(&out), "answer host; changed ben");
    let refused = Event::Refused {
        who: ben,
        cause: Cause(1),
    };
    assert_eq!(story.room.handle(refused, story.now, &mut out), Ok(()));
}

/// IM-7.2.1.5-S3: the places are counted in people who are in, whoever they are.
#[test]
fn more_may_be_invited_than_may_be_in() {
    let rules = Rules {
        max_present: Some(2),
        ..group()
    };
    let (mut story, out) = Story::open(rules, "ben cleo dave");
    assert_eq!(story.told(&out), "invite ben; invite cleo; invite dave");
    story.play("ben joins 2; host arrives 1");
    assert_eq!(story.play("cleo joins 3"), "release 3 Full");
    assert_eq!(story.play("dave enters 4"), "no: TooMany { limit: 2 }");
    // One more device of somebody who is in takes no place.
    assert_eq!(story.play("ben enters 5"), "");
    assert_eq!(story.play("1 leaves; cleo enters 3"), "changed cleo");
    assert_eq!(story.play("ann enters 6"), "no: TooMany { limit: 2 }");
}

#[test]
fn whoever_is_struck_off_the_list_is_put_out() {
    let rules = Rules {
        members_only: true,
        ..open()
    };
    let mut story = Story {
        room: Room::vacant(rules),
        now: epoch(),
    };
    let listed = Claim {
        listed: true,
        ..Claim::default()
    };
    assert_eq!(enter(&mut story, "ben", 2, listed), Ok(()));
    assert_eq!(enter(&mut story, "cleo", 3, listed), Ok(()));
    assert_eq!(story.play("ben is listed"), "");
    assert_eq!(
        story.play("ben is struck off"),
        "release 2 Removed; changed ben"
    );
    assert_eq!(story.play("ben enters 4"), "no: NotMember");
    assert_eq!(story.play("ben is listed"), "");
    assert_eq!(enter(&mut story, "ben", 4, listed), Ok(()));
}

/// Somebody whom the list never named, and who was asked in, stays.
#[test]
fn a_changed_list_is_not_about_the_invited() {
    let (mut story, _) = Story::open(group(), "ben cleo");
    story.play("ben joins 2; host arrives 1");
    assert_eq!(story.play("ben is struck off; cleo is struck off"), "");
    // Who was to be invited by it and is not on it any more is rung no longer.
    assert_eq!(
        story.play("cleo is listed; cleo is struck off"),
        "cancel cleo"
    );
}

/// IM-7.2.2.2-OK-S3b: what the document says of this person counts, and nothing else.
#[test]
fn im_7_2_2_2_ok_s3b_leave_to_hide_is_personal() {
    let rules = Rules {
        allow_hidden: false,
        ..group()
    };
    let mut guests = guests(["ben", "cleo"]);
    guests[0].claim.may_hide = true;
    let mut out = Vec::new();
    let room = Room::open(cast::ann(), guests, rules.clone(), epoch(), &mut out).unwrap();
    let mut story = Story { room, now: epoch() };
    assert_eq!(story.play("ben joins 2 hidden"), "answer host; changed ben");
    assert_eq!(story.play("host arrives 1"), "changed ann");
    assert_eq!(story.play("cleo joins 3 hidden"), "release 3 Hidden");
    assert_eq!(story.seen(), "ann Connected; anonymous1 Connected");
    // Other rules leave that alone; another word on it does not.
    let changed = Event::RulesChanged(rules);
    let mut out = Vec::new();
    assert_eq!(story.room.handle(changed, story.now, &mut out), Ok(()));
    assert_eq!(out, []);
    assert_eq!(story.play("ben is listed"), "release 2 Hidden; changed ben");
}

#[test]
fn who_may_invite_is_personal_where_others_may_not() {
    let rules = Rules {
        allow_refer: false,
        ..group()
    };
    let mut guests = guests(["ben"]);
    guests[0].claim.may_invite = true;
    let mut out = Vec::new();
    let room = Room::open(cast::ann(), guests, rules, epoch(), &mut out).unwrap();
    let mut story = Story { room, now: epoch() };
    story.play("ben joins 2; host arrives 1");
    assert_eq!(story.play("1 refers dave"), "no: MayNotInvite");
    assert_eq!(story.play("2 refers dave"), "invite dave");
}

/// IM-7.2.2.2-OK-S3b: one of the two is enough, for the host as for others: that the rules let
/// people hide, or that the document lets this person.
#[test]
fn im_7_2_2_2_ok_s3b_a_host_hides_by_either_leave() {
    for (by_rules, by_document) in [(true, false), (false, true)] {
        let rules = Rules {
            allow_hidden: by_rules,
            ..group()
        };
        let claim = Claim {
            may_hide: by_document,
            ..Claim::default()
        };
        let host = room::Host {
            hidden: true,
            claim,
            ..cast::ann()
        };
        let mut out = Vec::new();
        let room = Room::open(host, guests(["ben"]), rules, epoch(), &mut out).unwrap();
        let mut story = Story { room, now: epoch() };
        story.play("ben joins 2");
        assert_eq!(story.play("host arrives 1"), "changed ann");
        let who = room::PersonId::HOST;
        let mut out = Vec::new();
        let known = Event::Known { who, claim };
        assert_eq!(story.room.handle(known, story.now, &mut out), Ok(()));
        assert_eq!(out, [], "the same word changes nothing");
    }
}

/// Who is known already takes no new place in the room's memory, however little there is of it.
#[test]
fn somebody_known_is_invited_again_when_there_is_no_place_for_strangers() {
    let (mut story, _) = Story::open(group(), "ben cleo dave erin");
    story.play("ben joins 2; host arrives 1; cleo refuses 486; dave refuses 486; erin refuses 486");
    story.play("1 refers gus; gus refuses 486; 2 leaves; places 1");
    assert_eq!(story.play("1 refers hal"), "no: TooMany { limit: 4 }");
    assert_eq!(story.play("1 refers ben"), "invite ben");
}

/// The host takes others out, and those who run the group; everybody themselves; nobody who is not
/// in the room.
#[test]
fn who_may_take_whom_out() {
    let mut guests = guests(["ben", "cleo", "dave"]);
    guests[1].claim.runs = true;
    let mut out = Vec::new();
    let room = Room::open(cast::ann(), guests, group(), epoch(), &mut out).unwrap();
    let mut story = Story { room, now: epoch() };
    story.play("ben joins 2; host arrives 1; cleo joins 3");
    // (who, whom, may they)
    let yes = Ok(());
    let no = Err(Refusal::MayNotRemove);
    let out = Err(Refusal::NotConnected);
    for (by, whom, want) in [
        ("ann", "ben", yes),
        ("ann", "cleo", yes),
        ("ann", "ann", yes),
        ("cleo", "ben", yes),
        ("cleo", "ann", yes),
        ("ben", "ben", yes),
        ("ben", "ann", no),
        ("ben", "cleo", no),
        ("dave", "ben", out),
        ("dave", "dave", out),
        ("gus", "ben", out),
    ] {
        let (by_id, whom_id) = (story.who(by), story.room.find(&Address::new(whom)));
        assert_eq!(story.room.may_remove(by_id, whom_id), want, "{by} {whom}");
    }
    // Of somebody whom nobody knows those may say so who may of others.
    assert_eq!(story.room.may_remove(story.who("ann"), None), yes);
    assert_eq!(story.room.may_remove(story.who("ben"), None), no);
    story.play("1 leaves");
    let (ann, ben) = (story.who("ann"), story.room.find(&Address::new("ben")));
    assert_eq!(story.room.may_remove(ann, ben), out);
}

/// IM-7.2.2.2-OK-S3b: by the rules or by the document.
#[test]
fn im_7_2_2_2_ok_s3b_who_may_hide() {
    for (by_rules, by_document) in [(false, false), (true, false), (false, true), (true, true)] {
        let rules = Rules {
            allow_hidden: by_rules,
            ..group()
        };
        let mut guests = guests(["ben"]);
        guests[0].claim.may_hide = by_document;
        let mut out = Vec::new();
        let room = Room::open(cast::ann(), guests, rules, epoch(), &mut out).unwrap();
        let story = Story { room, now: epoch() };
        let may = story.room.may_hide(story.who("ben"));
        assert_eq!(may, by_rules || by_document, "{by_rules} {by_document}");
        assert_eq!(story.room.may_hide(story.who("ann")), by_rules);
        assert_eq!(story.room.may_hide(story.who("gus")), by_rules);
    }
}
