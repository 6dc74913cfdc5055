//! What an agent is told at start: who it is, where its server is, what it asks for.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use imps::csp::DeliveryMethod;
use imps::digest::DigestSchema;
use imps::service::{Function, Functions};
use imps::{Encoding, MAX_BYTES, Version};

/// How the agent shows that it knows the password.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Login {
    /// It sends the password.
    TwoWay,
    /// It offers to compute these, and sends what the server chooses.
    FourWay(Vec<DigestSchema>),
}

/// How the agent hears that something waits for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cir {
    /// It asks.
    Poll {
        /// How often. Never more often than the server allows.
        every: Duration,
    },
    /// By a line over a connection that it opens.
    Tcp,
    /// By a datagram to this port; 0 is any.
    Udp {
        /// Where it listens.
        port: u16,
    },
    /// By asking at an address over HTTP, which costs the server less than to be polled.
    Http,
}

/// What an agent is told at start. [`Config::new`] gives the usual values.
#[derive(Clone)]
pub struct Config {
    /// The user, such as `wv:alice@localhost`.
    pub user: String,
    /// The password.
    pub password: String,
    /// Where HTTP is spoken.
    pub server: SocketAddr,
    /// The path that is posted to.
    pub path: String,
    /// The value of the header Host.
    pub host: String,
    /// The version of CSP.
    pub version: Version,
    /// How documents are written.
    pub encoding: Encoding,
    /// How the agent shows that it knows the password.
    pub login: Login,
    /// The address of the client, by which the server tells those of one user apart.
    pub client: String,
    /// The functions to ask for, as far as the version has them. Without [`Function::Excon`] the
    /// agent does not know ExtendConversation (IMPS-9.1.11-S40).
    pub functions: Functions,
    /// How the agent hears that something waits for it.
    pub cir: Cir,
    /// How often the agent asks while that does not work.
    pub poll: Duration,
    /// The name in groups. Without one the server chooses.
    pub screen_name: Option<String>,
    /// How long a session is to live without a sign of life, in whole seconds.
    pub time_to_live: Duration,
    /// How messages are to come at first.
    pub delivery: DeliveryMethod,
    /// The media types that can be shown.
    pub content_types: Vec<String>,
    /// The most transactions in one message, from either side.
    pub multi_trans: u32,
    /// The largest document that is read, in bytes; never above [`MAX_BYTES`].
    pub parser_size: u32,
    /// Log in again when the session is lost.
    pub relogin: bool,
    /// Join the group as soon as somebody goes on there with a conversation (ExtendConversation).
    pub auto_join_ec: bool,
    /// The address of ours that is used; `None` leaves the choice to the system.
    pub local: Option<IpAddr>,
    /// How long the answer to one attempt at a request may take.
    pub patience: Duration,
}

impl Config {
    /// A client of CSP 1.3 for `user` behind `server`, which asks for everything.
    pub fn new(user: &str, password: &str, server: SocketAddr) -> Self {
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
            server,
            path: "/csp".to_owned(),
            host: server.to_string(),
            version: Version::V1_3,
            encoding: Encoding::Wbxml,
            login: Login::FourWay(vec![DigestSchema::Md5, DigestSchema::Sha]),
            client: "http://localhost/tertulia".to_owned(),
            functions: Functions::of(Function::ALL),
            cir: Cir::Tcp,
            poll: Duration::from_secs(5),
            screen_name: None,
            time_to_live: Duration::from_secs(600),
            delivery: DeliveryMethod::Push,
            content_types: vec!["text/plain".to_owned()],
            multi_trans: 4,
            parser_size: u32::try_from(MAX_BYTES).unwrap_or(u32::MAX),
            relogin: true,
            auto_join_ec: true,
            local: None,
            patience: Duration::from_secs(30),
        }
    }

    /// A client that does not know ExtendConversation (IMPS-9.1.11-S40), and reads and writes one
    /// transaction at a time, as handsets do.
    pub fn legacy(user: &str, password: &str, server: SocketAddr) -> Self {
        let mut config = Self::new(user, password, server);
        config.functions = config.functions.without(Functions::of(&[Function::Excon]));
        config.multi_trans = 1;
        config
    }

    /// The same without group change notices: neither asked for nor subscribed to.
    #[must_use]
    pub fn without_notices(mut self) -> Self {
        let notices = Functions::of(&[Function::Grchn, Function::Subgcn]);
        self.functions = self.functions.without(notices);
        self
    }

    /// What is asked for in this version.
    pub(super) fn wanted(&self) -> Functions {
        let all = Functions::all(self.version);
        self.functions.wanted(self.version).both(all)
    }

    /// The media type of what is posted.
    pub(super) fn media_type(&self) -> &'static str {
        match (self.version, self.encoding) {
            (Version::V1_1 | Version::V1_2, Encoding::Wbxml) => "application/vnd.wv.csp.wbxml",
            (Version::V1_1 | Version::V1_2, Encoding::Xml) => "application/vnd.wv.csp.xml",
            (Version::V1_3, Encoding::Wbxml) => "application/vnd.wv.csp+wbxml",
            (Version::V1_3, Encoding::Xml) => "application/vnd.wv.csp+xml",
        }
    }
}

/// Says everything but the password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("user", &self.user)
            .field("server", &self.server)
            .field("version", &self.version)
            .field("encoding", &self.encoding)
            .field("cir", &self.cir)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for() {
        let server = "10.0.0.1:80".parse().unwrap();
        let new = Config::new("wv:ann@im.com", "secret", server);
        let legacy = Config::legacy("wv:ann@im.com", "secret", server);
        let plain = legacy.clone().without_notices();
        let mut old = new.clone();
        old.version = Version::V1_2;
        // IMPS-9.1.11-S40: to know ExtendConversation or not to is the client's choice.
        let rows = [
            (&new, [true, true]),
            (&legacy, [false, true]),
            (&plain, [false, false]),
            (&old, [false, true]),
        ];
        for (config, [excon, notices]) in rows {
            assert_eq!(config.wanted().contains(Function::Excon), excon);
            assert_eq!(config.wanted().contains(Function::Grchn), notices);
            assert!(config.wanted().contains(Function::Invit));
        }
        assert!(!format!("{new:?}").contains("secret"));
    }

    #[test]
    fn media_types() {
        let mut config = Config::new("wv:ann", "", "10.0.0.1:80".parse().unwrap());
        assert_eq!(config.media_type(), "application/vnd.wv.csp+wbxml");
        config.version = Version::V1_1;
        assert_eq!(config.media_type(), "application/vnd.wv.csp.wbxml");
        config.encoding = Encoding::Xml;
        assert_eq!(config.media_type(), "application/vnd.wv.csp.xml");
        config.version = Version::V1_3;
        assert_eq!(config.media_type(), "application/vnd.wv.csp+xml");
    }
}
