//! What two servers say to each other before there is a session.
//!
//! ```text
//!   A ──▶ B   SendSecretToken: A's token        B looks A up by itself, and answers there
//!   A ◀── B   SendSecretToken: B's token
//!   A ──▶ B   LoginRequest: digest of B's token
//!   A ◀── B   LoginRequest: digest of A's token
//!   A ──▶ B   LoginResponse: A's session id
//!   A ◀── B   LoginResponse: B's session id
//! ```

use std::fmt;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use super::Error;
use super::inferred::RedirectList;
use super::node::Node;
use super::structure::{Part, structure};
use super::types::octets;
use super::writer::Writer;
use crate::csp::Outcome;

/// A secret token. It is not shown for debugging.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A secret of these octets.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(octets.into())
    }

    /// There is nothing in it. It proves nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many octets it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What proves to its owner that one knows it: BASE64 of its MD5 sum.
    pub fn digest(&self) -> String {
        BASE64_STANDARD.encode(Md5::digest(&self.0))
    }

    /// Whether a digest is that of this secret. Takes the same time wherever they differ.
    pub fn is_proven_by(&self, digest: &str) -> bool {
        let dense: String = digest.split_ascii_whitespace().collect();
        let shown = BASE64_STANDARD_NO_PAD.decode(dense.trim_end_matches('='));
        let own = Md5::digest(&self.0);
        shown.is_ok_and(|shown| shown.ct_eq(&own[..]).into())
    }

    /// Whether two secrets are the same. Takes the same time wherever they differ.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `SecretToken`.
impl Part for Secret {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        octets(node, element).map(Self)
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        match str::from_utf8(&self.0) {
            Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => to.text(text),
            _ => {
                to.attribute("encoding", "base64");
                to.text(&BASE64_STANDARD.encode(&self.0));
            }
        }
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self((0..8).map(|_| chance.below(256) as u8).collect())
    }
}

/// The digest of a secret, as it stands on the wire.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PasswordDigest(pub String);

impl Part for PasswordDigest {
    fn read(node: &Node<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(Self(node.text().to_owned()))
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        to.attribute("encoding", "base64");
        to.text(&self.0);
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self(Secret::any(chance).digest())
    }
}

/// Hands one's secret over, for the other side to show that it could be reached. The protocol is
/// always written as WV-SSP 1.3.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SendSecretToken {
    /// The service that speaks: `wv:@domain`.
    pub service: String,
    /// The version of the protocol, as in `1.3`. `None` if the sender does not say.
    pub version: Option<String>,
    /// The secret.
    pub token: Secret,
}

/// The version of the protocol that is written.
pub const VERSION: &str = "1.3";

impl SendSecretToken {
    /// The token of a service.
    pub fn new(service: impl Into<String>, token: Secret) -> Self {
        Self {
            service: service.into(),
            version: Some(VERSION.to_owned()),
            token,
        }
    }
}

impl Part for SendSecretToken {
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error> {
        let missing = |child| Error::Missing { element, child };
        // The second spelling is that of one implementation.
        let version = node
            .attribute("protocolVersion")
            .or_else(|| node.attribute("procotolVersion"));
        let service = node.attribute("serviceID").ok_or(missing("serviceID"))?;
        let mut tokens = node.named("SecretToken");
        Ok(Self {
            service: service.to_owned(),
            version: version.map(str::to_owned),
            token: Part::read(tokens.next().ok_or(missing("SecretToken"))?, "SecretToken")?,
        })
    }

    fn write(&self, element: &'static str, to: &mut Writer) {
        to.open(element);
        to.attribute("serviceID", &self.service);
        to.attribute("protocol", "WV-SSP");
        if let Some(version) = &self.version {
            to.attribute("protocolVersion", version);
        }
        self.token.write("SecretToken", to);
        to.close(element);
    }

    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self {
        Self::new("wv:@a.com", Part::any(chance))
    }
}

structure! {
    /// Shows that one knows the other side's secret.
    LoginRequest {
        /// The service that speaks: `wv:@domain`.
        service: ! String = @ "serviceID",
        /// The time to live that it wants for the session, in seconds.
        time_to_live_s: ? u32 = @ "timeToLive",
        /// The digest of the other side's secret.
        digest: ! PasswordDigest = "PasswordDigest",
    }
}

structure! {
    /// Says whether the login has succeeded, and under which id to address the one who says so.
    LoginResponse {
        /// The session id of the one who speaks. Missing after a failure.
        session: ? String = @ "sessionID",
        /// The time to live of the session, in seconds.
        time_to_live_s: ? u32 = @ "timeToLive",
        /// How it went.
        status: ! Outcome = "Status",
        /// Where to log in instead.
        redirect: ? RedirectList = "RedirectList",
    }
}
