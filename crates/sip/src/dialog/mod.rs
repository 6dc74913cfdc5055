//! Dialogs: two sides, a Call-ID, and what each must remember of the other (RFC 3261 section 12).
//!
//! - [`Outset`] is a request outside any dialog, from which dialogs may grow; [`Dialog`] is one
//!   of them; [`DialogId`] names it.
//! - [`Forks`] gathers the dialogs of one INVITE; [`Invites`] keeps two INVITEs of one dialog
//!   from meeting.

mod id;
mod invite;
mod outset;
mod path;

pub use id::DialogId;
pub use invite::{Forks, Invites, Leg, retry_after_glare};
pub use outset::Outset;

use crate::header::{CSeq, To};
use crate::{Draft, Malformed, Method, Name, Request, Response};
use path::Path;

/// One side of a dialog.
///
/// It remembers what every request and response inside it needs. What the dialog is for
/// (a session, a subscription) its owner knows.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    stage: Stage,
    /// The From value of our requests, tag and all.
    local: Box<str>,
    /// The To value of our requests, with the tag if the peer has one.
    remote: Box<str>,
    path: Path,
    contact: Box<str>,
    /// The CSeq of our latest request; `None` before the first.
    local_cseq: Option<u32>,
    /// The CSeq of the peer's latest request; `None` before the first.
    remote_cseq: Option<u32>,
}

/// How firm a dialog is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// There has been a provisional response with a tag.
    Early,
    /// There has been a 2xx.
    Confirmed,
}

/// Why a request inside a dialog is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A header the dialog needs cannot be read: 400.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It belongs to another dialog, or to none: 481.
    #[error("the request belongs to no dialog of ours")]
    NoDialog,
    /// It is older than one that has already come: 500 (RFC 3261 section 12.2.2).
    #[error("the request is out of order")]
    OutOfOrder,
    /// It meets an INVITE of ours: 491 (RFC 3261 section 14.2).
    #[error("a request of ours is pending")]
    Pending,
    /// An INVITE before it has no final response yet: 500 with Retry-After (RFC 3261 section
    /// 14.2).
    #[error("the request before has not been answered")]
    Unanswered {
        /// The value of Retry-After, in seconds.
        retry_after: u32,
    },
}

impl Refusal {
    /// The status that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::NoDialog => 481,
            Self::OutOfOrder | Self::Unanswered { .. } => 500,
            Self::Pending => 491,
        }
    }
}

impl Dialog {
    /// The dialog that a request of the peer makes, early as yet (RFC 3261 section 12.1.1).
    ///
    /// `local_tag` must be random and new, and stand in the To of every response but a 100;
    /// `contact` is the Contact value for what we send.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when Call-ID, From, To, CSeq, Contact or a Record-Route is missing or cannot
    /// be read, and when the To has a tag already: then the dialog is not ours to make.
    pub fn uas(request: &Request, local_tag: &str, contact: &str) -> Result<Self, Malformed> {
        if request.require::<To<'_>>()?.tag().is_some() {
            return Err(Malformed("the request is inside a dialog already"));
        }
        let target = path::target(request)?.ok_or(Malformed("there is no Contact"))?;
        let received = DialogId::of_request(request)?;
        let id = DialogId::new(received.call_id(), local_tag, received.remote_tag());
        let to = request.raw(Name::To).unwrap_or_default();
        Ok(Self {
            id,
            stage: Stage::Early,
            local: with_tag(to, local_tag),
            remote: request.raw(Name::From).unwrap_or_default().into(),
            // RFC 3261 section 12.1.1: in the order they stand.
            path: Path::new(&target, path::record_route(request)?),
            contact: contact.into(),
            local_cseq: None,
            remote_cseq: Some(request.require::<CSeq<'_>>()?.number),
        })
    }

