//! What may change while the server runs.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use sip::digest::Algorithm;

/// The rules of the house. A procedure takes one copy in its first line and keeps to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// The controlling function.
    pub focus: Focus,
    /// The registrar.
    pub registrar: Registrar,
    /// The service for handsets.
    pub imps: Imps,
    /// The least time between two NOTIFYs of one subscription (IM-7.2.2.10-S0b).
    pub notify_min_interval: Duration,
    /// Peers whose P-Asserted-Identity is believed, and who need no digest.
    pub trusted_peers: Vec<IpAddr>,
    /// The digest algorithms that users may log in with, in the order of the challenges.
    pub digest: Vec<Algorithm>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            focus: Focus::default(),
            registrar: Registrar::default(),
            imps: Imps::default(),
            // RFC 4575 section 3.9: one in five seconds.
            notify_min_interval: Duration::from_secs(5),
            trusted_peers: Vec::new(),
            digest: Algorithm::ALL.to_vec(),
        }
    }
}

/// How conferences are run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Focus {
    /// The user part of the conference factory URI.
    pub factory: String,
    /// The most users one ad-hoc conference may invite (IM-7.2.1.2-S8), the inviter not counted.
    pub max_adhoc_group_size: u32,
    /// When the inviter gets the 200 (IM-7.2.1.2-OK-S1).
    pub answer: FocusAnswer,
    /// How long a silent leg may ring.
    pub ring: Duration,
    /// How long a leg may be without its MSRP connection. A device connects at once; one that has
    /// not for so long has gone, or cannot reach us.
    pub media: Duration,
    /// May participants of ad-hoc conferences be anonymous (IM-7.2.1.2-S3)?
    pub allow_anonymity: bool,
    /// Who may use the factory (IM-7.2.1.2-S2); empty: every authenticated user.
    pub allowed_senders: Vec<String>,
    /// Do outgoing INVITEs carry the list of recipients (IM-7.2.2.2-S2a)?
    pub recipient_list_history: bool,
    /// The status for a session that does not exist: 403 or 404.
    pub unknown_session: u16,
    /// The session interval asked for (RFC 4028).
    pub session_interval: Duration,
    /// The smallest session interval accepted.
    pub min_session_interval: Duration,
    /// Invitations one user may have running at a time, over all conferences.
    pub fan_out_credit: u32,
}

/// When the inviter gets the 200.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FocusAnswer {
    /// When the first invited user has accepted.
    Confirmed,
    /// At once.
    Immediate,
}

impl From<FocusAnswer> for room::Answer {
    fn from(answer: FocusAnswer) -> Self {
        match answer {
            FocusAnswer::Confirmed => Self::WhenFirstJoins,
            FocusAnswer::Immediate => Self::AtOnce,
        }
    }
}

impl Default for Focus {
    fn default() -> Self {
        Self {
            factory: "conference-factory".to_owned(),
            max_adhoc_group_size: 100,
            answer: FocusAnswer::Confirmed,
            ring: Duration::from_secs(120),
            media: Duration::from_secs(60),
            allow_anonymity: true,
            allowed_senders: Vec::new(),
            recipient_list_history: false,
            unknown_session: 403,
            session_interval: Duration::from_secs(1800),
            min_session_interval: Duration::from_secs(90),
            fan_out_credit: 1000,
        }
    }
}

/// How long registrations last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Registrar {
    /// For a contact that names no time.
    pub default_expires: Duration,
    /// Shorter ones are refused with 423.
    pub min_expires: Duration,
    /// Longer ones are cut to this.
    pub max_expires: Duration,
    /// The most devices of one user.
    pub max_contacts: usize,
}

impl Default for Registrar {
    fn default() -> Self {
        Self {
            default_expires: Duration::from_secs(3600),
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(7200),
            max_contacts: 10,
        }
    }
}

/// How handsets are served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Imps {
    /// Hosts that requests for attention may be sent to, besides those that sessions came from.
    pub cir_to: Vec<IpAddr>,
    /// Peers whose word about a caller's telephone number is believed.
    pub gateways: Vec<IpAddr>,
    /// What the service calls itself.
    pub service_name: String,
    /// How long the peer of a conversation that grows may take to join (IMPS-9.1.11-S28).
    pub extend_timeout: Duration,
    /// The most groups there may be (IMPS-9.1.11-S17).
    pub max_groups: usize,
    /// The most groups that one user may own.
    pub max_groups_per_user: usize,
    /// The most users who may be in one group, whatever it says itself.
    pub max_group_size: u32,
    /// The most sessions there may be.
    pub max_sessions: usize,
    /// The most sessions of one user: of more the oldest ends.
    pub max_sessions_per_user: usize,
    /// For how long a session lives without a sign of life, if the client does not say.
    pub session: Duration,
    /// Longer ones are cut to this.
    pub max_session: Duration,
    /// How long a client is to wait between two polls.
    pub poll_min: Duration,
    /// The most messages kept for one user who does not fetch them.
    pub max_waiting: u32,
    /// How long messages are kept, if the sender does not say less.
    pub keep: Duration,
    /// The largest content of a message, in bytes.
    pub max_message: usize,
    /// The welcome note of conversations that grow without one (IMPS-9.1.11-S6).
    pub welcome: Option<String>,
    /// What everybody who logs in is told.
    pub notice: Option<String>,
}

impl Default for Imps {
    fn default() -> Self {
        super::ImpsKeys::default().policy()
    }
}
