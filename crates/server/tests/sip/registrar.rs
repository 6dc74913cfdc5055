//! Registration over real sockets: RFC 3261 section 10, RFC 3327, 5626, 5627, 7616, 8760.

use crate::lab::{Lab, Phone};
use sip::digest::{self, Algorithm, Challenge, Secret};
use sip::{Name, Response};

fn phones(lab: &Lab, user: &str) -> [Phone; 2] {
    [Phone::udp(lab, user), Phone::tcp(lab, user)]
}

#[test]
fn a_user_registers_and_leaves() {
    let lab = Lab::start();
    for mut phone in phones(&lab, "alice") {
        let response = phone.register();
        let contacts: Vec<_> = response.raw_all(Name::Contact).collect();
        let own = format!("<sip:alice@{}", phone.local);
        assert!(contacts.iter().any(|c| c.starts_with(&own)), "{contacts:?}");
        assert!(response.has(Name::Date));

        let response = phone.request(
            "REGISTER",
            "sip:localhost",
            "Contact: *\r\nExpires: 0\r\n",
            "",
        );
        assert_eq!(response.status(), 200);
        assert!(!response.has(Name::Contact), "nothing is left");
    }
}

#[test]
fn the_challenge_offers_sha_256_first_and_tells_nothing_about_users() {
    let lab = Lab::start();
    let mut seen = Vec::new();
    for (user, password) in [("alice", "wrong"), ("nobody", "password")] {
        let mut phone = Phone::udp(&lab, user);
        let first = phone.call_id();
        let text = phone.write("REGISTER", "sip:localhost", &first, "", "");
        phone.send(text.as_bytes());
        let challenge = phone.final_response(&first);
        assert_eq!(challenge.status(), 401);
        let algorithms: Vec<_> = challenge.raw_all(Name::WwwAuthenticate).collect();
        assert!(
            algorithms[0].contains("algorithm=SHA-256"),
            "{algorithms:?}"
        );
        assert!(algorithms[1].contains("algorithm=MD5"), "{algorithms:?}");

        let credentials = phone.credentials(&challenge, "REGISTER", "sip:localhost", password);
        let text = phone.write("REGISTER", "sip:localhost", &first, &credentials, "");
        phone.send(text.as_bytes());
        let refused = phone.final_response(&first);
        let headers: Vec<_> = refused.iter().map(sip::Field::name).collect();
        seen.push((refused.status(), refused.reason().to_owned(), headers));
    }
    assert_eq!(
        seen[0], seen[1],
        "an unknown user looks like a wrong password"
    );
}

/// RFC 8760 section 2.3: what is offered is what counts.
#[test]
fn only_the_algorithms_of_the_policy_count() {
    let lab = Lab::with(|_, policy| policy.digest = vec![Algorithm::Md5]);
    for mut phone in phones(&lab, "alice") {
        let mut register = |credentials: &str| {
            let call_id = phone.call_id();
            let text = phone.write("REGISTER", "sip:localhost", &call_id, credentials, "");
            phone.send(text.as_bytes());
            phone.final_response(&call_id)
        };
        let challenged = register("");
        for (algorithm, status) in [(Algorithm::Sha256, 401), (Algorithm::Md5, 200)] {
            assert_eq!(offers(&challenged), [Algorithm::Md5]);
            let response = register(&login(&challenged, algorithm));
            assert_eq!(response.status(), status, "{algorithm}");
            if status == 401 {
                assert_eq!(offers(&response), [Algorithm::Md5]);
            }
        }
    }
}

#[test]
fn another_policy_changes_what_is_offered_and_in_which_order() {
    let lab = Lab::start();
    let mut phone = Phone::udp(&lab, "alice");
    let (sha_256, md5) = (Algorithm::Sha256, Algorithm::Md5);
    for offered in [vec![md5, sha_256], vec![sha_256], vec![sha_256, md5]] {
        let policy = server::Policy {
            digest: offered.clone(),
            ..server::Policy::default()
        };
        lab.server().replace_policy(policy);
        let call_id = phone.call_id();
        let text = phone.write("REGISTER", "sip:localhost", &call_id, "", "");
        phone.send(text.as_bytes());
        assert_eq!(offers(&phone.final_response(&call_id)), offered);
    }
}

