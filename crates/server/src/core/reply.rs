//! Responses that every part of the server makes the same way.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use sip::{Draft, Message, Name, ParseError, Request};

use crate::net::Flow;

/// A final answer to a request, before it is written: status, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
    /// The text of a Warning 399, with its OMA code.
    pub(crate) warning: Option<&'static str>,
    /// The rule this answer obeys, for people: log lines and `--json`.
    pub(crate) rule: Option<&'static str>,
    /// Further header fields.
    pub(crate) headers: Vec<(Name, String)>,
    /// A body of type `application/sdp`.
    pub(crate) sdp: Option<Bytes>,
}

impl Answer {
    /// A status with its usual phrase.
    pub(crate) fn plain(status: u16) -> Self {
        Self {
            status,
            reason: phrase(status),
            warning: None,
            rule: None,
            headers: Vec::new(),
            sdp: None,
        }
    }

    /// A status with a warning text.
    pub(crate) fn warned(status: u16, warning: &'static str) -> Self {
        Self {
            warning: Some(warning),
            ..Self::plain(status)
        }
    }

    /// A status that says in its phrase what was wrong.
    pub(crate) fn because(status: u16, reason: &'static str) -> Self {
        Self {
            reason,
            ..Self::plain(status)
        }
    }

    /// Names the rule obeyed.
    pub(crate) fn by(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Adds a header field.
    pub(crate) fn with(mut self, name: Name, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a session description.
    pub(crate) fn with_sdp(mut self, sdp: Bytes) -> Self {
        self.sdp = Some(sdp);
        self
    }

    /// For a person: `486 Busy Here, 102 too many participants [IM-7.2.1.2-S8a]`.
    pub(crate) fn explain(&self) -> String {
        let mut text = format!("{} {}", self.status, self.reason);
        if let Some(warning) = self.warning {
            let _ = write!(text, ", {warning}");
        }
        if let Some(rule) = self.rule {
            let _ = write!(text, " [{rule}]");
        }
        text
    }
}

/// Writes responses in the name of one server.
#[derive(Debug)]
pub(crate) struct Replies {
    /// The name in Warning headers.
    pub(crate) host: String,
    /// Makes the tags of responses without transaction the same for each copy of a request.
    pub(crate) key: u64,
}

/// What the server calls itself: the release token of OMA SIMPLE IM first (Appendix F).
pub(crate) const SERVER: &str = concat!("IM-serv/OMA1.0 Tertulia/", env!("CARGO_PKG_VERSION"));

impl Replies {
    /// Begins a response with Server in it.
    pub(crate) fn draft(&self, request: &Request, status: u16, reason: &str, tag: &str) -> Draft {
        let mut draft = Draft::response(request, status, reason, Some(tag));
        draft.header(Name::Server, SERVER);
        draft
    }

    /// Writes an answer.
    pub(crate) fn answer(&self, request: &Request, answer: &Answer, tag: &str) -> Bytes {
        let mut draft = self.draft(request, answer.status, answer.reason, tag);
        self.explain(&mut draft, answer);
        match &answer.sdp {
            Some(sdp) => draft.finish_with("application/sdp", sdp),
            None => draft.finish(),
        }
    }

    /// Adds an answer's warning and headers.
    pub(crate) fn explain(&self, draft: &mut Draft, answer: &Answer) {
        if let Some(warning) = answer.warning {
            draft.header(
                Name::Warning,
                format_args!("399 {} \"{warning}\"", self.host),
            );
        }
        if let Some(rule) = answer.rule {
            // Behind the text that OMA fixed: which rule this is, for whoever reads the trace.
            draft.header(
                Name::Warning,
                format_args!("399 {} \"rule {rule}\"", self.host),
            );
        }
        for (name, value) in &answer.headers {
            draft.header(*name, value);
        }
    }

    /// A response that no transaction keeps: the same request gets the same tag again.
    pub(crate) fn stateless(
        &self,
        request: &Request,
        status: u16,
        reason: &str,
        retry: Option<Duration>,
    ) -> Bytes {
        let mut draft = self.draft(request, status, reason, &self.stateless_tag(request));
        if let Some(retry) = retry {
            draft.header(Name::RetryAfter, retry.as_secs());
        }
        draft.finish()
    }

    /// A 400 to a message that could be read only in part, if it was a request.
    pub(crate) fn to_unreadable(
        &self,
        bytes: &[u8],
        error: ParseError,
        flow: &Flow,
    ) -> Option<Bytes> {
        let end = memchr::memmem::find(bytes, b"\r\n\r\n")?.saturating_add(4);
        // The head alone, with whatever Content-Length lines made it unreadable left out.
        let head: Vec<u8> = bytes
            .get(..end)?
            .split_inclusive(|b| *b == b'\n')
            .filter(|line| !is_content_length(line))
            .flatten()
            .copied()
            .collect();
        let Ok(Message::Request(mut request)) = Message::parse(head.into()) else {
            return None;
        };
        if *request.method() == sip::Method::Ack || !request.has(Name::Via) {
            return None;
        }
        request.set_source(flow.remote());
        let (status, reason) = match error {
            ParseError::TooLarge => (513, "Message Too Large".to_owned()),
            error => (400, format!("Bad Request: {error}")),
        };
        Some(self.stateless(&request, status, &reason, None))
    }

    fn stateless_tag(&self, request: &Request) -> String {
        use std::hash::Hasher as _;
        #[expect(
            deprecated,
            reason = "the hasher whose function does not change between builds"
        )]
        let mut hasher = std::hash::SipHasher::new();
        hasher.write_u64(self.key);
        for name in [Name::CallId, Name::CSeq, Name::Via] {
            hasher.write(request.raw(name).unwrap_or_default().as_bytes());
        }
        format!("{:016x}", hasher.finish())
    }
}

fn is_content_length(line: &[u8]) -> bool {
    let label = line.split(|b| *b == b':').next().unwrap_or_default();
    Name::from_label(label.trim_ascii_end()) == Name::ContentLength
}

/// The usual reason phrase of a status (RFC 3261 section 21 and its extensions).
pub(crate) const fn phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        412 => "Conditional Request Failed",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        430 => "Flow Failed",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ => "Failure",
    }
}
