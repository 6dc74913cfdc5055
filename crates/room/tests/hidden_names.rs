//! What the hidden are called.

mod cast;

use cast::{Story, epoch, group, guests};
use room::{Address, Claim, Event, LegId, Nick, Room};

fn comes_as_ben(story: &mut Story, leg: u64) {
    let event = Event::Entered {
        address: Address::new("ben"),
        leg: LegId(leg),
        hidden: false,
        nick: Some(Nick::new("Ben")),
        claim: Claim::default(),
    };
    let entered = story.room.handle(event, story.now, &mut Vec::new());
    assert_eq!(entered, Ok(()));
}

/// RFC 7701 section 7 lets the hidden have a nickname. One under which they were seen before they
/// hid would tell who they are.
#[test]
fn who_hides_is_called_nothing_until_they_choose_again() {
    for hides in ["ben enters 4 hidden", "2 leaves; ben enters 4 hidden"] {
        let (mut story, _) = Story::open(group(), "ben cleo");
        story.play("ben joins 2; host arrives 1; cleo joins 3; 2 is called Duke");
        story.play(hides);
        let nick = |story: &Story| {
            let ben = story.room.seat(story.who("ben")).unwrap();
            (ben.nick.map(str::to_owned), ben.hidden)
        };
        assert_eq!(nick(&story), (None, Some(1)), "{hides}");
        assert_eq!(story.play("3 is called Duke"), "changed cleo", "{hides}");
        assert_eq!(story.play("4 is called Ghost"), "changed ben", "{hides}");
        assert_eq!(nick(&story), (Some("Ghost".to_owned()), Some(1)), "{hides}");
        assert_eq!(story.play("3 is called ghost"), "no: NickTaken", "{hides}");
    }
}

/// A device that does not know of the hiding says the name that the person usually has.
#[test]
fn the_hidden_bring_no_name_along() {
    let (mut story, _) = Story::open(group(), "ben");
    story.play("ben joins 2 hidden; host arrives 1");
    comes_as_ben(&mut story, 3);
    let nick = |story: &Story| {
        let ben = story.room.seat(story.who("ben")).unwrap();
        ben.nick.map(str::to_owned)
    };
    assert_eq!(nick(&story), None);
    story.play("2 is called Ghost");
    comes_as_ben(&mut story, 4);
    assert_eq!(nick(&story).as_deref(), Some("Ghost"));
    let mut host = cast::ann();
    host.hidden = true;
    host.nick = Some(Nick::new("Queen"));
    let (now, mut out) = (epoch(), Vec::new());
    let room = Room::open(host, guests(["ben"]), group(), now, &mut out).unwrap();
    assert_eq!(room.people().next().unwrap().nick, None);
}
