//! Two transaction layers and what passes between them, in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::time::{Duration, Instant};

use sip::transaction::{
    Census, ClientId, Count, Event, Failure, Outgoing, Output, ServerId, Timers, Transactions,
};
use sip::{Draft, Message, Method, Request};

#[expect(clippy::disallowed_methods, reason = "virtual time needs one origin")]
fn epoch() -> Instant {
    Instant::now()
}

fn text(method: &str, branch: &str, to_tag: &str) -> String {
    format!(
        "{method} sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP me:5060;branch={branch}\r\n\
         From: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>{to_tag}\r\nCall-ID: c1\r\n\
         CSeq: 7 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn parse(text: impl Into<bytes::Bytes>) -> Message {
    Message::parse(text.into()).unwrap()
}

struct Side {
    layer: Transactions<u8>,
    out: Vec<Output<u8>>,
    now: Instant,
    reliable: bool,
}

impl Side {
    fn new(reliable: bool) -> Self {
        Self {
            layer: Transactions::new(Timers::default(), 100),
            out: Vec::new(),
            now: epoch(),
            reliable,
        }
    }

    fn hear(&mut self, bytes: impl Into<bytes::Bytes>) -> Option<Event<u8>> {
        self.layer
            .receive(parse(bytes), 1, self.reliable, self.now, &mut self.out)
    }

    fn request(&mut self, method: Method, branch: &str) -> ClientId {
        let bytes = text(method.as_str(), branch, "").into();
        let outgoing = Outgoing {
            method,
            branch,
            bytes,
        };
        self.layer
            .request(outgoing, 1, self.reliable, self.now, &mut self.out)
    }

    fn respond(&mut self, id: ServerId, request: &Request, status: u16) -> bool {
        let response = Draft::response(request, status, "Whatever", Some("b")).finish();
        self.layer
            .respond(id, status, response, self.now, &mut self.out)
    }

    /// What was sent since the last look: start lines.
    fn sent(&mut self) -> Vec<String> {
        let lines = self.out.drain(..).map(|output| {
            let text = String::from_utf8(output.bytes.to_vec()).unwrap();
            text.lines().next().unwrap().to_owned()
        });
        lines.collect()
    }

    fn sent_bytes(&mut self) -> Vec<bytes::Bytes> {
        self.out.drain(..).map(|output| output.bytes).collect()
    }

    /// Lets time pass until nothing is left to do, or until `end`.
    fn run(&mut self, end: Duration) -> Vec<Event<u8>> {
        let end = self.now + end;
        let mut events = Vec::new();
        while let Some(at) = self.layer.poll_timeout().filter(|at| *at <= end) {
            assert!(at >= self.now, "an alarm in the past");
            self.now = at;
            self.layer.handle_timeout(at, &mut self.out, &mut events);
        }
        self.now = end;
        events
    }
}

fn incoming(event: Option<Event<u8>>) -> (ServerId, Request) {
    match event {
        Some(Event::Request { id, request, .. }) => (id, request),
        other => panic!("{other:?}"),
    }
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn an_options_over_udp_is_answered_once_and_again_when_asked_again() {
    let mut server = Side::new(false);
    let options = text("OPTIONS", "z9hG4bK1", "");
    let (id, request) = incoming(server.hear(options.clone()));
    assert!(server.hear(options.clone()).is_none());
    assert!(server.sent().is_empty(), "not answered yet");
    assert!(server.respond(id, &request, 200));
    assert!(
        !server.respond(id, &request, 500),
        "there is one final response"
    );
    let first = server.sent_bytes();
    assert!(server.hear(options.clone()).is_none());
    assert_eq!(server.sent_bytes(), first);

    let events = server.run(Duration::from_secs(31));
    assert!(events.is_empty());
    assert_eq!(
        server.layer.census().other_servers,
        Count {
            active: 0,
            finished: 1
        }
    );
    server.run(Duration::from_secs(2));
    assert!(server.layer.is_empty());
    assert!(
        !server.respond(id, &request, 200),
        "the id names nothing any more"
    );
    incoming(server.hear(options));
}

#[test]
fn over_a_reliable_transport_an_answered_request_is_gone_at_once() {
    let mut server = Side::new(true);
    let (id, request) = incoming(server.hear(text("OPTIONS", "z9hG4bK1", "")));
    assert!(server.respond(id, &request, 200));
    assert!(server.layer.is_empty());
    assert_eq!(server.layer.poll_timeout(), None);

    let mut client = Side::new(true);
    client.request(Method::Options, "z9hG4bK1");
    let answer = server.sent_bytes().remove(0);
    assert!(matches!(client.hear(answer), Some(Event::Response { .. })));
    assert!(client.layer.is_empty());
    assert_eq!(client.layer.poll_timeout(), None);
}

#[test]
fn rfc_4320_4_2_a_request_nobody_answers_is_forgotten_without_408() {
    let mut server = Side::new(false);
    let (id, request) = incoming(server.hear(text("MESSAGE", "z9hG4bK1", "")));
    assert!(!server.respond(id, &request, 408));
    let events = server.run(Duration::from_secs(32));
    assert!(events.is_empty() && server.sent().is_empty());
    assert!(server.layer.is_empty());
    assert!(
        !server.respond(id, &request, 200),
        "late answers go nowhere"
    );
    assert!(server.sent().is_empty());
}

#[test]
fn rfc_4320_4_1_a_100_waits_three_and_a_half_seconds() {
    let mut server = Side::new(false);
    let (id, request) = incoming(server.hear(text("MESSAGE", "z9hG4bK1", "")));
    assert!(server.respond(id, &request, 100));
    server.run(Duration::from_millis(3499));
    assert!(server.sent().is_empty());
    server.run(Duration::from_millis(1));
    assert_eq!(server.sent(), ["SIP/2.0 100 Whatever"]);
    assert!(server.respond(id, &request, 202));
    assert_eq!(server.sent(), ["SIP/2.0 202 Whatever"]);
}

#[test]
fn an_invite_is_refused_and_the_refusal_acknowledged() {
    let (mut client, mut server) = (Side::new(false), Side::new(false));
    let invite = client.request(Method::Invite, "z9hG4bK1");
    let sent = client.sent_bytes().remove(0);
    let (id, request) = incoming(server.hear(sent));
    assert!(server.respond(id, &request, 100));
    assert!(server.respond(id, &request, 486));
    let responses = server.sent_bytes();
    assert!(matches!(
        client.hear(responses[0].clone()),
        Some(Event::Response { id, response }) if id == invite && response.status() == 100
    ));
    assert!(matches!(
        client.hear(responses[1].clone()),
        Some(Event::Response { id, response }) if id == invite && response.status() == 486
    ));
    let ack = client.sent_bytes().remove(0);
    assert!(ack.starts_with(b"ACK "));

    // The ACK is lost: the refusal comes again and is acknowledged again, unseen.
    server.run(Duration::from_millis(500));
    let again = server.sent_bytes();
    assert_eq!(again, [responses[1].clone()]);
    assert!(client.hear(again[0].clone()).is_none());
    assert_eq!(client.sent_bytes(), std::slice::from_ref(&ack));

    assert!(server.hear(ack).is_none());
    assert!(server.run(Duration::from_secs(5)).is_empty());
    assert!(server.sent().is_empty() && server.layer.is_empty());
    assert!(client.run(Duration::from_secs(32)).is_empty());
    assert!(client.layer.is_empty());
}

#[test]
fn timer_h_tells_that_a_refusal_was_not_acknowledged() {
    let mut server = Side::new(false);
    let (id, request) = incoming(server.hear(text("INVITE", "z9hG4bK1", "")));
    assert!(server.respond(id, &request, 486));
    let events = server.run(DAY);
    assert!(matches!(events[..], [Event::Unacknowledged { id: who }] if who == id));
    assert_eq!(server.sent().len(), 11);
    assert!(server.layer.is_empty());
}

#[test]
fn rfc_6026_an_accepted_invite_absorbs_repetitions_and_passes_each_2xx() {
    let (mut client, mut server) = (Side::new(false), Side::new(false));
    client.request(Method::Invite, "z9hG4bK1");
    let invite = client.sent_bytes().remove(0);
    let (id, request) = incoming(server.hear(invite.clone()));
    assert!(server.respond(id, &request, 200));
    assert!(server.respond(id, &request, 200), "the user repeats it");
    assert!(!server.respond(id, &request, 486));
    assert!(server.hear(invite).is_none());
    let responses = server.sent_bytes();
    assert_eq!(responses.len(), 2);
    for response in responses {
        assert!(matches!(
            client.hear(response),
            Some(Event::Response { .. })
        ));
    }
    assert!(client.sent().is_empty(), "the user acknowledges a 2xx");
    // An ACK to a 2xx has a branch of its own.
    assert!(matches!(
        server.hear(text("ACK", "z9hG4bK2", ";tag=b")),
        Some(Event::Ack { .. })
    ));
    for side in [&mut client, &mut server] {
        assert!(side.run(Duration::from_millis(31_999)).is_empty());
        assert_eq!(side.layer.len(), 1);
        side.run(Duration::from_millis(1));
        assert!(side.layer.is_empty());
    }
}

#[test]
fn rfc_3261_9_1_a_cancel_waits_for_the_first_provisional_response() {
    let (mut client, mut server) = (Side::new(false), Side::new(false));
    let invite = client.request(Method::Invite, "z9hG4bK1");
    let sent = client.sent_bytes().remove(0);
    client
        .layer
        .cancel(invite, Some("SIP;cause=200"), client.now, &mut client.out);
    assert!(client.sent().is_empty());
    let (id, request) = incoming(server.hear(sent));
    assert!(server.respond(id, &request, 180));
    let ringing = server.sent_bytes().remove(0);
    assert!(matches!(client.hear(ringing), Some(Event::Response { .. })));
    let cancel = client.sent_bytes().remove(0);

    let event = server.hear(cancel.clone());
    assert!(matches!(
        event,
        Some(Event::Cancelled { id: who, request })
            if who == id && request.raw(sip::Name::Reason) == Some("SIP;cause=200")
    ));
    assert!(server.hear(cancel).is_none(), "told once");
    let answers = server.sent_bytes();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1]);
    let tag = parse(answers[0].clone());
    assert!(tag.fields().raw(sip::Name::To).unwrap().ends_with(";tag=b"));
    assert!(
        client.hear(answers[0].clone()).is_none(),
        "the answer is swallowed"
    );

    assert!(server.respond(id, &request, 487));
    let refusal = server.sent_bytes().remove(0);
    assert!(matches!(client.hear(refusal), Some(Event::Response { .. })));
    let ack = client.sent_bytes().remove(0);
    assert!(server.hear(ack).is_none());
    for side in [&mut client, &mut server] {
        assert!(side.run(DAY).is_empty());
        assert!(side.layer.is_empty());
    }
}

