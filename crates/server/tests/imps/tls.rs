//! SSP over TLS: both servers show certificates, and nothing passes between them without.

use imps::csp::{CirMethod, Recipient, User};
use imps::ssp::{Message, Mode, Secret, SendSecretToken, Setup};
use imps::status::Code;
use server::{Setup as ServerSetup, TlsFiles};

use crate::cir::wants;
use crate::lab::domain::{DOMAIN, letter_box, post, put};
use crate::lab::http::Wire;
use crate::lab::tls::{self, Authority};
use crate::lab::two::{AWAY, Two};
use crate::lab::{Handset, Lab};

fn to_bob() -> Recipient {
    Recipient {
        users: vec![User::new(format!("wv:bob@{AWAY}"))],
        ..Recipient::default()
    }
}

/// Whether alice here reaches bob there when the two servers have these certificates.
fn reaches(here: TlsFiles, there: TlsFiles) -> bool {
    let two = Two::over_tls(here, there);
    let mut alice = two.here("alice");
    let mut bob = two.there("bob");
    let sent = alice.send_to(to_bob(), "in private", false);
    if sent.outcome.code != Code::SUCCESSFUL {
        assert_eq!(sent.outcome.code, Code::SERVICE_UNAVAILABLE);
        return false;
    }
    let heard = bob.hear_message();
    assert_eq!(heard.content.unwrap().as_text(), Some("in private"));
    true
}

#[test]
fn both_servers_have_to_show_the_certificate_of_their_domain() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let here = || known.certify(&["localhost", "10.0.0.1"]);
    let there = || known.certify(&[AWAY, "10.0.0.2"]);
    assert!(reaches(here(), there()));
    // Of an authority that the other one does not believe.
    let mut forged = unknown.certify(&[AWAY, "10.0.0.2"]);
    forged.authorities = there().authorities;
    assert!(!reaches(here(), forged));
    // Of another domain, which the host is not called either.
    assert!(!reaches(here(), known.certify(&["c.example", "10.0.0.3"])));
    // Nor the other way round.
    assert!(!reaches(known.certify(&["c.example"]), there()));
}

/// A server that asks a domain for TLS.
fn asks(files: &TlsFiles) -> Lab {
    let (at, _posted) = letter_box();
    Lab::with(|setup, _| ask(setup, files, format!("https://{at}/ssp")))
}

fn ask(setup: &mut ServerSetup, files: &TlsFiles, url: String) {
    setup.tls = Some(files.clone());
    setup.http_tls = Some("127.0.0.1:0".parse().unwrap());
    setup.ssp_secret = Some("a's".to_owned());
    setup.ssp_peers = vec![server::config::SspPeer {
        domain: DOMAIN.to_owned(),
        url: Some(url),
        secret: None,
        tls: false,
    }];
}

/// What begins every session.
fn hello() -> Vec<u8> {
    let message = Message::Setup {
        mode: Mode::Request,
        transaction_id: "t1".to_owned(),
        body: Setup::SendSecretToken(SendSecretToken::new(
            format!("wv:@{DOMAIN}"),
            Secret::new(*b"b's"),
        )),
    };
    message.to_xml().to_vec()
}

#[test]
fn what_comes_without_the_certificate_of_its_domain_is_refused() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let own = known.certify(&["localhost"]);
    let lab = asks(&own);
    let secure = lab.at.https.unwrap();
    let over_tls = |shown: Option<&TlsFiles>| {
        let stream = tls::dial(secure, &own, shown);
        put(stream, "text/xml", &hello())
    };
    assert_eq!(over_tls(Some(&known.certify(&[DOMAIN]))), Some(200));
    // The host of its URL is as good.
    assert_eq!(over_tls(Some(&known.certify(&["127.0.0.1"]))), Some(200));
    assert_eq!(over_tls(Some(&known.certify(&["c.example"]))), Some(403));
    assert_eq!(
        over_tls(Some(&known.certify(&["not-b.example"]))),
        Some(403)
    );
    assert_eq!(over_tls(None), Some(403));
    assert_eq!(over_tls(Some(&unknown.certify(&[DOMAIN]))), None);
    let in_the_clear = post(lab.at.http.unwrap(), "text/xml", &hello());
    assert_eq!(in_the_clear, 403);
}

/// A handset comes by the same door, shows nothing, and is led back to it.
#[test]
fn a_handset_is_served_over_tls_too() {
    let known = Authority::new();
    let own = known.certify(&["localhost"]);
    let lab = asks(&own);
    let at = lab.at.https.unwrap();
    let dial = move || Box::new(tls::dial(at, &own, None)) as Box<dyn Wire>;
    let mut bob = Handset::by(Box::new(dial), at, "bob");
    bob.log_in();
    let agreed = wants(&mut bob, &[CirMethod::StandaloneHttp]);
    let url = agreed.cir_http_url.unwrap();
    let path = url.strip_prefix("https://localhost").unwrap();
    bob.hear_all();
    assert_eq!(bob.fetch(path).status, 204);
}
