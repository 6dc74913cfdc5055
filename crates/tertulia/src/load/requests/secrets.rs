//! What a user needs to answer challenges, one after the other with the same nonce.

use std::fmt::Write;

use sip::digest::{self, Challenge, Secret};

use super::scan;
use crate::load::arguments::Common;

/// The login of one user.
#[derive(Debug)]
pub(super) struct Login {
    user: String,
    password: String,
    /// The last challenge, with the user's secret for it.
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    challenge: Challenge,
    ha1: String,
    /// Requests that were sent with its nonce: RFC 7616 section 3.4.
    count: u32,
}

impl Login {
    pub(super) fn new(common: &Common, number: u32) -> Self {
        Self {
            user: common.user(number),
            password: common.password.clone(),
            known: None,
        }
    }

    /// Takes the challenge of a 401 or 407; false if there is none that can be answered.
    pub(super) fn learn(&mut self, answer: &[u8]) -> bool {
        let values = ["WWW-Authenticate", "Proxy-Authenticate"].map(|name| {
            let values = scan::values(answer, name);
            values.filter_map(|value| std::str::from_utf8(value).ok())
        });
        let Ok(challenge) = digest::choose(values.into_iter().flatten()) else {
            return false;
        };
        let is_new = |known: &Known| known.challenge.nonce != challenge.nonce;
        // Two requests under way may both be told of the same nonce.
        if self.known.as_ref().is_none_or(is_new) {
            let ha1 = digest::ha1(
                &self.user,
                &challenge.realm,
                &self.password,
                challenge.algorithm,
            );
            self.known = Some(Known {
                challenge,
                ha1,
                count: 0,
            });
        }
        true
    }

    /// The header field that answers the last challenge for a request, with its line end; nothing
    /// while there is none.
    pub(super) fn answer(&mut self, header: &str, method: &str, uri: &str) -> String {
        let Some(known) = &mut self.known else {
            return String::new();
        };
        known.count += 1;
        let credentials = digest::respond(
            &known.challenge,
            &self.user,
            Secret::Ha1(&known.ha1),
            method,
            uri,
            CNONCE,
            known.count,
        );
        let mut field = String::with_capacity(400);
        let _ = write!(field, "{header}: {credentials}\r\n");
        field
    }
}

/// It would have to be random if the server were to be mistrusted.
const CNONCE: &str = "0a4f113b";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        common: Common,
    }

    #[test]
    fn a_nonce_is_counted_on() {
        let mut login = Login::new(&Line::parse_from(["load"]).common, 3);
        assert_eq!(
            login.answer("Authorization", "REGISTER", "sip:localhost"),
            ""
        );
        let challenge = |nonce| {
            format!(
                "SIP/2.0 401 U\r\nWWW-Authenticate: Digest realm=\"localhost\", nonce=\"{nonce}\", \
                 qop=\"auth\", algorithm=SHA-256\r\n\r\n"
            )
        };
        assert!(!login.learn(b"SIP/2.0 401 Unauthorized\r\n\r\n"));
        assert!(login.learn(challenge("n1").as_bytes()));
        for (count, nonce) in [(1, "n1"), (2, "n1"), (1, "n2")] {
            if count == 1 {
                assert!(login.learn(challenge(nonce).as_bytes()));
            }
            let field = login.answer("Authorization", "REGISTER", "sip:localhost");
            assert!(
                field.starts_with("Authorization: Digest username=\"load3\""),
                "{field}"
            );
            assert!(field.contains(&format!("nc={count:08x}")), "{field}");
            assert!(field.contains(nonce) && field.ends_with("\r\n"), "{field}");
        }
    }
}