#[test]
fn rfc_3261_9_1_a_cancelled_invite_without_an_end_fails_after_64_t1() {
    let mut client = Side::new(false);
    let invite = client.request(Method::Invite, "z9hG4bK1");
    let Message::Request(request) = parse(client.sent_bytes().remove(0)) else {
        panic!("a request")
    };
    client.hear(Draft::response(&request, 180, "Ringing", Some("b")).finish());
    client
        .layer
        .cancel(invite, None, client.now, &mut client.out);
    client
        .layer
        .cancel(invite, None, client.now, &mut client.out);
    assert_eq!(client.sent().len(), 1);
    let events = client.run(Duration::from_secs(32));
    assert!(
        matches!(events[..], [Event::Failed { id, why: Failure::Timeout }] if id == invite),
        "the CANCEL itself fails in silence: {events:?}"
    );
    assert!(client.layer.is_empty());
}

#[test]
fn a_cancel_of_nothing_gets_481_and_one_that_is_late_200() {
    let mut server = Side::new(false);
    assert!(server.hear(text("CANCEL", "z9hG4bK1", "")).is_none());
    assert_eq!(
        server.sent(),
        ["SIP/2.0 481 Call/Transaction Does Not Exist"]
    );
    assert!(server.layer.is_empty());
    let (id, request) = incoming(server.hear(text("INVITE", "z9hG4bK1", "")));
    assert!(server.respond(id, &request, 200));
    server.sent();
    assert!(server.hear(text("CANCEL", "z9hG4bK1", "")).is_none());
    assert_eq!(server.sent(), ["SIP/2.0 200 OK"]);
}

