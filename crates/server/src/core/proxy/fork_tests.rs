//! Branches as in RFC 3261 section 16.7, as small plays: what happens, and what is done.

use bytes::Bytes;
use sip::transaction::{Outgoing, Output, Timers, Transactions};
use sip::{Message, Method};

use super::*;

const PATIENCE: Duration = Duration::from_secs(32);

/// What happens to the branch of this number.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Says(usize, u16),
    Fails(usize, u16),
    CallerCancels,
    /// So many seconds pass.
    Wait(u64),
}
use Fact::{CallerCancels, Fails, Says, Wait};

struct Play {
    fork: Fork,
    clients: Vec<ClientId>,
    now: Instant,
}

impl Play {
    fn new(is_invite: bool, branches: usize) -> Self {
        #[expect(clippy::disallowed_methods, reason = "any instant does")]
        let now = Instant::now();
        let clients = clients(branches, now);
        let mut fork = Fork::new(is_invite, branches);
        for client in &clients {
            fork.sent(*client, now);
        }
        Self { fork, clients, now }
    }

    /// What is done: `<180` is passed on, `=486` is the end, `x1` is a CANCEL to branch 1, `-0`
    /// forgets branch 0.
    fn act(&mut self, fact: Fact) -> String {
        let mut out = Vec::new();
        match fact {
            Says(branch, status) => {
                let (client, now) = (self.clients[branch], self.now);
                self.fork
                    .answered(client, response(status), now, PATIENCE, &mut out);
            }
            Fails(branch, status) => self.fork.failed(self.clients[branch], status, &mut out),
            CallerCancels => {
                let cancelled: Vec<_> = self.fork.cancelled().collect();
                out.extend(cancelled.into_iter().map(|client| Step::Cancel(client, 0)));
            }
            Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.fork.handle_timeout(self.now, &mut out);
            }
        }
        let number = |client: &ClientId| self.clients.iter().position(|c| c == client).unwrap();
        let steps = out.iter().map(|step| match step {
            Step::Pass(response) => format!("<{}", response.status()),
            Step::Conclude(Verdict::Forward { best, .. }) => format!("={}", best.status()),
            Step::Conclude(Verdict::Answer(status)) => format!("={status}!"),
            Step::Conclude(Verdict::Silence) => "=".into(),
            Step::Cancel(client, _) => format!("x{}", number(client)),
            Step::Disown(client) => format!("-{}", number(client)),
        });
        steps.collect::<Vec<_>>().join(" ")
    }
}

fn response(status: u16) -> Response {
    let text = format!("SIP/2.0 {status} X\r\nCall-ID: c\r\n\r\n");
    let Ok(Message::Response(response)) = Message::parse(text.into()) else {
        panic!("a response")
    };
    response
}

/// Names as a real layer gives them.
fn clients(count: usize, now: Instant) -> Vec<ClientId> {
    let mut layer = Transactions::<()>::new(Timers::default(), 10);
    let mut out: Vec<Output<()>> = Vec::new();
    let mut send = |branch: usize| {
        let branch = format!("z9hG4bK{branch}");
        let outgoing = Outgoing {
            method: Method::Invite,
            branch: &branch,
            bytes: Bytes::new(),
        };
        layer.request(outgoing, (), true, now, &mut out)
    };
    (0..count).map(&mut send).collect()
}

/// Plays it; at the end nothing is waited for.
fn play(name: &str, is_invite: bool, branches: usize, facts: &[(Fact, &str)]) {
    let mut play = Play::new(is_invite, branches);
    for (fact, want) in facts {
        assert_eq!(play.act(*fact), *want, "{name}: {fact:?}");
    }
    assert!(play.fork.is_over(), "{name}: {:?}", play.fork);
    assert_eq!(play.fork.deadline(), None, "{name}");
}

