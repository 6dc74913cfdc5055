//! Whatever comes in whatever order: nothing panics, nothing leaks, everything ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sip::transaction::{ClientId, Event, Outgoing, Output, ServerId, Timers, Transactions};
use sip::{Message, Method};

const LIMIT: usize = 8;

const METHODS: [&str; 5] = ["INVITE", "ACK", "CANCEL", "OPTIONS", "MESSAGE"];

const STATUSES: [u16; 7] = [100, 180, 200, 202, 408, 486, 600];

#[derive(Clone, Debug)]
enum Step {
    Cancel(usize),
    FlowLost(u8),
    Request(usize, u8, bool),
    Respond(usize, usize),
    Sent(usize, usize, u8, bool),
    Answered(usize, usize, usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..20_usize).prop_map(Step::Cancel),
        (0..3_u8).prop_map(Step::FlowLost),
        (0..METHODS.len(), 0..12_u8, any::<bool>()).prop_map(|(m, b, r)| Step::Request(m, b, r)),
        (0..20_usize, 0..STATUSES.len()).prop_map(|(id, s)| Step::Respond(id, s)),
        (0..20_usize, 0..METHODS.len(), 0..3_u8, any::<bool>())
            .prop_map(|(n, m, f, r)| Step::Sent(n, m, f, r)),
        (0..20_usize, 0..METHODS.len(), 0..STATUSES.len())
            .prop_map(|(n, m, s)| Step::Answered(n, m, s)),
        prop_oneof![0..1000_u64, 0..40_000_u64].prop_map(Step::Wait),
    ]
}

fn head(method: &str, branch: &str) -> String {
    format!(
        "Via: SIP/2.0/UDP h;branch={branch}\r\nFrom: <sip:a@h>;tag=a\r\nTo: <sip:b@h>\r\n\
         Call-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

#[expect(clippy::disallowed_methods, reason = "virtual time needs one origin")]
fn epoch() -> Instant {
    Instant::now()
}

struct World {
    layer: Transactions<u8>,
    now: Instant,
    out: Vec<Output<u8>>,
    servers: Vec<ServerId>,
    clients: Vec<ClientId>,
    /// Requests sent that await an outcome.
    open: HashSet<ClientId>,
    answered: HashMap<ClientId, u16>,
}

impl World {
    fn note(&mut self, event: Event<u8>) {
        match event {
            Event::Request { id, .. } => self.servers.push(id),
            Event::Response { id, response } if response.is_final() => {
                let first = self.open.remove(&id);
                let before = self.answered.insert(id, response.status());
                // Only further 2xx of an INVITE come after a final response.
                assert!(first || (response.is_success() && before.unwrap() < 300));
            }
            Event::Response { id, .. } => assert!(self.open.contains(&id)),
            Event::Failed { id, .. } => assert!(self.open.remove(&id), "one outcome each"),
            _ => {}
        }
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Cancel(n) => {
                if let Some(id) = self.clients.get(n) {
                    self.layer.cancel(*id, None, self.now, &mut self.out);
                }
            }
            Step::FlowLost(lost) => {
                let mut events = Vec::new();
                self.layer.flow_lost(|flow| *flow == lost, &mut events);
                events.into_iter().for_each(|event| self.note(event));
            }
            Step::Request(method, branch, reliable) => {
                let method = METHODS[method];
                let head = head(method, &format!("z9hG4bKtheirs{branch}"));
                self.hear(format!("{method} sip:b@h SIP/2.0\r\n{head}"), reliable);
            }
            Step::Respond(n, status) => {
                if let Some(id) = self.servers.get(n) {
                    let bytes = "SIP/2.0 ...".into();
                    self.layer
                        .respond(*id, STATUSES[status], bytes, self.now, &mut self.out);
                }
            }
            Step::Sent(branch, method, flow, reliable) => self.send(branch, method, flow, reliable),
            Step::Answered(branch, method, status) => {
                let (method, status) = (METHODS[method], STATUSES[status]);
                let head = head(method, &format!("z9hG4bKours{branch}"));
                self.hear(format!("SIP/2.0 {status} X\r\n{head}"), false);
            }
            Step::Wait(ms) => self.wait(Duration::from_millis(ms)),
        }
    }

    fn send(&mut self, branch: usize, method: usize, flow: u8, reliable: bool) {
        let method = Method::from_token(METHODS[method]);
        let branch = format!("z9hG4bKours{branch}");
        let head = head(method.as_str(), &branch);
        let outgoing = Outgoing {
            method: method.clone(),
            branch: &branch,
            bytes: format!("{method} sip:b@h SIP/2.0\r\n{head}").into(),
        };
        let id = self
            .layer
            .request(outgoing, flow, reliable, self.now, &mut self.out);
        if method != Method::Ack {
            self.clients.push(id);
            assert!(self.open.insert(id), "an id is new");
        }
    }

    fn hear(&mut self, text: String, reliable: bool) {
        let message = Message::parse(text.into()).unwrap();
        let event = self
            .layer
            .receive(message, 0, reliable, self.now, &mut self.out);
        event.into_iter().for_each(|event| self.note(event));
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        let mut turns = 0;
        while let Some(at) = self.layer.poll_timeout().filter(|at| *at <= end) {
            assert!(at >= self.now, "an alarm in the past");
            self.now = at;
            let mut events = Vec::new();
            self.layer.handle_timeout(at, &mut self.out, &mut events);
            events.into_iter().for_each(|event| self.note(event));
            turns += 1;
            assert!(turns < 100_000, "time does not pass");
        }
        self.now = end;
    }
}

proptest! {
    #[test]
    fn every_request_sent_has_one_outcome(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World {
            layer: Transactions::new(Timers::default(), LIMIT),
            now: epoch(),
            out: Vec::new(),
            servers: Vec::new(),
            clients: Vec::new(),
            open: HashSet::new(),
            answered: HashMap::new(),
        };
        for step in &steps {
            world.act(step);
            let census = world.layer.census();
            let servers = [census.invite_servers, census.other_servers];
            let received: usize = servers.iter().map(|c| c.active + c.finished).sum();
            prop_assert!(received <= LIMIT + LIMIT / 4);
        }
        world.wait(Duration::from_secs(3600));
        prop_assert!(world.open.is_empty(), "without outcome: {:?}", world.open);
        // What is left are INVITEs that nobody has answered.
        let left = world.layer.census();
        prop_assert_eq!(left.invite_servers.active, world.layer.len());
        prop_assert_eq!(world.layer.poll_timeout(), None);
    }

    #[test]
    fn any_message_is_taken(bytes in prop::collection::vec(any::<u8>(), 0..300), via in "[ -~]{0,60}") {
        let mut layer = Transactions::new(Timers::default(), LIMIT);
        let mut out = Vec::new();
        let odd = format!("INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: {via}\r\nTo: {via}\r\nCSeq: 1 {via}\r\n\r\n");
        for text in [bytes, odd.clone().into_bytes(), odd.replacen("INVITE", "CANCEL", 1).into_bytes()] {
            if let Ok(message) = Message::parse(text.into()) {
                let _ = layer.receive(message, 0, false, epoch(), &mut out);
            }
        }
    }
}
