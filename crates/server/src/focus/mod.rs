//! The controlling IM function: conferences as 7.2.1 and 7.2.2 describe them.

pub(crate) mod adhoc;
mod body;
mod call;
mod comer;
pub(crate) mod credit;
mod entry;
pub(crate) mod group;
mod host;
mod inside;
pub(crate) mod invite;
pub(crate) mod legs;
mod media;
mod outgoing;
pub(crate) mod refer;
pub(crate) mod refusal;
pub(crate) mod rejoin;
pub(crate) mod replace;
pub(crate) mod timer;

pub(crate) use adhoc::{NO_CREDIT, ONE_TO_ONE, identity};
pub(crate) use body::ACCEPT;
pub(crate) use call::{Call, CallEvent};
pub(crate) use credit::Credit;
pub(crate) use replace::REPLACES;

/// The methods a focus understands, as its Allow header lists them.
pub(crate) const ALLOW: &str =
    "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, SUBSCRIBE, NOTIFY, MESSAGE, REFER";

/// The options a focus understands, as its Supported header lists them.
pub(crate) const SUPPORTED: &[&str] = &[
    TIMER,
    RECIPIENT_LIST,
    MULTIPLE_REFER,
    NO_REFER_SUB,
    REPLACES,
];

/// RFC 5368: several people by one REFER.
pub(crate) const MULTIPLE_REFER: &str = "multiple-refer";

/// RFC 4488: no subscription comes of a REFER.
pub(crate) const NO_REFER_SUB: &str = "norefersub";

/// RFC 4028: a session ends that is not kept.
pub(crate) const TIMER: &str = "timer";

/// What a focus wants of a device (IM 7.2.2.1).
pub(crate) const ACCEPT_CONTACT: &str = "*;+g.oma.sip-im";

/// The feature tags of a focus, behind its Contact (RFC 4579 section 4, and the tag of OMA SIMPLE
/// IM).
pub(crate) const FEATURES: &str = ";isfocus;+g.oma.sip-im";

/// RFC 5366: the INVITE carries a list of recipients.
pub(crate) const RECIPIENT_LIST: &str = "recipient-list-invite";