#[test]
fn rfc_3261_16_7_invite() {
    type Play<'a> = (&'a str, usize, &'a [(Fact, &'a str)]);
    #[rustfmt::skip]
    let plays: &[Play<'_>] = &[
        ("100 is for one hop", 1, &[(Says(0, 100), ""), (Says(0, 180), "<180"), (Says(0, 486), "=486")]),
        ("a 2xx at once, and the rest cancelled", 3, &[
            (Says(0, 180), "<180"), (Says(1, 200), "<200 x0 x2"), (Says(2, 487), ""), (Says(0, 487), ""),
            (Wait(32), "-1"),
        ]),
        ("every 2xx goes on", 2, &[
            (Says(0, 200), "<200 x1"), (Says(0, 200), "<200"), (Says(1, 200), "<200"), (Says(1, 200), "<200"),
            (Wait(32), "-0 -1"),
        ]),
        ("no 1xx after the 2xx", 2, &[
            (Says(0, 200), "<200 x1"), (Says(1, 183), ""), (Says(1, 487), ""), (Wait(32), "-0"),
        ]),
        ("refusals are collected", 3, &[(Says(0, 500), ""), (Fails(1, 408), ""), (Says(2, 404), "=404")]),
        ("6xx cancels, and waits", 2, &[(Says(0, 603), "x1"), (Says(1, 487), "=603")]),
        ("a 2xx crosses a 6xx", 2, &[(Says(0, 603), "x1"), (Says(1, 200), "<200"), (Wait(32), "-1")]),
        ("the caller cancels", 2, &[
            (Says(0, 180), "<180"), (CallerCancels, "x0 x1"), (CallerCancels, ""), (Says(0, 487), ""),
            (Says(1, 487), "=487"),
        ]),
        ("the cancelled branch is dead", 1, &[(CallerCancels, "x0"), (Fails(0, 408), "=487!")]),
        ("too late to cancel", 1, &[(Says(0, 200), "<200"), (CallerCancels, ""), (Wait(32), "-0")]),
        ("nobody is there", 1, &[(Fails(0, 408), "=408!")]),
        ("the flow is gone", 1, &[(Fails(0, 503), "=500!")]),
        ("each branch ends once", 2, &[(Says(0, 486), ""), (Fails(0, 408), ""), (Says(1, 480), "=486")]),
    ];
    for (name, branches, facts) in plays {
        play(name, true, *branches, facts);
    }
}

#[test]
fn rfc_3261_16_7_other_requests() {
    type Play<'a> = (&'a str, usize, &'a [(Fact, &'a str)]);
    #[rustfmt::skip]
    let plays: &[Play<'_>] = &[
        ("a 2xx is the end, and nothing is cancelled", 2, &[(Says(0, 202), "<202"), (Says(1, 486), "")]),
        ("one 2xx alone", 2, &[(Says(0, 200), "<200"), (Says(1, 200), "")]),
        ("refusals are collected", 2, &[(Says(0, 486), ""), (Says(1, 415), "=415")]),
        ("6xx cancels nothing", 2, &[(Says(0, 600), ""), (Says(1, 480), "=600")]),
        // RFC 4320 section 4.2.
        ("no 408", 1, &[(Fails(0, 408), "=")]),
        ("the caller cannot cancel", 1, &[(CallerCancels, ""), (Says(0, 200), "<200")]),
    ];
    for (name, branches, facts) in plays {
        play(name, false, *branches, facts);
    }
}

#[test]
fn rfc_3261_16_8_timer_c() {
    let mut play = Play::new(true, 2);
    assert_eq!(play.fork.deadline(), Some(play.now + TIMER_C));
    assert!(TIMER_C > Duration::from_secs(180), "16.6 step 11");
    assert_eq!(play.act(Says(0, 180)), "<180");
    assert_eq!(play.act(Wait(100)), "");
    // 16.7 step 2: any 1xx but 100 begins it anew.
    assert_eq!(play.act(Says(0, 180)), "<180");
    assert_eq!(play.act(Says(1, 100)), "");
    assert_eq!(play.act(Wait(81)), "x1");
    assert_eq!(play.act(Wait(100)), "x0");
    assert_eq!(play.fork.deadline(), None);
    assert_eq!(play.act(Says(0, 487)), "");
    assert_eq!(play.act(Says(1, 487)), "=487");
}

#[test]
fn branches_that_could_not_be_sent_count() {
    let mut fork = Fork::new(true, 2);
    fork.unsent(430);
    fork.unsent(513);
    let mut out = Vec::new();
    fork.settle(&mut out);
    assert!(
        matches!(out.as_slice(), [Step::Conclude(Verdict::Answer(480))]),
        "{out:?}"
    );
    fork.settle(&mut out);
    assert_eq!(out.len(), 1, "concluded once");
}
