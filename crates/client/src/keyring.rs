//! Digest credentials: what the server asked for, and the answers (RFC 7616, RFC 3261 section 22).

use sip::digest::{self, Challenge, Secret};
use sip::{Name, Response};

/// Challenges that are remembered: one for each realm and place that asks. A client meets its own
/// server, and perhaps a proxy before it.
const MAX_CHALLENGES: usize = 8;

/// The user's secret, and the challenges met so far.
#[derive(Default)]
pub(crate) struct Keyring {
    user: String,
    password: String,
    known: Vec<Known>,
}

struct Known {
    /// The header that answers: Authorization or Proxy-Authorization.
    answer_in: Name,
    challenge: Challenge,
    /// Requests sent with the nonce so far.
    nc: u32,
}

/// What a 401 or 407 means for the request it refuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Send it again: there is an answer now that was not given before.
    Again,
    /// The answer was given, and refused.
    Refused,
}

impl Keyring {
    pub(crate) fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
            known: Vec::new(),
        }
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Takes the challenge of a 401 or 407 in. `signed`: the request had credentials.
    ///
    /// A nonce that has merely grown old (`stale`) is no refusal, and neither is a realm or an
    /// algorithm that was not answered yet.
    pub(crate) fn challenged(&mut self, response: &Response, signed: bool) -> Verdict {
        let (asked_in, answer_in) = match response.status() {
            407 => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
            _ => (Name::WwwAuthenticate, Name::Authorization),
        };
        let Ok(challenge) = digest::choose(response.raw_all(asked_in)) else {
            return Verdict::Refused;
        };
        let known = self
            .known
            .iter_mut()
            .find(|known| known.answer_in == answer_in && known.challenge.realm == challenge.realm);
        let verdict = match &known {
            // Another algorithm than the one answered: the answer was not even looked at.
            Some(known) if signed && known.challenge.algorithm != challenge.algorithm => {
                Verdict::Again
            }
            Some(_) if signed && !challenge.stale => Verdict::Refused,
            _ => Verdict::Again,
        };
        match known {
            Some(known) if known.challenge.nonce == challenge.nonce => {}
            Some(known) => {
                known.challenge = challenge;
                known.nc = 0;
            }
            None => {
                if self.known.len() >= MAX_CHALLENGES {
                    self.known.remove(0);
                }
                self.known.push(Known {
                    answer_in,
                    challenge,
                    nc: 0,
                });
            }
        }
        verdict
    }

    /// The credentials for one request, for every challenge known: so only the first request of all
    /// is refused.
    pub(crate) fn sign(&mut self, method: &str, uri: &str, cnonce: &str) -> Vec<(Name, String)> {
        let mut headers = Vec::with_capacity(self.known.len());
        for known in &mut self.known {
            // RFC 7616 section 3.4: counts the requests sent with this nonce.
            known.nc = known.nc.saturating_add(1);
            let secret = Secret::Password(&self.password);
            let credentials = digest::respond(
                &known.challenge,
                &self.user,
                secret,
                method,
                uri,
                cnonce,
                known.nc,
            );
            headers.push((known.answer_in, credentials.to_string()));
        }
        headers
    }

    /// Forgets everything, so that the next request asks anew.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use sip::Message;
    use sip::digest::{Algorithm, Credentials, ha1, verify};

    use super::*;

    fn refusal(status: u16, header: &str, challenge: &str) -> Response {
        let text = format!("SIP/2.0 {status} No\r\n{header}: {challenge}\r\n\r\n");
        match Message::parse(text.into()).unwrap() {
            Message::Response(response) => response,
            Message::Request(_) => panic!("a response"),
        }
    }

    #[test]
    fn one_nonce_serves_many_requests() {
        let mut keyring = Keyring::new("alice", "secret");
        assert!(keyring.sign("REGISTER", "sip:h", "c").is_empty());
        let first = refusal(
            401,
            "WWW-Authenticate",
            r#"Digest realm="h", nonce="n1", qop="auth""#,
        );
        assert_eq!(keyring.challenged(&first, false), Verdict::Again);
        for nc in 1..4 {
            let headers = keyring.sign("REGISTER", "sip:h", "c");
            let (name, value) = headers.first().unwrap();
            assert_eq!(*name, Name::Authorization);
            let credentials = Credentials::parse(value).unwrap();
            assert_eq!(credentials.proof.as_ref().unwrap().nc, nc);
            let ha1 = ha1("alice", "h", "secret", Algorithm::Md5);
            assert!(verify(&credentials, Some(&ha1), "REGISTER", "sip:h"));
        }
        let stale = refusal(
            401,
            "WWW-Authenticate",
            r#"Digest realm="h", nonce="n2", qop="auth", stale=true"#,
        );
        assert_eq!(keyring.challenged(&stale, true), Verdict::Again);
        let other = refusal(
            401,
            "WWW-Authenticate",
            r#"Digest realm="h", nonce="n2", qop="auth", algorithm=SHA-256"#,
        );
        let mut moved = Keyring::new("alice", "secret");
        moved.challenged(&first, false);
        assert_eq!(moved.challenged(&other, true), Verdict::Again);
        assert_eq!(moved.challenged(&other, true), Verdict::Refused);
        let value = keyring.sign("REGISTER", "sip:h", "c").remove(0).1;
        let credentials = Credentials::parse(&value).unwrap();
        assert_eq!(
            (credentials.nonce.as_str(), credentials.proof.unwrap().nc),
            ("n2", 1)
        );
    }

    #[test]
    fn a_wrong_password_is_not_tried_again() {
        let mut keyring = Keyring::new("alice", "wrong");
        let ask = |nonce| {
            let challenge = format!(r#"Digest realm="h", nonce="{nonce}", qop="auth""#);
            refusal(407, "Proxy-Authenticate", &challenge)
        };
        assert_eq!(keyring.challenged(&ask("1"), false), Verdict::Again);
        assert_eq!(keyring.challenged(&ask("2"), true), Verdict::Refused);
        // Another place that asks is answered once, too.
        let other = refusal(
            401,
            "WWW-Authenticate",
            r#"Digest realm="x", nonce="3", qop="auth""#,
        );
        assert_eq!(keyring.challenged(&other, true), Verdict::Again);
        let names: Vec<_> = keyring
            .sign("INVITE", "sip:h", "c")
            .into_iter()
            .map(|h| h.0)
            .collect();
        assert_eq!(names, [Name::ProxyAuthorization, Name::Authorization]);
        let unknown = refusal(401, "WWW-Authenticate", "Basic realm=\"h\"");
        assert_eq!(keyring.challenged(&unknown, false), Verdict::Refused);
    }
}
