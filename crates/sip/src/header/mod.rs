//! Typed headers, one a file: borrowed from the message, parsed when asked for.
//!
//! Headers that are lists of tokens (Allow, Supported, Require ...) need no type: see
//! [`crate::Fields::tokens`].

mod accept;
mod accept_contact;
mod call_id;
mod content_disposition;
mod content_type;
mod cseq;
mod event;
mod feature;
mod max_forwards;
mod name_addr;
mod privacy;
mod q;
mod rack;
mod reason;
mod refer_sub;
mod replaces;
mod retry_after;
mod seconds;
mod session_expires;
mod subscription_state;
mod via;
mod warning;

pub use accept::Accept;
pub use accept_contact::AcceptContact;
pub use call_id::CallId;
pub use content_disposition::ContentDisposition;
pub use content_type::ContentType;
pub use cseq::CSeq;
pub use event::Event;
pub use max_forwards::MaxForwards;
pub(crate) use name_addr::tag;
pub use name_addr::{
    Contact, From, NameAddr, PAssertedIdentity, PPreferredIdentity, Path, RecordRoute, ReferTo,
    ReferredBy, Route, ServiceRoute, To,
};
pub use privacy::Privacy;
pub use rack::{RAck, RSeq};
pub use reason::Reason;
pub use refer_sub::ReferSub;
pub use replaces::Replaces;
pub use retry_after::RetryAfter;
pub use seconds::{Expires, FlowTimer, MinExpires, MinSe};
pub use session_expires::SessionExpires;
pub use subscription_state::{SubscriptionState, Substate};
pub use via::Via;
pub use warning::Warning;

use crate::{Malformed, Name};

/// A header that can be read from its value.
pub trait Header<'a>: Sized {
    /// The name it stands under.
    const NAME: Name;

    /// Reads one value: of a list header, one member.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the value does not follow the header's grammar.
    fn parse(value: &'a str) -> Result<Self, Malformed>;
}

/// A header whose value is a comma-separated list; [`Header::parse`] reads one member.
pub trait List {}