    /// The dialog that a response to a request of ours makes (RFC 3261 section 12.1.2): early if
    /// it is provisional, confirmed if it is 2xx.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the response is not one that makes a dialog (a 100, or a refusal), is
    /// not an answer to `outset`, or when To, Contact or a Record-Route is missing or cannot be
    /// read.
    pub fn uac(outset: &Outset, response: &Response) -> Result<Self, Malformed> {
        let stage = match response.status() {
            101..=199 => Stage::Early,
            200..=299 => Stage::Confirmed,
            _ => return Err(Malformed("this response makes no dialog")),
        };
        let id = DialogId::of_response(response)?;
        if id.call_id() != &*outset.call_id || id.local_tag() != &*outset.local_tag {
            return Err(Malformed("this response is not to our request"));
        }
        if stage == Stage::Early && id.remote_tag().is_empty() {
            return Err(Malformed("this response has no To tag"));
        }
        let target = match (path::target(response)?, stage) {
            (Some(target), _) => target,
            // A provisional response may leave it out; the 2xx will bring it.
            (None, Stage::Early) => outset.path.target.clone(),
            (None, Stage::Confirmed) => return Err(Malformed("there is no Contact")),
        };
        // RFC 3261 section 12.1.2: in reverse order.
        let mut route = path::record_route(response)?;
        route.reverse();
        Ok(Self {
            id,
            stage,
            local: outset.local.clone(),
            remote: response.raw(Name::To).unwrap_or_default().into(),
            path: Path::new(&target, route),
            contact: outset.contact.clone(),
            local_cseq: Some(outset.cseq),
            remote_cseq: None,
        })
    }