/// The algorithms of a 401, in its order.
fn offers(response: &Response) -> Vec<Algorithm> {
    let challenges = response.raw_all(Name::WwwAuthenticate);
    challenges
        .map(|value| Challenge::parse(value).unwrap().algorithm)
        .collect()
}

/// alice's answer to a 401 as if it had offered this algorithm.
fn login(response: &Response, algorithm: Algorithm) -> String {
    let offered = response.raw(Name::WwwAuthenticate).unwrap();
    let mut challenge = Challenge::parse(offered).unwrap();
    challenge.algorithm = algorithm;
    let (secret, uri) = (Secret::Password("password"), "sip:localhost");
    let answer = digest::respond(&challenge, "alice", secret, "REGISTER", uri, "c0ffee", 1);
    format!("Authorization: {answer}\r\n")
}

#[test]
fn credentials_work_once() {
    let lab = Lab::start();
    let mut phone = Phone::udp(&lab, "alice");
    let call_id = phone.call_id();
    let text = phone.write("REGISTER", "sip:localhost", &call_id, "", "");
    phone.send(text.as_bytes());
    let challenge = phone.final_response(&call_id);
    let credentials = phone.credentials(&challenge, "REGISTER", "sip:localhost", "password");
    for want in [200, 401] {
        let text = phone.write("REGISTER", "sip:localhost", &call_id, &credentials, "");
        phone.send(text.as_bytes());
        let response = phone.final_response(&call_id);
        assert_eq!(response.status(), want);
        if want == 401 {
            let again = response.raw(Name::WwwAuthenticate).unwrap();
            assert!(again.contains("stale=true"), "{again}");
        }
    }
}

#[test]
fn bindings_outlive_the_server() {
    let store = crate::lab::store();
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    Phone::udp(&lab, "alice").register();
    drop(lab);
    let lab = Lab::on(again, |_, _| {});
    let response = Phone::udp(&lab, "alice").request("REGISTER", "sip:localhost", "", "");
    assert_eq!(response.raw_all(Name::Contact).count(), 1);
}

