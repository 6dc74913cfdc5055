//! The server's side: is this the password?

use subtle::ConstantTimeEq;

use super::{Algorithm, Credentials, response};

/// Stand in for the stored hash of a user there is none of, so that the same work is done.
const NOBODY_SHA256: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const NOBODY_MD5: &str = "00000000000000000000000000000000";

/// Whether the credentials prove knowledge of the password behind `ha1`, for this request.
///
/// `ha1` is the stored [`super::ha1`] for `credentials.algorithm`. For an unknown user pass `None`:
/// the answer is then always no, after the same work, so that neither the reply nor its time tells
/// an unknown user from a wrong password. `method` is the request's, `request_uri` its Request-URI
/// as text; for a CANCEL or an ACK do not ask (RFC 3261 22.1).
///
/// The nonce is not looked at: [`super::Nonces::check`] and [`super::advance`] do that.
pub fn verify(
    credentials: &Credentials,
    ha1: Option<&str>,
    method: &str,
    request_uri: &str,
) -> bool {
    let nobody = match credentials.algorithm {
        Algorithm::Sha256 => NOBODY_SHA256,
        Algorithm::Md5 => NOBODY_MD5,
    };
    let want = response(
        credentials.algorithm,
        ha1.unwrap_or(nobody),
        &credentials.nonce,
        credentials.proof.as_ref(),
        method,
        &credentials.uri,
    );
    let given = credentials.response.to_ascii_lowercase();
    let equal: bool = want.as_bytes().ct_eq(given.as_bytes()).into();
    // Without qop there is no count, and a recorded request could be sent again: RFC 8760 2.6 has a
    // server always ask for qop, so a client that leaves it out did not answer us.
    let counted = credentials.proof.is_some();
    equal & counted & ha1.is_some() & same_target(&credentials.uri, request_uri)
}

/// Whether two URIs name the same user at the same host.
///
/// RFC 8760 2.6, item 6 lets a server accept others than the equivalent. URI parameters are not
/// compared, because clients add and drop `transport` and `lr` between the two places.
fn same_target(a: &str, b: &str) -> bool {
    let split = |uri: &str| {
        let end = uri.find(['?', '>']).unwrap_or(uri.len());
        let uri = uri.get(..end).unwrap_or(uri).trim();
        let (scheme, rest) = uri.split_once(':').unwrap_or(("", uri));
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, rest),
        };
        let host = host.split(';').next().unwrap_or(host);
        (scheme.to_ascii_lowercase(), user, host.to_ascii_lowercase())
    };
    split(a) == split(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Challenge, Secret, ha1, respond};

    const URI: &str = "sip:localhost";

    fn credentials(algorithm: Algorithm, password: &str) -> Credentials {
        let challenge = Challenge::new("localhost", "n", algorithm);
        let secret = Secret::Password(password);
        respond(&challenge, "alice", secret, "REGISTER", URI, "c", 1)
    }

    #[test]
    fn right_and_wrong() {
        for algorithm in Algorithm::ALL {
            let stored = ha1("alice", "localhost", "password", algorithm);
            let good = credentials(algorithm, "password");
            assert!(verify(&good, Some(&stored), "REGISTER", URI));
            // Hexadecimal digits may be written in capitals by careless clients.
            let mut loud = good.clone();
            loud.response = loud.response.to_ascii_uppercase();
            assert!(verify(&loud, Some(&stored), "REGISTER", URI));

            let bad = credentials(algorithm, "Password");
            assert!(!verify(&bad, Some(&stored), "REGISTER", URI));
            assert!(!verify(&good, Some(&stored), "INVITE", URI));
            assert!(!verify(&good, Some(&stored), "REGISTER", "sip:elsewhere"));
        }
    }

    #[test]
    fn a_user_there_is_none_of_never_gets_in() {
        let challenge = Challenge::new("localhost", "n", Algorithm::Sha256);
        // Not even with the value the comparison is made against.
        let secret = Secret::Ha1(NOBODY_SHA256);
        let credentials = respond(&challenge, "nobody", secret, "REGISTER", URI, "c", 1);
        assert!(verify(&credentials, Some(NOBODY_SHA256), "REGISTER", URI));
        assert!(!verify(&credentials, None, "REGISTER", URI));
    }

    #[test]
    fn no_count_no_entry() {
        let challenge = Challenge {
            qop: Vec::new(),
            ..Challenge::new("localhost", "n", Algorithm::Md5)
        };
        let secret = Secret::Password("password");
        let old = respond(&challenge, "alice", secret, "REGISTER", URI, "c", 1);
        let stored = ha1("alice", "localhost", "password", Algorithm::Md5);
        assert!(!verify(&old, Some(&stored), "REGISTER", URI));
    }

    #[test]
    fn each_part_of_the_proof_counts() {
        let stored = ha1("alice", "localhost", "password", Algorithm::Md5);
        let spoil: [fn(&mut Credentials); 6] = [
            |c| c.response.clear(),
            |c| c.response.push('0'),
            |c| c.nonce.push('x'),
            |c| c.uri.push_str(";x"),
            |c| c.proof.as_mut().unwrap().nc = 2,
            |c| c.proof.as_mut().unwrap().cnonce.push('x'),
        ];
        for (i, spoil) in spoil.into_iter().enumerate() {
            let mut credentials = credentials(Algorithm::Md5, "password");
            spoil(&mut credentials);
            assert!(!verify(&credentials, Some(&stored), "REGISTER", URI), "{i}");
        }
    }

    #[test]
    fn targets() {
        let table = [
            ("sip:Bob@h", "sip:Bob@H;transport=tcp", true),
            ("sip:h;lr", "SIP:h", true),
            ("sip:bob@h?subject=x", "sip:bob@h", true),
            ("sip:bob;ext=1@h", "sip:bob;ext=1@h", true),
            ("sip:bob@h", "sip:Bob@h", false),
            ("sip:bob@h", "sips:bob@h", false),
            ("sip:bob@h", "sip:h", false),
            ("sip:h:5060", "sip:h:5070", false),
            ("", "sip:h", false),
        ];
        for (a, b, want) in table {
            assert_eq!(same_target(a, b), want, "{a} {b}");
        }
    }
}