    /// The dialog that the first NOTIFY to a SUBSCRIBE or REFER of ours makes: RFC 6665 section
    /// 4.4.1 takes the route from the NOTIFY, not from the 2xx.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoDialog`] when it does not belong to `outset`; [`Refusal::Malformed`] when
    /// From, To, CSeq, Contact or a Record-Route is missing or cannot be read.
    pub fn notified(outset: &Outset, notify: &Request) -> Result<Self, Refusal> {
        let id = DialogId::of_request(notify)?;
        if id.call_id() != &*outset.call_id || id.local_tag() != &*outset.local_tag {
            return Err(Refusal::NoDialog);
        }
        let target = path::target(notify)?.ok_or(Malformed("there is no Contact"))?;
        Ok(Self {
            id,
            stage: Stage::Confirmed,
            local: outset.local.clone(),
            remote: notify.raw(Name::From).unwrap_or_default().into(),
            path: Path::new(&target, path::record_route(notify)?),
            contact: outset.contact.clone(),
            local_cseq: Some(outset.cseq),
            remote_cseq: Some(notify.require::<CSeq<'_>>()?.number),
        })
    }

    /// Takes a request of the peer inside this dialog: checks that it belongs here and is in
    /// order, and notes what it changes (RFC 3261 section 12.2.2).
    ///
    /// # Errors
    ///
    /// [`Refusal`]; then nothing has changed. An ACK that is refused is dropped, since there is no
    /// response to an ACK.
    pub fn receive(&mut self, request: &Request) -> Result<(), Refusal> {
        if DialogId::of_request(request)? != self.id {
            return Err(Refusal::NoDialog);
        }
        let cseq = request.require::<CSeq<'_>>()?.number;
        // An ACK and a CANCEL have the CSeq of their INVITE, which others may have followed.
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        if self.remote_cseq.is_some_and(|last| cseq < last) {
            return Err(Refusal::OutOfOrder);
        }
        if refreshes_target(request.method()) {
            self.path.refresh(request)?;
        }
        self.remote_cseq = Some(cseq);
        Ok(())
    }

    /// Takes the response to a request of ours inside this dialog; `false` if the dialog is over
    /// by it (RFC 3261 section 12.2.1.2: 481 and 408).
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the Contact of a 2xx that should bring a new target cannot be read: the
    /// old target stays.
    pub fn answered(&mut self, method: &Method, response: &Response) -> Result<bool, Malformed> {
        if response.is_success() && refreshes_target(method) {
            self.path.refresh(response)?;
        }
        Ok(!matches!(response.status(), 408 | 481))
    }

    /// Our side has answered 2xx.
    pub const fn confirm(&mut self) {
        self.stage = Stage::Confirmed;
    }

    /// The 2xx to our request came for this early dialog: its route is the one that counts
    /// (RFC 3261 section 13.2.2.4).
    fn confirm_by(&mut self, response: &Response) -> Result<(), Malformed> {
        if self.stage == Stage::Confirmed {
            return Ok(());
        }
        let mut route = path::record_route(response)?;
        route.reverse();
        self.path.refresh(response)?;
        self.path.route = route;
        self.stage = Stage::Confirmed;
        Ok(())
    }

    /// Leaves out the first hop of the route, given in `<>`, if it is the sender's own: whoever has
    /// record-routed its own request is behind that hop already, and nobody would take it off
    /// (RFC 3261 section 16.4).
    pub fn begin_behind(&mut self, own: &str) {
        if self.path.route.first().is_some_and(|first| **first == *own) {
            self.path.route.remove(0);
        }
    }

    /// Begins a request inside this dialog with everything every request needs, and Contact if it
    /// refreshes the target. `via` is the value of the Via header, with a branch of its own.
    pub fn request(&mut self, method: &Method, via: &str) -> Draft {
        let cseq = self.local_cseq.map_or(1, |last| last.saturating_add(1));
        self.local_cseq = Some(cseq);
        let mut draft = self.draft(method, cseq, via);
        if refreshes_target(method) {
            draft.header(Name::Contact, &self.contact);
        }
        draft
    }

    /// Begins the ACK to the 2xx that answered the INVITE with this CSeq. The branch in `via` is a
    /// new one (RFC 3261 section 13.2.2.4). An INVITE with credentials wants them here again.
    pub fn ack(&self, cseq: u32, via: &str) -> Draft {
        self.draft(&Method::Ack, cseq, via)
    }

    fn draft(&self, method: &Method, cseq: u32, via: &str) -> Draft {
        let mut draft = self.path.begin(method, via);
        draft
            .header(Name::From, &self.local)
            .header(Name::To, &self.remote)
            .header(Name::CallId, self.id.call_id())
            .header(Name::CSeq, format_args!("{cseq} {method}"));
        draft
    }

    /// Begins a response inside this dialog, or one that makes it, with our tag; with the
    /// Record-Route of the request and our Contact where RFC 3261 section 12.1.1 wants them.
    pub fn response(&self, request: &Request, status: u16, reason: &str) -> Draft {
        let tag = self.id.local_tag();
        let mut draft = Draft::response(request, status, reason, Some(tag));
        if (101..300).contains(&status) {
            draft.copy_all(request, Name::RecordRoute);
            if refreshes_target(request.method()) {
                draft.header(Name::Contact, &self.contact);
            }
        }
        draft
    }

    /// The dialog's name.
    pub const fn id(&self) -> &DialogId {
        &self.id
    }

    /// How firm it is.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// The peer's Contact: where requests inside the dialog go in the end.
    pub fn remote_target(&self) -> &str {
        &self.path.target
    }

    /// The URI a request is sent to first: the first of the route, else the remote target.
    pub fn next_hop(&self) -> &str {
        self.path.next_hop()
    }

    /// Our address as it stands in the From of our requests, with the tag.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The peer's address as it stands in the To of our requests, with the tag.
    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// The Contact value of what we send.
    pub fn contact(&self) -> &str {
        &self.contact
    }

    /// The CSeq number of our latest request, 0 before the first.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq.unwrap_or(0)
    }

    /// The CSeq number of the peer's latest request.
    pub const fn remote_cseq(&self) -> Option<u32> {
        self.remote_cseq
    }
}

/// Does a request of this method bring a new remote target? RFC 3261 section 12.2 (INVITE),
/// RFC 3311 section 5.1 (UPDATE), RFC 6665 sections 3.1 and 3.2 (SUBSCRIBE, NOTIFY), RFC 4488
/// section 4 (REFER).
const fn refreshes_target(method: &Method) -> bool {
    matches!(
        method,
        Method::Invite | Method::Notify | Method::Refer | Method::Subscribe | Method::Update
    )
}

/// Puts a tag on a To value. Without `<>` everything after the first `;` is a parameter of the
/// header and not of the URI, so it can simply be added.
fn with_tag(to: &str, tag: &str) -> Box<str> {
    format!("{to};tag={tag}").into()
}
