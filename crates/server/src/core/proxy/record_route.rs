//! Staying on the path of a dialog (RFC 3261 section 16.6 step 4).

use sip::header::{From, Route, To};
use sip::{Method, Name, Request, Uri};

use super::is_ours;
use super::token::{self, Dialog};
use crate::house::House;
use crate::net::Flow;

/// The Record-Route values for a request from one flow to another, topmost first; none for a
/// request that makes no dialog.
///
/// Where both sides reach us at the same address there is one; else one for each (RFC 5658): both
/// have the token, since each side sees its own value first.
pub(super) fn values(
    house: &House,
    request: &Request,
    caller: &Flow,
    callee: &Flow,
) -> Vec<String> {
    if !is_recorded(request.method()) {
        return Vec::new();
    }
    let Some(dialog) = dialog(request) else {
        return Vec::new();
    };
    let token = token::issue(&house.proxy_key, dialog, &caller.name(), &callee.name());
    let here = |flow: &Flow| {
        let transport = flow.transport().to_ascii_lowercase();
        format!(
            "<sip:{token}@{};transport={transport};lr>",
            house.address(flow)
        )
    };
    let mut values = vec![here(callee)];
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
