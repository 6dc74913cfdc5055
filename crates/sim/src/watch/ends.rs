//! Every INVITE transaction ends.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::breach::{Breach, Rule};
use super::day::Day;
use super::signal::Signal;
use super::wire::Stamp;

/// After this every INVITE has ended: it rings for three minutes at most, and what nobody answers
/// is given up after 64*T1.
const LONGEST: Duration = Duration::from_secs(300);

/// How long the one who asks waits for any response to an INVITE, and for the final one to an
/// INVITE that was cancelled: 64*T1 (RFC 3261 17.1.1.2, 9.1). What comes later meets nobody.
const PATIENCE: Duration = Duration::from_secs(32);

/// An INVITE on one hop, and what became of it.
struct Transaction<'a> {
    call: &'a str,
    number: u32,
    host: IpAddr,
    by_server: bool,
    ends: (SocketAddr, SocketAddr),
    begun: Stamp,
    /// When it arrived first.
    arrived: Option<Stamp>,
    /// When the first response of any kind arrived, and when a CANCEL was first sent.
    heard: Option<Stamp>,
    cancelled: Option<Stamp>,
    /// The first final response: its status, and whether any copy of it arrived.
    answer: Option<Answer>,
    /// The sender acknowledged a failure, on this hop.
    acknowledged: bool,
}

struct Answer {
    status: u16,
    sent: Stamp,
    /// When a copy of it first arrived.
    arrived: Option<Stamp>,
}

/// What ends the call that a 2xx has made: by Call-ID and host.
#[derive(Default)]
struct Call {
    /// The numbers of the INVITEs whose ACK arrived, and whether it was the server's.
    acks: Vec<(bool, u32)>,
    bye: bool,
}

/// Whoever gets an INVITE sends a final response. A 2xx is acknowledged, or the call is ended by
/// BYE; any other that arrives is acknowledged.
pub(super) fn check(day: &Day<'_>, breaches: &mut Vec<Breach>) {
    let mut transactions: BTreeMap<(&str, IpAddr, bool, &str), Transaction<'_>> = BTreeMap::new();
    let mut calls: HashMap<(&str, IpAddr), Call> = HashMap::new();
    for signal in &day.signals {
        let call = calls.entry((signal.call, signal.host)).or_default();
        call.take(signal);
        if !matches!(signal.method, "INVITE" | "ACK" | "CANCEL") {
            continue;
        }
        let by_server = signal.from_server == signal.status.is_none();
        let key = (signal.call, signal.host, by_server, signal.branch);
        if signal.asks("INVITE") {
            transactions
                .entry(key)
                .or_insert_with(|| Transaction::new(signal));
        }
        if let Some(transaction) = transactions.get_mut(&key) {
            transaction.take(signal);
        }
    }
    for transaction in transactions.values() {
        let call = calls.get(&(transaction.call, transaction.host));
        let wrong = transaction.wrong(call);
        let Some(wrong) = wrong else { continue };
        let (host, begun) = (transaction.host, transaction.begun);
        // RFC 3261 17.1.4, 17.2.4: with its connection a transaction has ended too.
        let end = day.end.min(begun.at + LONGEST);
        if day.facts.excused(host, begun.at, end) || day.is_broken(transaction.ends, begun) {
            continue;
        }
        let (asking, asked) = match transaction.by_server {
            true => ("of the server", day.facts.name(transaction.host)),
            false => ("to the server", "the server".to_owned()),
        };
        breaches.push(Breach {
            rule: Rule::Ends,
            at: transaction.begun.at,
            who: day.facts.name(transaction.host),
            what: format!(
                "INVITE {} {asking} in call {}: {}",
                transaction.number,
                transaction.call,
                wrong.replace("ASKED", &asked)
            ),
        });
    }
}

impl Call {
    fn take(&mut self, signal: &Signal<'_>) {
        if signal.asks("ACK") && signal.arrived.is_some() {
            self.acks.push((signal.from_server, signal.number));
        }
        self.bye |= signal.asks("BYE");
    }
}

