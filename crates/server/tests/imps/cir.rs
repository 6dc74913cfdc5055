//! Requests for attention: how a client that does not poll learns that something waits.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use imps::csp::{AgreedCapabilityList, CapabilityList, CirMethod, LogoutRequest};
use imps::{Encoding, Version};

use crate::lab::handset::{Wire, connect};
use crate::lab::{Handset, Lab, SimLab};

/// A connection on which a client waits.
struct Line<W: Wire>(BufReader<W>);

impl<W: Wire> Line<W> {
    fn new(stream: W) -> Self {
        Self(BufReader::new(stream))
    }

    fn says(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The next line; nothing when the server has closed.
    fn hears(&mut self) -> String {
        let mut line = String::new();
        // With something unread the end is a reset.
        let _ = self.0.read_line(&mut line);
        line
    }

    /// Nothing has been said up to now.
    fn is_quiet(&mut self) {
        self.says("PING\r\n");
        assert_eq!(self.hears(), "OK\r\n");
    }
}

fn line(lab: &Lab) -> Line<std::net::TcpStream> {
    Line::new(connect(lab.at.cir_tcp.unwrap()))
}

/// A line of a client that has polled before.
fn attended(lab: &Lab, handset: &mut Handset) -> Line<std::net::TcpStream> {
    handset.hear_all();
    let mut line = line(lab);
    line.says(&format!("HELO {}\r\n", handset.session));
    assert_eq!(line.hears(), "OK\r\n");
    line
}

pub(super) fn wants(handset: &mut Handset, methods: &[CirMethod]) -> AgreedCapabilityList {
    handset.capable(CapabilityList {
        cir_methods: methods.to_vec(),
        ..CapabilityList::default()
    })
}

// ---- Over TCP ----

#[test]
fn a_client_on_the_line_is_told_once_until_it_comes() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    for version in Version::ALL {
        let mut bob = Handset::speaking(&lab, "bob", version, Encoding::Wbxml);
        let mut line = attended(&lab, &mut bob);
        for ping in ["PING\r\n", "PING \r\n", "ping\n"] {
            line.says(ping);
            assert_eq!(line.hears(), "OK\r\n", "{ping:?}");
        }
        for _ in 0..2 {
            alice.send("bob", "one");
            assert_eq!(line.hears(), format!("WVCI {version} cookie-bob\r\n"));
            alice.send("bob", "two");
            line.is_quiet();
            assert_eq!(bob.hear_all().len(), 2);
        }
        // Who says HELO again is heard.
        line.says(&format!("HELO {}\r\n", bob.session));
        assert_eq!(line.hears(), "OK\r\n");
    }
}

#[test]
fn what_came_while_nobody_was_on_the_line_is_told_at_once() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    bob.hear_all();
    alice.send("bob", "hello");
    let mut line = line(&lab);
    line.says(&format!("helo  {} \r\n", bob.session));
    assert_eq!(line.hears(), "OK\r\n");
    assert_eq!(line.hears(), "WVCI 1.3 cookie-bob\r\n");
}

#[test]
fn a_cookie_that_no_line_can_hold_is_left_out() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    for (cookie, want) in [
        (None, "WVCI 1.3\r\n"),
        (Some("x y".to_owned()), "WVCI 1.3 x y\r\n"),
        (Some("x\u{85}y".to_owned()), "WVCI 1.3\r\n"),
        (Some("x\r\nOK".to_owned()), "WVCI 1.3\r\n"),
        (Some("x".repeat(257)), "WVCI 1.3\r\n"),
    ] {
        let mut bob = Handset::off(&lab, "bob", Version::V1_3, Encoding::Wbxml);
        let response = bob.login(imps::csp::LoginRequest {
            password: Some("password".to_owned()),
            session_cookie: cookie.clone(),
            ..bob.login_request()
        });
        bob.session = response.session.unwrap();
        let mut line = attended(&lab, &mut bob);
        alice.send("bob", "hello");
        assert_eq!(line.hears(), want, "{cookie:?}");
    }
}

#[test]
fn whoever_is_no_client_learns_nothing() {
    let lab = Lab::start();
    let bob = Handset::on(&lab, "bob");
    let long = "x".repeat(5000);
    for said in [
        "HELO nosuch\r\n".to_owned(),
        "HELO\r\n".to_owned(),
        "HELO \r\n".to_owned(),
        "PING\r\n".to_owned(),
        format!("EHLO {}\r\n", bob.session),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "\r\n".to_owned(),
        "\u{0}\u{1}\n".to_owned(),
        long,
    ] {
        let mut line = line(&lab);
        line.says(&said);
        assert_eq!(line.hears(), "", "{said:.20}");
    }
}

