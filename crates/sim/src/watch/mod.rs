//! Checkers that watch the simulated wire: what the server promises, judged from outside.
//!
//! ```text
//!   Universe ──Delivery──▶ log ─▶ wire: messages ─▶ day: legs, rooms, speech ─▶ rules ─▶ breaches
//!   a day ───plain facts────────────────────────────────┘
//! ```
//!
//! They see the bytes on the network, when each was sent and when it arrived, and a few plain
//! facts of the day: who is at which host, who crashed when. They look into no program. The rules
//! are checked at the end of the day, when everything is quiet.

mod breach;
mod csp;
mod day;
mod ends;
mod facts;
mod gone;
mod hidden;
mod kept;
mod meant;
mod once;
mod order;
mod roster;
mod signal;
#[cfg(test)]
mod stage;
mod subscriptions;
mod talk;
mod versions;
mod wire;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use world::sim::{Delivery, Universe};

pub use breach::{Breach, Rule};
use day::Day;
use facts::Facts;
use hidden::Veils;
use wire::What;

/// A watch over one universe. A clone is the same watch.
#[derive(Clone, Debug)]
pub struct Watch {
    universe: Universe,
    book: Arc<Mutex<Book>>,
}

/// What was seen and what was told.
#[derive(Debug)]
struct Book {
    log: Vec<Delivery>,
    facts: Facts,
}

impl Watch {
    /// Watches a universe from now on; its server is at this address.
    #[must_use]
    pub fn attach(universe: &Universe, server: IpAddr) -> Self {
        let book = Arc::new(Mutex::new(Book {
            log: Vec::new(),
            facts: Facts::new(server),
        }));
        let observed = Arc::clone(&book);
        universe.observe(move |delivery| lock(&observed).log.push(delivery.clone()));
        Self {
            universe: universe.clone(),
            book,
        }
    }

    /// Somebody comes online at a host, or is back after a crash. Several hosts may be theirs.
    pub fn person(&self, ip: IpAddr, aor: &str) {
        let now = self.universe.age();
        lock(&self.book).facts.person(ip, aor, now);
    }

    /// From now on nobody may learn who this is, in any conference, but for those who
    /// [know](Self::knows) them. Whom the wire shows to be hidden (Privacy, copyControl bcc) is
    /// hidden in that conference without this.
    pub fn hides(&self, aor: &str) {
        let now = self.universe.age();
        lock(&self.book).facts.hidden.push((aor.to_owned(), now));
    }

    /// One who may learn who another is all the same.
    pub fn knows(&self, who: &str, whom: &str) {
        let pair = (who.to_owned(), whom.to_owned());
        lock(&self.book).facts.knows.insert(pair);
    }

    /// This host crashed, vanished or is cut off: what goes on with it while it is away, and all
    /// that was under way, can be promised no more. The server's fate is everybody's.
    pub fn fate(&self, ip: IpAddr) {
        let now = self.universe.age();
        lock(&self.book).facts.fate(ip, now);
    }

    /// This host is within reach again: what begins from now on is judged.
    pub fn back(&self, ip: IpAddr) {
        let now = self.universe.age();
        lock(&self.book).facts.back(ip, now);
    }

    /// The server may take so much longer than usual to tell who is in, because its store is slow
    /// or hangs for a while.
    pub fn patience(&self, longer: Duration) {
        lock(&self.book).facts.patience = longer;
    }

    /// Judges the day so far, which has to be over: everything answered, given up or told.
    #[must_use]
    pub fn verdict(&self) -> Vec<Breach> {
        let now = self.universe.age();
        let book = lock(&self.book);
        judge(&book.log, &book.facts, now)
    }
}

fn judge(log: &[Delivery], facts: &Facts, now: Duration) -> Vec<Breach> {
    let heard = wire::read(log);
    let day = Day::new(facts, &heard, now);
    let subscriptions = subscriptions::of(&day);
    let veils = Veils::of(&day);
    let mut breaches = Vec::new();
    garbage(&day, &mut breaches);
    ends::check(&day, &mut breaches);
    gone::check(&day, &mut breaches);
    hidden::check(&day, &veils, &mut breaches);
    kept::check(&day, &mut breaches);
    meant::check(&day, &mut breaches);
    once::check(&day, &mut breaches);
    order::check(&day, &mut breaches);
    roster::check(&day, &subscriptions, &veils, &mut breaches);
    versions::check(&day, &subscriptions, &mut breaches);
    breaches.sort_by_key(|breach| breach.at);
    breaches
}

/// What the server sends can be read.
fn garbage(day: &Day<'_>, breaches: &mut Vec<Breach>) {
    for heard in day.heard {
        if let What::Garbage(why) = &heard.what
            && heard.from.ip() == day.facts.server
        {
            breaches.push(Breach {
                rule: Rule::Wire,
                at: heard.sent.at,
                who: day.facts.name(heard.to.ip()),
                what: format!("is sent what cannot be read: {why}"),
            });
        }
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_the_server_sends_is_watched_and_what_others_send_is_not() {
        let universe = Universe::new(1);
        let ip = |last| IpAddr::from([10, 0, 0, last]);
        let watch = Watch::attach(&universe, ip(1));
        watch.person(ip(2), "sip:alice@localhost");
        let [server, alice] = [1, 2].map(|last| {
            let host = universe.host(ip(last));
            host.net.bind_udp((ip(last), 5060).into()).unwrap()
        });
        alice.try_send(server.local_addr().unwrap(), b"hm").unwrap();
        universe.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!(watch.verdict(), []);
        server.try_send(alice.local_addr().unwrap(), b"hm").unwrap();
        universe.clock().sleep(Duration::from_secs(1)).await;
        let [breach] = &watch.verdict()[..] else {
            panic!("{:?}", watch.verdict());
        };
        assert_eq!(breach.rule, Rule::Wire);
        assert_eq!(breach.at, Duration::from_secs(1), "when it was sent");
        assert_eq!(breach.who, "sip:alice@localhost");
    }
}
