//! Coming back to a conversation that a restart of the server has interrupted (IM 7.2.1.5).

mod cast;

use cast::{Story, epoch, group, one_to_one};
use room::{Address, Former, LegId, Room, Rules};

/// `*` hides, `-` was removed, and the host stands first.
fn restored(rules: Rules, people: &str) -> Story {
    let former = |(place, word): (usize, &str)| Former {
        address: Address::new(word.trim_start_matches(['*', '-'])),
        display: None,
        host: place == 0,
        hidden: word.starts_with('*'),
        removed: word.starts_with('-'),
    };
    let people = people.split_whitespace().enumerate().map(former);
    Story {
        room: Room::restored(people.collect(), rules),
        now: epoch(),
    }
}

/// IM-7.2.1.5-S2: whoever was invited may come back, and nobody else.
#[test]
fn who_was_in_comes_back_and_who_was_removed_does_not() {
    let mut story = restored(group(), "ann ben -cleo dave");
    assert_eq!(story.seen(), "");
    assert_eq!(story.play("ben enters 1"), "changed ben");
    assert_eq!(story.play("cleo enters 2"), "no: Removed");
    assert_eq!(story.play("erin enters 2"), "no: NotInvited");
    assert_eq!(story.play("ann enters 2"), "changed ann");
    assert_eq!(story.seen(), "ann Connected; ben Connected");
    assert_eq!(story.play("1 refers dave"), "invite dave");
    assert_eq!(story.play("1 refers cleo"), "no: Removed");
    let heard = {
        let mut out = Vec::new();
        let everyone = room::Audience::Everyone;
        story.room.audience(LegId(1), &everyone, &mut out).unwrap();
        out
    };
    assert_eq!(heard, [LegId(2)]);
}

#[test]
fn the_hidden_stay_hidden() {
    let mut story = restored(group(), "ann *ben *cleo");
    story.play("ben enters 1; ann enters 2");
    assert_eq!(story.seen(), "ann Connected; anonymous1 Connected");
}

#[test]
fn a_conversation_of_two_waits_for_the_second() {
    let mut story = restored(one_to_one(), "ann ben");
    assert_eq!(story.play("ben enters 1"), "changed ben");
    assert_eq!(story.play("ann enters 2"), "changed ann");
    // From here on it is as any other.
    assert_eq!(
        story.play("1 leaves"),
        "changed ben; release 2 TooFew; closed TooFew"
    );
    let mut story = restored(one_to_one(), "ann ben");
    assert_eq!(
        story.play("ben enters 1; 1 leaves"),
        "changed ben; closed Empty"
    );
}

#[test]
fn the_hosts_place_is_not_a_guests() {
    let rules = Rules {
        max_guests: 1,
        ..group()
    };
    let mut story = restored(rules, "ann ben cleo");
    story.play("ben enters 1");
    assert_eq!(story.play("cleo enters 2"), "no: TooMany { limit: 1 }");
    assert_eq!(story.play("ann enters 2"), "changed ann");
}

/// What is stored twice or beyond all bounds makes no other room.
#[test]
fn what_cannot_have_been_is_left_out() {
    let mut story = restored(group(), "ann ben ben");
    assert_eq!(story.room.people().len(), 2);
    assert_eq!(story.play("ben enters 1"), "changed ben");
    let few = Rules {
        max_guests: 1,
        ..group()
    };
    let many = "p1 p2 p3 p4 p5 p6 p7 p8 p9";
    assert_eq!(restored(few, many).room.people().len(), 5);
}

/// Whoever was no host is none afterwards, though they stand first.
#[test]
fn a_room_without_a_host_has_none_afterwards() {
    let guest = |name: &str| Former {
        address: Address::new(name),
        display: None,
        host: false,
        hidden: false,
        removed: false,
    };
    let room = Room::restored(vec![guest("ben"), guest("cleo")], group());
    let roles: Vec<_> = room.people().map(|seat| seat.role).collect();
    assert_eq!(roles, [room::Role::Guest, room::Role::Guest]);
}
