//! Staying on the path of a dialog (RFC 3261 section 16.6 step 4).

use std::net::{IpAddr, SocketAddr};

use sip::header::{From, NameAddr, Route, To};
use sip::{Method, Name, Request, Uri};

use super::is_ours;
use super::rewrite::Course;
use super::token::{self, Dialog};
use crate::config::Transport;
use crate::core::ways::{Goal, Way};
use crate::house::House;
use crate::net::Flow;

/// Begins the name of a side that is another domain.
pub(crate) const ABROAD: &str = "at";

/// The Record-Route values for a request from one flow to another, topmost first; none for a
/// request that makes no dialog.
///
/// Where both sides reach us at the same address there is one; else one for each (RFC 5658): both
/// have the token, since each side sees its own value first.
pub(super) fn values(
    house: &House,
    request: &Request,
    caller: &Flow,
    callee: &Goal,
) -> Vec<String> {
    if !is_recorded(request.method()) {
        return Vec::new();
    }
    let Some(dialog) = dialog(request) else {
        return Vec::new();
    };
    // A domain may have several servers, and it is not known yet which of them answers.
    let callee_name = match &callee.domain {
        Some(domain) => format!("{ABROAD}:{domain}"),
        None => callee.flow.name(),
    };
    let token = token::issue(&house.proxy_key, dialog, &caller.name(), &callee_name);
    let here = |flow: &Flow| {
        let (transport, address) = house.entrance(flow);
        format!("<sip:{token}@{address};transport={transport};lr>")
    };
    let mut values = vec![here(&callee.flow)];
    let for_caller = here(caller);
    if !values.contains(&for_caller) {
        values.push(for_caller);
    }
    values
}

/// The name of the flow to the other side, for a request inside a dialog that passed through here.
///
/// The token stands in the topmost Route, or, when a strict router sent the request, in the
/// Request-URI. `None` when there is none, or it is not for this dialog.
pub(crate) fn other_side(house: &House, request: &Request, flow: &Flow) -> Option<String> {
    let route = request.first::<Route<'_>>().ok()??;
    let here = Uri::parse(request.uri()).ok();
    let hops = [Some(route.uri), here.filter(|uri| uri.params().has("lr"))];
    let token = hops
        .into_iter()
        .flatten()
        .find(|uri| is_ours(house, uri))?
        .user()?;
    let to = request.require::<To<'_>>().ok()?;
    let found = token::resolve(
        &house.proxy_key,
        token,
        dialog(request)?,
        to.tag().unwrap_or_default(),
    );
    if found.is_none() {
        tracing::debug!(remote = %flow.remote(), "a Route that is not of this dialog");
    }
    found
}

/// The place that a request is for by its Route, or without one by its Request-URI (RFC 3261
/// section 16.6 step 7); `None` if that is a name.
pub(crate) fn next_hop(house: &House, request: &Request) -> Option<Way> {
    let course = Course::of(request, |uri| is_ours(house, uri));
    let uri = match course.routes.first() {
        Some(route) => NameAddr::parse(route).ok()?.uri,
        None => Uri::parse(course.uri).ok()?,
    };
    let ip: IpAddr = uri.host().trim_matches(['[', ']']).parse().ok()?;
    // RFC 3263 section 4.1: UDP unless the URI says otherwise.
    let transport = uri.params().get("transport").unwrap_or("udp");
    let over = match transport.eq_ignore_ascii_case("tcp") || house.udp.is_none() {
        true => Transport::Tcp,
        false => Transport::Udp,
    };
    let at = SocketAddr::new(ip, uri.port().unwrap_or(5060));
    Some(Way { over, at })
}

fn dialog(request: &Request) -> Option<Dialog<'_>> {
    let from = request.require::<From<'_>>().ok()?;
    Some(Dialog {
        call_id: request.raw(Name::CallId)?,
        from_tag: from.tag().unwrap_or_default(),
    })
}

/// Requests that make a dialog, or may change where its peers are (RFC 3261 section 16.6 step 4;
/// RFC 6665 section 4.3 for SUBSCRIBE and NOTIFY).
const fn is_recorded(method: &Method) -> bool {
    matches!(
        method,
        Method::Invite | Method::Notify | Method::Refer | Method::Subscribe | Method::Update
    )
}
