mod pieces;

use std::sync::Arc;

use room::{Action, Answer, Cause, Event, Guest, Host, LegId, Rules};
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;

/// A room of alice with bob and carol, and those who look at it.
struct Stage {
    room: Room,
    observers: Observers,
    actions: Vec<Action>,
    shard: ShardHandle,
    told: UnboundedReceiver<Command>,
    now: Instant,
    /// How large the documents of later subscribers may be.
    piece: usize,
}

fn stage() -> Stage {
    stage_of(&["bob".to_owned(), "carol".to_owned()])
}

/// A room of alice with these.
fn stage_of(guests: &[String]) -> Stage {
    let guest = |name: &str| Guest {
        address: Address::new(&format!("sip:{name}@h")),
        display: None,
        hidden: false,
        claim: room::Claim::default(),
    };
    let host = Host {
        address: Address::new("sip:alice@h"),
        display: Some(Arc::from("Alice")),
        hidden: false,
        nick: None,
        claim: room::Claim::default(),
    };
    let rules = Rules {
        max_guests: 5000,
        max_present: None,
        allow_hidden: true,
        allow_observe: true,
        allow_refer: true,
        allow_whisper: true,
        members_only: false,
        invited_only: true,
        answer: Answer::AtOnce,
        ring: Duration::from_secs(100),
        fewest: 0,
        unanswered: Cause(408),
        hidden_refused: Cause(403),
        full: Cause(486),
        ended: Cause(480),
    };
    let now = world::Clock::Os.now();
    let mut actions = Vec::new();
    let guests = guests.iter().map(|name| guest(name)).collect();
    let room = Room::open(host, guests, rules, now, &mut actions).unwrap();
    let (shard, _, told) = ShardHandle::new();
    let mut stage = Stage {
        room,
        observers: Observers::new("sip:room@h"),
        actions,
        shard,
        told,
        now,
        piece: usize::MAX,
    };
    stage.happen(Event::HostArrived { leg: LegId(1) });
    stage
}

impl Stage {
    fn happen(&mut self, event: Event) {
        self.room
            .handle(event, self.now, &mut self.actions)
            .unwrap();
        for action in std::mem::take(&mut self.actions) {
            match action {
                Action::Changed { who } => self.observers.changed(&self.room.seat(who).unwrap()),
                Action::Concealed { who } => {
                    self.observers.concealed(&self.room.seat(who).unwrap());
                }
                _ => {}
            }
        }
    }

    fn who(&self, name: &str) -> room::PersonId {
        self.room
            .find(&Address::new(&format!("sip:{name}@h")))
            .unwrap()
    }

    fn rings(&mut self, name: &str) {
        let who = self.who(name);
        self.happen(Event::Ringing { who });
    }

    fn joins(&mut self, name: &str, leg: u64, hidden: bool) {
        let (who, leg) = (self.who(name), LegId(leg));
        self.happen(Event::Joined {
            who,
            leg,
            hidden,
            nick: None,
        });
    }

    fn watch(&mut self, watch: u64, name: &str) {
        let address = Address::new(&format!("sip:{name}@h"));
        self.observers
            .add(watch, address, self.piece, self.shard.clone(), self.now);
    }

    /// What a subscription is told now, if anything; it is answered at once.
    fn told(&mut self, watch: u64) -> String {
        self.observers
            .send_due(&self.room, Duration::ZERO, self.now);
        let mut text = String::new();
        while let Ok(command) = self.told.try_recv() {
            if let Command::Watcher(WatcherCommand::Notify { watch: of, body }) = command {
                self.observers.notified(of, true);
                if of == watch {
                    text = String::from_utf8(body).unwrap();
                }
            }
        }
        text
    }
}

/// IM-7.2.2.2-OK-S3c: who saw the address is told that it has gone; who did not does not
/// learn it by that.
#[tokio::test]
async fn im_7_2_2_2_ok_s3c_an_address_is_taken_back_only_from_who_has_seen_it() {
    let mut stage = stage();
    stage.watch(1, "alice");
    stage.told(1);
    stage.rings("bob");
    assert!(stage.told(1).contains("sip:bob@h"), "alice sees him ring");
    // Nobody is told that carol rings before she hides.
    stage.rings("carol");
    stage.joins("carol", 3, true);
    let told = stage.told(1);
    assert!(!told.contains("carol"), "{told}");
    assert!(told.contains("sip:anonymous1@anonymous.invalid"), "{told}");
    stage.joins("bob", 2, true);
    stage.watch(2, "carol");
    let (all, news) = (stage.observers.all.len(), stage.told(1));
    assert_eq!(all, 2);
    assert!(
        news.contains("sip:bob@h") && news.contains("disconnected"),
        "{news}"
    );
}

/// Who came when somebody had left openly does not learn who that was when they come back
/// hidden.
#[tokio::test]
async fn who_came_later_does_not_learn_who_had_been_there() {
    let mut stage = stage();
    stage.joins("carol", 3, false);
    stage.joins("bob", 2, false);
    stage.watch(1, "alice");
    assert!(stage.told(1).contains("sip:bob@h"));
    stage.happen(Event::Left { leg: LegId(2) });
    assert!(stage.told(1).contains("sip:bob@h"));
    stage.watch(2, "carol");
    assert!(!stage.told(2).contains("sip:bob@h"));
    stage.happen(Event::Entered {
        address: Address::new("sip:bob@h"),
        leg: LegId(4),
        hidden: true,
        nick: None,
        claim: room::Claim::default(),
    });
    let told = stage.told(2);
    assert!(told.contains("anonymous1@anonymous.invalid"), "{told}");
    assert!(!told.contains("sip:bob@h"), "{told}");
}

#[tokio::test]
async fn one_person_has_a_few_subscriptions() {
    let mut stage = stage();
    let most = u64::try_from(OBSERVERS_EACH).unwrap();
    for watch in 0..most + 3 {
        stage.watch(watch, "alice");
    }
    stage.watch(100, "carol");
    let kept: Vec<u64> = stage.observers.all.keys().copied().collect();
    let want: Vec<u64> = (3..most + 3).chain([100]).collect();
    assert_eq!(kept, want);
    let ended = std::iter::from_fn(|| stage.told.try_recv().ok()).count();
    assert_eq!(ended, 3);
}
