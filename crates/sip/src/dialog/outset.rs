//! Where a request outside any dialog begins, from which dialogs may grow.

use crate::{Draft, Method, Name};

use super::path::Path;

/// What this side says in a request that may create dialogs, and says again when it must try
/// once more: after a 401, 407, 422 or 423 the same request goes out with the next CSeq
/// (RFC 3261 section 8.1.3.5).
#[derive(Clone, Debug)]
pub struct Outset {
    pub(super) call_id: Box<str>,
    pub(super) local_tag: Box<str>,
    /// The From value, tag and all.
    pub(super) local: Box<str>,
    /// The To value.
    pub(super) remote: Box<str>,
    pub(super) path: Path,
    pub(super) contact: Box<str>,
    pub(super) cseq: u32,
}

impl Outset {
    /// Prepares for requests to `target`, a URI.
    ///
    /// `from`, `to` and `contact` are header values without tags, `from` and `to` with their URI
    /// in `<>`. `call_id` and `local_tag` must be random and new (RFC 3261 section 19.3).
    pub fn new(
        call_id: &str,
        local_tag: &str,
        from: &str,
        to: &str,
        target: &str,
        contact: &str,
    ) -> Self {
        Self {
            call_id: call_id.into(),
            local_tag: local_tag.into(),
            local: format!("{from};tag={local_tag}").into(),
            remote: to.into(),
            path: Path::new(target, Vec::new()),
            contact: contact.into(),
            cseq: 0,
        }
    }

    /// Sets the Route values the request is to visit, each with its URI in `<>` (RFC 3261 section
    /// 8.1.2, RFC 3608).
    #[must_use]
    pub fn with_route(mut self, route: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.path.route = route.into_iter().map(Into::into).collect();
        self
    }

    /// Begins the request with the next CSeq: everything every request needs, and Contact. `via`
    /// is the value of the Via header, with a branch of its own.
    pub fn request(&mut self, method: &Method, via: &str) -> Draft {
        self.cseq = self.cseq.saturating_add(1);
        let mut draft = self.path.begin(method, via);
        draft
            .header(Name::From, &self.local)
            .header(Name::To, &self.remote)
            .header(Name::CallId, &self.call_id)
            .header(Name::CSeq, format_args!("{} {method}", self.cseq))
            .header(Name::Contact, &self.contact);
        draft
    }

    /// The CSeq number of the latest request; 0 before the first.
    pub const fn cseq(&self) -> u32 {
        self.cseq
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The tag in From.
    pub fn local_tag(&self) -> &str {
        &self.local_tag
    }

    /// The URI the request is sent to first: the first Route, else the target.
    pub fn next_hop(&self) -> &str {
        self.path.next_hop()
    }
}