impl<'a> Transaction<'a> {
    fn new(signal: &Signal<'a>) -> Self {
        Self {
            call: signal.call,
            number: signal.number,
            host: signal.host,
            by_server: signal.from_server,
            ends: signal.ends,
            begun: signal.sent,
            arrived: None,
            heard: None,
            cancelled: None,
            answer: None,
            acknowledged: false,
        }
    }

    fn take(&mut self, signal: &Signal<'_>) {
        if signal.method == "CANCEL" {
            if signal.status.is_none() {
                self.cancelled.get_or_insert(signal.sent);
            }
            return;
        }
        if signal.status.is_some() {
            self.heard = self.heard.or(signal.arrived);
        }
        match signal.status {
            None if signal.method == "ACK" => self.acknowledged = true,
            None => self.arrived = self.arrived.or(signal.arrived),
            Some(..200) => {}
            Some(status) => {
                let answer = self.answer.get_or_insert(Answer {
                    status,
                    sent: signal.sent,
                    arrived: None,
                });
                answer.arrived = answer.arrived.or(signal.arrived);
            }
        }
    }

    /// Whether whoever asked is not there any more when the answer comes, if it comes.
    fn has_given_up(&self, answer: &Answer) -> bool {
        let Some(arrived) = answer.arrived else {
            return true;
        };
        let late = |since: Option<Stamp>, until: Stamp| {
            since.is_some_and(|since| until.at > since.at + PATIENCE)
        };
        late(Some(self.begun), self.heard.unwrap_or(arrived)) || late(self.cancelled, arrived)
    }

    /// What is wrong with it, if anything.
    fn wrong(&self, call: Option<&Call>) -> Option<String> {
        let arrived = self.arrived?;
        let Some(answer) = &self.answer else {
            return Some(format!(
                "ASKED got it at {:?} and never sent a final response",
                arrived.at
            ));
        };
        let is_success = answer.status < 300;
        let ack = (self.by_server, self.number);
        let settled = match is_success {
            true => call.is_some_and(|call| call.bye || call.acks.contains(&ack)),
            false => self.acknowledged || self.has_given_up(answer),
        };
        (!settled).then(|| {
            let or_ended = if is_success {
                ", nor was the call ended"
            } else {
                ""
            };
            format!(
                "the {} sent at {:?} was never acknowledged{or_ended}",
                answer.status, answer.sent.at
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    #[test]
    fn a_conference_that_came_about_has_no_open_transaction() {
        let stage = Stage::conference(&["alice", "bob"]);
        assert_eq!(stage.judge(check), [""; 0]);
    }

    #[test]
    fn an_invite_that_rings_for_ever_is_found_unless_the_host_is_gone() {
        let mut stage = Stage::conference(&["alice"]);
        stage.rings("bob");
        let found = stage.judge(check);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("never sent a final"), "{found:?}");
        stage.fate("bob");
        assert_eq!(stage.judge(check), [""; 0]);
    }

    #[test]
    fn a_transaction_ends_with_its_connection() {
        let mut stage = Stage::conference(&["alice"]);
        stage.rings("bob");
        stage.loses_signalling("bob");
        assert_eq!(stage.judge(check), [""; 0]);
    }

    #[test]
    fn a_2xx_without_ack_is_found_and_a_bye_makes_up_for_it() {
        let mut stage = Stage::conference(&["alice"]);
        stage.accepts_unacknowledged("bob");
        let found = stage.judge(check);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("never acknowledged"), "{found:?}");
        stage.leaves("bob");
        assert_eq!(stage.judge(check), [""; 0]);
    }

    #[test]
    fn a_failure_that_comes_too_late_meets_nobody() {
        for (late, want) in [(PATIENCE / 2, 1), (PATIENCE, 0)] {
            let mut stage = Stage::conference(&["alice"]);
            stage.rings("bob");
            stage.passes(late);
            stage.refuses("bob");
            assert_eq!(stage.judge(check).len(), want);
        }
    }

    #[test]
    fn a_failure_has_to_be_acknowledged() {
        for (acknowledged, want) in [(true, 0), (false, 1)] {
            let mut stage = Stage::conference(&["alice"]);
            stage.declines("bob", acknowledged);
            assert_eq!(stage.judge(check).len(), want);
        }
    }
}