#[test]
fn a_line_ends_with_its_session_and_with_the_next_line() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let mut first = attended(&lab, &mut bob);
    let mut second = attended(&lab, &mut bob);
    assert_eq!(first.hears(), "");
    alice.send("bob", "hello");
    assert_eq!(second.hears(), "WVCI 1.3 cookie-bob\r\n");
    for said in [
        "TICKLE\r\n".to_owned(),
        "x".repeat(5000),
        "HELO nosuch\r\n".to_owned(),
    ] {
        let mut line = attended(&lab, &mut bob);
        line.says(&said);
        assert_eq!(line.hears(), "", "{said:.20}");
    }
    let mut last = attended(&lab, &mut bob);
    bob.done(LogoutRequest {});
    assert_eq!(last.hears(), "");
    let mut late = line(&lab);
    late.says(&format!("HELO {}\r\n", bob.session));
    assert_eq!(late.hears(), "");
}

#[test]
fn a_line_that_is_silent_is_closed() {
    let lab = SimLab::with(|_, policy| policy.imps.max_session = Duration::from_secs(86_400));
    let start = lab.now();
    let mut mute = Line::new(lab.line(3717));
    assert_eq!(mute.hears(), "");
    assert_eq!((lab.now() - start).as_secs(), 30);
    // A client says PING now and then.
    let mut bob = lab.handset_off("bob");
    let response = bob.login(imps::csp::LoginRequest {
        password: Some("password".to_owned()),
        time_to_live_s: Some(86_400),
        ..bob.login_request()
    });
    bob.session = response.session.unwrap();
    let mut line = Line::new(lab.line(3717));
    line.says(&format!("HELO {}\r\n", bob.session));
    assert_eq!(line.hears(), "OK\r\n");
    assert_eq!(line.hears(), "WVCI 1.3 cookie-bob\r\n");
    for _ in 0..9 {
        lab.pass(Duration::from_secs(1200));
        line.is_quiet();
    }
    let start = lab.now();
    assert_eq!(line.hears(), "");
    assert_eq!((lab.now() - start).as_secs(), 7200);
}

/// One that has expired ends its line, though nobody comes to hear of it.
#[test]
fn a_session_that_expires_ends_its_line() {
    let lab = SimLab::with(|_, _| {});
    let mut alice = lab.handset("alice");
    let mut bob = lab.handset("bob");
    bob.hear_all();
    let mut line = Line::new(lab.line(3717));
    line.says(&format!("HELO {}\r\n", bob.session));
    assert_eq!(line.hears(), "OK\r\n");
    // Told again when it has not come for a while and there is something new.
    for _ in 0..2 {
        alice.send("bob", "hello");
        assert_eq!(line.hears(), "WVCI 1.3 cookie-bob\r\n");
        lab.pass(Duration::from_secs(11));
    }
    assert_eq!(line.hears(), "");
}

#[test]
fn where_to_connect_is_told() {
    let lab = Lab::start();
    let mut bob = Handset::on(&lab, "bob");
    let tcp = [
        CirMethod::StandaloneTcp,
        CirMethod::WapSms,
        CirMethod::StandaloneTcp,
    ];
    let agreed = wants(&mut bob, &tcp);
    let at = lab.at.cir_tcp.unwrap();
    assert_eq!(agreed.cir_methods, [CirMethod::StandaloneTcp]);
    assert_eq!(agreed.tcp_address, Some(at.ip().to_string()));
    assert_eq!(agreed.tcp_port, Some(at.port()));
    // The oldest are told in their own way.
    let mut old = Handset::speaking(&lab, "carol", Version::V1_1, Encoding::Xml);
    let agreed = wants(&mut old, &tcp);
    assert_eq!(agreed.cir_methods, [CirMethod::StandaloneTcp]);
    assert_eq!(
        (agreed.tcp_address, agreed.tcp_port),
        (Some(at.ip().to_string()), Some(at.port()))
    );
    let lab = Lab::with(|setup, _| {
        setup.cir_tcp = None;
        setup.cir_udp = None;
    });
    let mut bob = Handset::on(&lab, "bob");
    let all = [
        CirMethod::StandaloneTcp,
        CirMethod::WapUdp,
        CirMethod::StandaloneUdp,
    ];
    let agreed = wants(&mut bob, &all);
    assert_eq!((agreed.cir_methods, agreed.tcp_port), (Vec::new(), None));
}

// ---- Over UDP ----

fn datagrams(method: CirMethod, port: Option<u16>, host: Option<&str>) -> CapabilityList {
    CapabilityList {
        cir_methods: vec![method],
        udp_port: port,
        udp_address: host.map(str::to_owned),
        ..CapabilityList::default()
    }
}