#[test]
fn a_response_to_nothing_is_counted() {
    let mut client = Side::new(false);
    let response =
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP me;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n";
    assert!(matches!(client.hear(response), Some(Event::Stray { .. })));
    assert!(matches!(
        client.hear("SIP/2.0 200 OK\r\n\r\n"),
        Some(Event::Stray { .. })
    ));
    assert!(
        client
            .hear("OPTIONS sip:h SIP/2.0\r\nVia: x\r\n\r\n")
            .is_none()
    );
    let want = Census {
        strays: 2,
        unreadable: 1,
        ..Census::default()
    };
    assert_eq!(client.layer.census(), want);
}

#[test]
fn a_lost_flow_fails_what_awaits_an_answer_there() {
    let mut client = Side::new(true);
    let options = client.request(Method::Options, "z9hG4bK1");
    let invite = client.request(Method::Invite, "z9hG4bK2");
    let mut events = Vec::new();
    client.layer.flow_lost(|flow| *flow == 2, &mut events);
    assert!(events.is_empty());
    client.layer.flow_lost(|flow| *flow == 1, &mut events);
    let failed: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Failed { id, why } => (*id, *why),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        failed,
        [(options, Failure::Transport), (invite, Failure::Transport)]
    );
    assert!(client.layer.is_empty());
    assert_eq!(client.layer.poll_timeout(), None);
    assert!(client.layer.transport_failed(invite).is_none());
    let one = client.request(Method::Options, "z9hG4bK3");
    let event = client.layer.transport_failed(one);
    assert!(matches!(event, Some(Event::Failed { id, why: Failure::Transport }) if id == one));
}