/// (what, Request-URI, headers, status, a header and what it holds)
type Row = (
    &'static str,
    &'static str,
    &'static str,
    u16,
    Option<(Name, &'static str)>,
);

#[rustfmt::skip]
const REFUSED: &[Row] = &[
    ("another domain",      "sip:elsewhere.example", "", 404, None),
    ("unknown option",      "sip:localhost", "Require: gruu, telepathy\r\n", 420, Some((Name::Unsupported, "telepathy"))),
    ("* without expires",   "sip:localhost", "Contact: *\r\n", 400, None),
    ("* with another",      "sip:localhost", "Contact: *, <sip:a@127.0.0.1>\r\nExpires: 0\r\n", 400, None),
    ("malformed contact",   "sip:localhost", "Contact: <sip:a@127.0.0.1\r\n", 400, None),
    ("contact of no phone", "sip:localhost", "Contact: <http://a.example>\r\n", 400, None),
    ("too short",           "sip:localhost", "Contact: <sip:a@127.0.0.1>;expires=5\r\n", 423, Some((Name::MinExpires, "60"))),
    ("malformed path",      "sip:localhost", "Contact: <sip:a@127.0.0.1>\r\nPath: <sip:a\r\n", 400, None),
];

#[test]
fn what_cannot_be_registered_is_refused_with_its_reason() {
    let lab = Lab::start();
    let mut phone = Phone::tcp(&lab, "alice");
    for (what, uri, headers, status, header) in REFUSED {
        let response = phone.request("REGISTER", uri, headers, "");
        assert_eq!(response.status(), *status, "{what}: {}", response.reason());
        if let Some((name, value)) = header {
            assert_eq!(response.raw(*name), Some(*value), "{what}");
        }
    }
    // Somebody else's address, with one's own password.
    let call_id = phone.call_id();
    let mut text = phone.write("REGISTER", "sip:localhost", &call_id, "", "");
    text = text.replace("To: <sip:alice@", "To: <sip:bob@");
    phone.send(text.as_bytes());
    let challenge = phone.final_response(&call_id);
    let credentials = phone.credentials(&challenge, "REGISTER", "sip:localhost", "password");
    let text = phone.write("REGISTER", "sip:localhost", &call_id, &credentials, "");
    phone.send(text.replace("To: <sip:alice@", "To: <sip:bob@").as_bytes());
    assert_eq!(phone.final_response(&call_id).status(), 403);
}

#[test]
fn a_device_gets_its_gruu_and_path() {
    let lab = Lab::start();
    let mut phone = Phone::tcp(&lab, "alice");
    let headers = "Contact: <sip:alice@127.0.0.1>;+sip.instance=\"<urn:uuid:f81d4fae>\";reg-id=1\r\n\
                   Supported: gruu, path, outbound\r\nPath: <sip:edge.example;lr>\r\n";
    let response = phone.request("REGISTER", "sip:localhost", headers, "");
    let contact = response.raw(Name::Contact).unwrap();
    assert!(
        contact.contains("pub-gruu=\"sip:alice@localhost;gr=urn:uuid:f81d4fae\""),
        "{contact}"
    );
    assert_eq!(response.raw(Name::Path), Some("<sip:edge.example;lr>"));
    assert!(response.lists(Name::Require, "outbound"));
    // The same device again: one binding, not two.
    let response = phone.request("REGISTER", "sip:localhost", headers, "");
    assert_eq!(response.raw_all(Name::Contact).count(), 1);
}

#[test]
fn gruus_reach_their_device_and_no_other() {
    let lab = Lab::start();
    let mut alice = Phone::udp(&lab, "alice");
    let (mut desk, mut pocket) = (Phone::tcp(&lab, "bob"), Phone::udp(&lab, "bob"));
    let mut gruus = Vec::new();
    for (phone, instance) in [(&mut desk, "urn:uuid:d"), (&mut pocket, "urn:uuid:p")] {
        let contact = phone.contact();
        let headers =
            format!("Contact: {contact};+sip.instance=\"<{instance}>\"\r\nSupported: gruu\r\n");
        let response = phone.request("REGISTER", "sip:localhost", &headers, "");
        let contact = response
            .raw_all(Name::Contact)
            .find(|c| c.contains(instance))
            .unwrap();
        let of = |name: &str| {
            contact
                .split(&format!("{name}=\""))
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .to_owned()
        };
        gruus.push([of("pub-gruu"), of("temp-gruu")]);
    }
    for (reached, other, gruus) in [(0, 1, &gruus[0]), (1, 0, &gruus[1])] {
        for gruu in gruus {
            assert!(!gruu.contains("tgruu") || !gruu.contains("bob"), "{gruu}");
            let call_id = alice.call_id();
            let text = alice.write("MESSAGE", gruu, &call_id, "", "");
            alice.send(text.as_bytes());
            let challenge = alice.final_response(&call_id);
            let credentials = alice.credentials(&challenge, "MESSAGE", gruu, "password");
            let text = alice.write("MESSAGE", gruu, &call_id, &credentials, "");
            alice.send(text.as_bytes());
            let phones = [&mut desk, &mut pocket];
            let message = phones[reached].incoming("MESSAGE");
            phones[reached].answer(&message, "200 OK", "t", "", "");
            assert_eq!(alice.final_response(&call_id).status(), 200, "{gruu}");
            phones[other].hears_nothing(|_| false);
        }
    }
    // One that was never given, or whose registration is over.
    let gone = alice.request("MESSAGE", &gruus[0][1].replace("tgruu.", "tgruu.0"), "", "");
    assert_eq!(gone.status(), 404);
}