#[test]
fn datagrams_go_to_where_the_login_came_from() {
    let lab = SimLab::with(|_, _| {});
    let mut alice = lab.handset("alice");
    let (plain, push) = (
        b"WVCI 1.3 cookie-bob".as_slice(),
        [0, 6, 3, 0xC6, 0xAF, 0x8A],
    );
    let pushed = [&push, plain].concat();
    for (method, port, want) in [
        (CirMethod::StandaloneUdp, 4711, plain),
        (CirMethod::WapUdp, 2948, pushed.as_slice()),
    ] {
        let (mut bob, mut socket) = lab.handset_and_port("bob", port);
        bob.log_in();
        let agreed = bob.capable(datagrams(method.clone(), Some(4711), None));
        assert_eq!(agreed.cir_methods, [method]);
        bob.hear_all();
        alice.send("bob", "hello");
        assert_eq!(socket.read().unwrap(), want);
        bob.hear_all();
        alice.send("bob", "hello");
        assert_eq!(socket.read().unwrap(), want);
        // What is agreed anew replaces what was.
        bob.capable(datagrams(CirMethod::StandaloneHttp, None, None));
        bob.hear_all();
        alice.send("bob", "hello");
        assert_eq!(socket.read(), None);
        alice.hang_up();
        alice.log_in();
    }
}

#[test]
fn datagrams_go_nowhere_else_unless_it_was_allowed() {
    let lab = SimLab::with(|_, policy| policy.imps.cir_to = vec!["10.0.1.2".parse().unwrap()]);
    let mut alice = lab.handset("alice");
    let (_second, mut allowed) = lab.handset_and_port("dave", 4711);
    assert_eq!(allowed.local().to_string(), "10.0.1.2:4711");
    let mut bob = lab.handset("bob");
    for (port, host) in [
        (Some(4711), Some("10.0.1.1")),
        (Some(4711), Some("10.0.0.1")),
        (Some(4711), Some("0.0.0.0")),
        (Some(4711), Some("phone.example.org")),
        (Some(0), None),
        (None, None),
    ] {
        let agreed = bob.capable(datagrams(CirMethod::StandaloneUdp, port, host));
        assert_eq!(agreed.cir_methods, [], "{port:?} {host:?}");
    }
    let list = datagrams(CirMethod::StandaloneUdp, Some(4711), Some("10.0.1.2"));
    assert_eq!(bob.capable(list).cir_methods, [CirMethod::StandaloneUdp]);
    bob.hear_all();
    alice.send("bob", "hello");
    assert_eq!(allowed.read().unwrap(), b"WVCI 1.3 cookie-bob".as_slice());
}

// ---- Over HTTP ----

/// The path of the URL that a client was told to ask.
fn path(agreed: &AgreedCapabilityList, base: &str) -> String {
    let url = agreed.cir_http_url.as_ref().unwrap();
    let path = url.strip_prefix(base).unwrap();
    assert!(path.starts_with("/csp/cir/") && path.len() > 30, "{url}");
    path.to_owned()
}

#[test]
fn a_client_can_ask_over_http_whether_anything_waits() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    for version in [Version::V1_2, Version::V1_3] {
        let mut bob = Handset::speaking(&lab, "bob", version, Encoding::Xml);
        let first = wants(&mut bob, &[CirMethod::StandaloneHttp]);
        let Some(_) = &first.cir_http_url else {
            panic!("{version}: {first:?}");
        };
        let first = path(&first, "http://localhost");
        bob.hear_all();
        assert_eq!(bob.fetch(&first).status, 204);
        alice.send("bob", "hello");
        assert_eq!(bob.fetch(&first).status, 200);
        bob.hear_all();
        assert_eq!(bob.fetch(&first).status, 204);
        // One URL at a time, and it goes with the session.
        let twice = [CirMethod::StandaloneHttp, CirMethod::StandaloneHttp];
        let second = wants(&mut bob, &twice);
        assert_eq!(second.cir_methods, [CirMethod::StandaloneHttp]);
        let second = path(&second, "http://localhost");
        assert_eq!(
            (bob.fetch(&first).status, bob.fetch(&second).status),
            (404, 204)
        );
        bob.done(LogoutRequest {});
        assert_eq!(bob.fetch(&second).status, 404);
    }
}

#[test]
fn the_url_to_ask_is_the_operators() {
    let lab = Lab::with(|setup, _| setup.http_url = Some("https://im.example.org".to_owned()));
    let mut bob = Handset::on(&lab, "bob");
    let agreed = wants(&mut bob, &[CirMethod::StandaloneHttp]);
    path(&agreed, "https://im.example.org");
    // What a client writes into Host is repeated only if it is a host.
    let lab = Lab::start();
    let mut bob = Handset::on(&lab, "bob");
    bob.extra = vec![("Host".to_owned(), "x\"><script".to_owned())];
    let agreed = wants(&mut bob, &[CirMethod::StandaloneHttp]);
    path(&agreed, "http://localhost");
}