#[test]
fn a_flow_lost_after_the_answer_changes_nothing() {
    let mut client = Side::new(false);
    let invite = client.request(Method::Invite, "z9hG4bK1");
    let Message::Request(request) = parse(client.sent_bytes().remove(0)) else {
        panic!("a request")
    };
    let ok = Draft::response(&request, 200, "OK", Some("b")).finish();
    assert!(matches!(
        client.hear(ok.clone()),
        Some(Event::Response { .. })
    ));
    assert!(client.layer.transport_failed(invite).is_none());
    assert!(matches!(client.hear(ok), Some(Event::Response { .. })));
}

#[test]
fn a_full_table_refuses_new_work_and_lets_people_leave() {
    let mut server = Side::new(false);
    let mut accepted = [0, 0];
    for n in 0..300 {
        let in_dialog = n % 2;
        let tag = [";x=y", ";tag=b"][in_dialog];
        let event = server.hear(text("MESSAGE", &format!("z9hG4bK{n}"), tag));
        match event {
            Some(Event::Request { .. }) => accepted[in_dialog] += 1,
            Some(Event::Overload { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    // 100 for all, 25 more for those inside a dialog.
    assert_eq!(accepted, [50, 75]);
    assert!(matches!(
        server.hear(text("ACK", "z9hG4bKack", ";tag=b")),
        Some(Event::Ack { .. })
    ));
    server.run(DAY);
    assert!(server.layer.is_empty());
    incoming(server.hear(text("MESSAGE", "z9hG4bK0", "")));
}

#[test]
fn a_full_table_is_also_one_with_too_many_bytes() {
    let mut server = Side::new(false);
    let big = "x".repeat(60_000);
    let mut accepted = 0;
    for n in 0..100 {
        let message = text("OPTIONS", &format!("z9hG4bK{n}"), &format!(";p={big}"));
        if let Some(Event::Request { id, request, .. }) = server.hear(message) {
            accepted += 1;
            assert!(server.respond(id, &request, 200));
        }
    }
    assert_eq!(accepted, 4, "100 times 2 kB are passed with the fourth");
}

#[test]
fn an_ack_is_no_transaction() {
    let mut client = Side::new(false);
    let ack = client.request(Method::Ack, "z9hG4bK1");
    assert_eq!(client.sent(), ["ACK sip:bob@h SIP/2.0"]);
    assert!(client.layer.is_empty());
    assert!(client.layer.transport_failed(ack).is_none());
}

#[test]
fn without_the_cookie_transactions_match_as_before_rfc_3261() {
    let mut server = Side::new(false);
    let (id, request) = incoming(server.hear(text("INVITE", "old", "")));
    assert!(server.hear(text("INVITE", "old", "")).is_none());
    assert!(server.respond(id, &request, 486));
    assert!(server.hear(text("ACK", "old", ";tag=b")).is_none());
    server.run(Duration::from_secs(5));
    assert!(server.layer.is_empty());
}
