//! The way to the peer: its target and the proxies on the way (RFC 3261 section 12.2.1.1).

use crate::header::{Contact, Header as _, RecordRoute, Route};
use crate::{Draft, Fields, Malformed, Method, Name, Uri};

/// The most proxies on the way of one dialog: real paths have below ten, and each of them stands
/// in every later request.
const MAX_ROUTES: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Path {
    /// The remote target: a URI.
    pub(super) target: Box<str>,
    /// The route set: addresses in `<>`, with parameters, the nearest first.
    pub(super) route: Vec<Box<str>>,
}

impl Path {
    pub(super) fn new(target: &str, route: Vec<Box<str>>) -> Self {
        Self {
            target: target.into(),
            route,
        }
    }

    /// Begins a request with Request-URI, Via, Route and Max-Forwards.
    pub(super) fn begin(&self, method: &Method, via: &str) -> Draft {
        let strict = self.route.split_first().and_then(|(first, rest)| {
            let uri = Route::parse(first).ok()?.uri;
            (!uri.params().has("lr")).then_some((uri, rest))
        });
        let (uri, route) = match strict {
            // RFC 3261 section 12.2.1.1: a strict router gets its own address as Request-URI, and
            // the target comes last.
            Some((uri, rest)) => (request_uri(&uri), rest),
            None => (self.target.to_string(), self.route.as_slice()),
        };
        let mut draft = Draft::request(method, &uri);
        draft.header(Name::Via, via);
        draft.header(Name::MaxForwards, 70);
        for one in route {
            draft.header(Name::Route, one);
        }
        if strict.is_some() {
            draft.header(Name::Route, format_args!("<{}>", self.target));
        }
        draft
    }

    pub(super) fn next_hop(&self) -> &str {
        let first = self.route.first().and_then(|one| Route::parse(one).ok());
        first.map_or(&self.target, |route| route.0.uri.as_str())
    }

    /// Takes the target from a Contact, if there is one.
    pub(super) fn refresh(&mut self, fields: &Fields) -> Result<(), Malformed> {
        if let Some(target) = target(fields)? {
            self.target = target;
        }
        Ok(())
    }
}

/// The URI of the first Contact, which must be one that requests can be sent to.
pub(super) fn target(fields: &Fields) -> Result<Option<Box<str>>, Malformed> {
    let Some(contact) = fields.first::<Contact<'_>>()? else {
        return Ok(None);
    };
    // RFC 3261 section 12.1.1: a Contact that makes a remote target is a SIP or SIPS URI.
    if !contact.uri.is_sip() {
        return Err(Malformed("the Contact is not a sip or sips URI"));
    }
    Ok(Some(contact.uri.as_str().into()))
}

/// The Record-Route values in the order they stand.
pub(super) fn record_route(fields: &Fields) -> Result<Vec<Box<str>>, Malformed> {
    let mut route = Vec::new();
    for value in fields.tokens(Name::RecordRoute) {
        if route.len() >= MAX_ROUTES {
            return Err(Malformed("there are too many Record-Route values"));
        }
        RecordRoute::parse(value)?;
        route.push(value.into());
    }
    Ok(route)
}

/// A route's URI without what a Request-URI may not have (RFC 3261 section 19.1.1, table 1).
fn request_uri(uri: &Uri<'_>) -> String {
    let text = uri.as_str();
    let text = match uri.headers_text() {
        Some(headers) => {
            let headers = headers.len().saturating_add(1);
            text.get(..text.len().saturating_sub(headers))
                .unwrap_or(text)
        }
        None => text,
    };
    let Some(method) = uri.params().get("method") else {
        return text.to_owned();
    };
    let params = uri.params().as_str();
    let before = text.strip_suffix(params).unwrap_or(text);
    let mut clean = before.to_owned();
    for (name, value) in uri.params().iter() {
        if name.eq_ignore_ascii_case("method") && value == Some(method) {
            continue;
        }
        clean.push(';');
        clean.push_str(name);
        if let Some(value) = value {
            clean.push('=');
            clean.push_str(value);
        }
    }
    clean
}
