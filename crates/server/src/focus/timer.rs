//! Session timers of the legs (RFC 4028), in the words of the wire.

use std::time::Duration;

use sip::session_timer::{
    Agreed, Refresher, Requested, SessionInterval, SessionPolicy, from_response, negotiate,
};
use sip::{Draft, Fields, Name};

use crate::config::Policy;
use crate::core::Answer;

/// Agrees on the timer that an INVITE or UPDATE asks for; 422 if it is too short.
pub(crate) fn agree(request: &Fields, policy: &Policy) -> Result<Option<Agreed>, Answer> {
    let requested = Requested {
        session_expires: session_expires(request)?,
        min_se: seconds(request, Name::MinSe),
        supports_timer: request.lists(Name::Supported, "timer")
            || request.lists(Name::Require, "timer"),
    };
    let ours = SessionPolicy {
        interval: interval(policy.focus.session_interval),
        min: interval(policy.focus.min_session_interval),
        refresher: Refresher::Uac,
    };
    match negotiate(&requested, &ours) {
        Ok(agreed) => Ok(Some(agreed)),
        // RFC 4028 section 6: 422 says how long it has to be at least.
        Err(error) => Err(Answer::plain(422).with(Name::MinSe, error.min_se.as_secs().to_string())),
    }
}

/// Writes the agreement into a 2xx.
pub(crate) fn write(draft: &mut Draft, agreed: &Agreed) {
    draft.header(
        Name::SessionExpires,
        format_args!(
            "{};refresher={}",
            agreed.interval.as_secs(),
            agreed.refresher.name()
        ),
    );
    if agreed.require_timer {
        draft.header(Name::Require, "timer");
    }
}

/// What a 2xx to an INVITE or UPDATE of ours has agreed to.
pub(crate) fn agreed(response: &Fields, policy: &Policy) -> Option<Agreed> {
    let alone = Some(interval(policy.focus.session_interval));
    from_response(
        session_expires(response).ok().flatten(),
        response.lists(Name::Require, "timer"),
        alone,
    )
}

/// The interval an INVITE of ours asks for, in seconds.
pub(crate) fn wanted(policy: &Policy) -> u32 {
    interval(policy.focus.session_interval).as_secs()
}

fn interval(wanted: Duration) -> SessionInterval {
    let seconds = u32::try_from(wanted.as_secs()).unwrap_or(u32::MAX);
    SessionInterval::from_secs(seconds).unwrap_or(SessionInterval::MIN)
}

fn session_expires(message: &Fields) -> Result<Option<(u32, Option<Refresher>)>, Answer> {
    let Some(value) = message.raw(Name::SessionExpires) else {
        return Ok(None);
    };
    let (delta, params) = value.split_once(';').unwrap_or((value, ""));
    let bad = || Answer::because(400, "Bad Session-Expires");
    let delta = delta.trim().parse().map_err(|_| bad())?;
    let refresher = params
        .split(';')
        .filter_map(|param| param.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("refresher"))
        .and_then(|(_, value)| Refresher::parse(value.trim()));
    Ok(Some((delta, refresher)))
}

fn seconds(message: &Fields, name: Name) -> Option<u32> {
    message.raw(name)?.split(';').next()?.trim().parse().ok()
}
