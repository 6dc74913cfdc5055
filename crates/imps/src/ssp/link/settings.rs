//! What a link has to know, and what it may cost.

use std::time::Duration;

use crate::id::{Address, AddressError};
use crate::ssp::Secret;

/// The settings of a link. [`Settings::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The service that speaks here: `wv:@a.com`.
    pub own: String,
    /// The service at the other end: `wv:@b.com`.
    pub peer: String,
    /// The secret that the peer has to show to know. Without one, a link makes up its own.
    pub secret: Option<Secret>,
    /// The secret that the peer must send. Without one, whatever it sends counts, for that
    /// handshake only: the proof is then that the peer can be reached where the owner posts to.
    pub peer_secret: Option<Secret>,
    /// For how long the peer may be silent. The peer may want less, but not less than
    /// [`MIN_TIME_TO_LIVE`].
    pub time_to_live: Duration,
    /// How many requests may be without an answer at one time, in each direction. More is trouble
    /// at the other end, which more requests would not cure.
    pub max_under_way: usize,
    /// How long to wait for an answer at first. Each time the wait is twice as long; but a step of
    /// the handshake is said again whenever this has passed.
    pub response_timeout: Duration,
    /// How often a request is sent again before it is given up.
    pub retries: u32,
    /// How long a handshake may go without a step forward. It has three, for each side.
    pub handshake_timeout: Duration,
    /// How long to wait after the first handshake that failed. Each time the wait is twice as long.
    pub redial_min: Duration,
    /// How long to wait at most before dialing again.
    pub redial_max: Duration,
}

/// The least time to live that a peer can ask for: half of it is the interval of keep-alives.
pub const MIN_TIME_TO_LIVE: Duration = Duration::from_secs(30);

/// The longest wait there is. Longer ones say that something should never happen.
const MAX_WAIT: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Why a link cannot be made of some settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// One of the two services is not of the form `wv:@domain`.
    #[error("not a service of the form wv:@domain: {0}")]
    Address(#[from] AddressError),
    /// The two services are the same: nobody speaks to oneself.
    #[error("both ends are the same service")]
    SameService,
    /// A secret is empty, and so is known to all.
    #[error("a secret is empty")]
    EmptySecret,
}

impl Settings {
    /// A link from one service to another, each as in `wv:@a.com`, with the defaults: a time to
    /// live of a day, 256 requests under way, three tries of 20, 40 and 80 seconds, two minutes
    /// for each step of a handshake, and dialing again after 5 seconds to a minute: so long a
    /// network that has healed may go unnoticed.
    pub fn new(own: impl Into<String>, peer: impl Into<String>) -> Self {
        Self {
            own: own.into(),
            peer: peer.into(),
            secret: None,
            peer_secret: None,
            time_to_live: Duration::from_secs(86_400),
            max_under_way: 256,
            response_timeout: Duration::from_secs(20),
            retries: 2,
            handshake_timeout: Duration::from_secs(120),
            redial_min: Duration::from_secs(5),
            redial_max: Duration::from_secs(60),
        }
    }

    /// The two services, if they are sound, and the settings with bounds to every wait.
    pub(super) fn checked(mut self) -> Result<(Self, Address, Address), SettingsError> {
        let own = service(&self.own)?;
        let peer = service(&self.peer)?;
        if own == peer {
            return Err(SettingsError::SameService);
        }
        let secrets = [&self.secret, &self.peer_secret];
        if secrets.into_iter().flatten().any(Secret::is_empty) {
            return Err(SettingsError::EmptySecret);
        }
        self.own = own.to_string();
        self.peer = peer.to_string();
        for wait in [
            &mut self.response_timeout,
            &mut self.handshake_timeout,
            &mut self.redial_min,
            &mut self.redial_max,
        ] {
            *wait = (*wait).clamp(Duration::from_millis(1), MAX_WAIT);
        }
        self.time_to_live = self.time_to_live.clamp(MIN_TIME_TO_LIVE, MAX_WAIT);
        Ok((self, own, peer))
    }
}

fn service(text: &str) -> Result<Address, AddressError> {
    let address = Address::parse(text)?;
    let is_service = address.user().is_none()
        && address.group().is_none()
        && address.contact_list().is_none()
        && address.domain().is_some();
    if is_service {
        Ok(address)
    } else {
        Err(AddressError::Form)
    }
}
