//! Digest authentication as SIP uses it: RFC 7616, RFC 8760 and RFC 3261 section 22.4.
//!
//! A server issues a [`Challenge`] whose nonce comes from [`Nonces`], reads [`Credentials`] and
//! [`verify`]s them. A client [`choose`]s a challenge and [`respond`]s to it. MD5 and SHA-256 with
//! `qop=auth` are spoken; the session variants, `auth-int` and hashed user names are refused by
//! name, so that the log can say why.

mod challenge;
mod client;
mod credentials;
mod nonce;
mod params;
mod server;

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256};

pub use self::{
    challenge::Challenge,
    client::{Secret, choose, respond},
    credentials::{Credentials, Proof},
    nonce::{Nonce, NonceError, Nonces, advance},
    server::verify,
};

/// A digest algorithm we speak, strongest first.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Algorithm {
    /// RFC 8760: to be listed first by a server.
    Sha256,
    /// Kept for peers of RFC 3261, which know nothing else.
    Md5,
}

impl Algorithm {
    /// Every algorithm, in the order in which a server lists its challenges (RFC 8760 2.3).
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Md5];

    /// Reads the `algorithm` parameter; a missing one means MD5 (RFC 7616 3.3).
    ///
    /// # Errors
    ///
    /// [`DigestError::Algorithm`] for anything but MD5 and SHA-256, the `-sess` forms included:
    /// those bind the key to the first nonce, which a server without sessions cannot check.
    pub fn parse(name: Option<&str>) -> Result<Self, DigestError> {
        let Some(name) = name else {
            return Ok(Self::Md5);
        };
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| DigestError::Algorithm(name.to_owned()))
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// The hash of the parts joined by colons, in lower-case hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        match self {
            Self::Sha256 => hash::<Sha256>(parts),
            Self::Md5 => hash::<Md5>(parts),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The stored form of a password: `H(user:realm:password)` in lower-case hexadecimal (RFC 7616
/// 3.4.2). Whoever has it can log in, in this realm, as if they had the password.
pub fn ha1(user: &str, realm: &str, password: &str, algorithm: Algorithm) -> String {
    algorithm.hash(&[user, realm, password])
}

/// The `response` value for `proof`, or the RFC 2069 form without one (RFC 7616 3.4.1).
fn response(
    algorithm: Algorithm,
    ha1: &str,
    nonce: &str,
    proof: Option<&Proof>,
    method: &str,
    uri: &str,
) -> String {
    let ha2 = algorithm.hash(&[method, uri]);
    match proof {
        Some(Proof { cnonce, nc }) => {
            algorithm.hash(&[ha1, nonce, &format!("{nc:08x}"), cnonce, "auth", &ha2])
        }
        None => algorithm.hash(&[ha1, nonce, &ha2]),
    }
}

fn hash<D: Digest>(parts: &[&str]) -> String {
    let mut hasher = D::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            hasher.update(b":");
        }
        hasher.update(part.as_bytes());
    }
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
    hasher
        .finalize()
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Why a challenge or credentials could not be read or answered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// An algorithm we do not speak.
    #[error("digest algorithm {0} is not supported, only SHA-256 and MD5")]
    Algorithm(String),
    /// A parameter appeared twice; guessing which one counts would be unsafe.
    #[error("digest parameter {0} is given twice")]
    Duplicate(String),
    /// A value that breaks the grammar of the named parameter, or of the header as a whole.
    #[error("digest {0} is malformed")]
    Malformed(&'static str),
    /// A parameter that has to be there is not.
    #[error("digest parameter {0} is missing")]
    Missing(&'static str),
    /// No challenge was offered at all.
    #[error("no challenge was given")]
    NoChallenge,
    /// Another scheme than Digest. SIP forbids Basic (RFC 3261 section 22).
    #[error("the authentication scheme is not Digest")]
    NotDigest,
    /// No quality of protection we speak.
    #[error("digest qop {0} is not supported, only auth")]
    Qop(String),
    /// More than we are willing to read.
    #[error("the authentication header is longer than {} octets", params::MAX_LEN)]
    TooLong,
    /// A hashed or encoded user name, which we never ask for.
    #[error("digest parameter {0} is not supported")]
    Username(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "Mufasa";
    const REALM: &str = "http-auth@example.org";
    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    #[test]
    fn the_values_of_rfc_7616_3_9_1() {
        let table = [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                Algorithm::Sha256,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ];
        for (algorithm, want) in table {
            let ha1 = ha1(USER, REALM, "Circle of Life", algorithm);
            let proof = Proof {
                cnonce: CNONCE.to_owned(),
                nc: 1,
            };
            let got = response(
                algorithm,
                &ha1,
                NONCE,
                Some(&proof),
                "GET",
                "/dir/index.html",
            );
            assert_eq!(got, want, "{algorithm}");
        }
    }

    /// A whole login over the wire form of both headers, and its replay.
    #[test]
    fn challenged_answered_let_in_once() {
        let nonces = Nonces::new(&[1; 32]);
        let challenges: Vec<String> = Algorithm::ALL
            .into_iter()
            .map(|algorithm| Challenge::new("localhost", &nonces.issue(100, 7, 3), algorithm))
            .map(|challenge| challenge.to_string())
            .collect();

        let chosen = choose(challenges.iter().map(String::as_str)).unwrap();
        let secret = Secret::Password("password");
        let answer = respond(
            &chosen,
            "alice",
            secret,
            "INVITE",
            "sip:bob@localhost",
            "c",
            1,
        );

        let given = Credentials::parse(&answer.to_string()).unwrap();
        let nonce = nonces.check(&given.nonce, 101).unwrap();
        assert_eq!((nonce.slot, nonce.id), (3, 7));
        let stored = ha1("alice", "localhost", "password", given.algorithm);
        assert!(verify(&given, Some(&stored), "INVITE", "sip:bob@localhost"));
        let nc = given.proof.unwrap().nc;
        let state = advance(0, nc).unwrap();
        assert_eq!(advance(state, nc), None);
    }

    #[test]
    fn hash_of_nothing_is_that_of_rfc_8760() {
        // RFC 8760 2.6, item 7 prints H("") for SHA-256.
        let want = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Algorithm::Sha256.hash(&[""]), want);
    }

    #[test]
    fn algorithm_names() {
        let unknown = |name: &str| Err(DigestError::Algorithm(name.to_owned()));
        let table = [
            (None, Ok(Algorithm::Md5)),
            (Some("md5"), Ok(Algorithm::Md5)),
            (Some("SHA-256"), Ok(Algorithm::Sha256)),
            (Some("MD5-sess"), unknown("MD5-sess")),
            (Some("SHA-256-sess"), unknown("SHA-256-sess")),
            (Some("SHA-512-256"), unknown("SHA-512-256")),
            (Some("AKAv1-MD5"), unknown("AKAv1-MD5")),
            (Some(""), unknown("")),
        ];
        for (name, want) in table {
            assert_eq!(Algorithm::parse(name), want, "{name:?}");
        }
    }
}
