//! What a session lives by: signs of life, its end, and who serves it.

use std::sync::Arc;
use std::time::Duration;

use imps::Primitive;
use imps::csp::{GetSpInfoRequest, GetSpInfoResponse, KeepAliveRequest, KeepAliveResponse};
use imps::csp::{Outcome, Status};
use imps::status::Code;

use super::Refused;
use super::desk::Turn;
use super::session::Session;
use crate::config::Policy;
use crate::house::House;

/// The shortest time to live that is granted: less would be spent on signs of life alone.
const SHORTEST: Duration = Duration::from_secs(10);

/// How long a session may live that wants to live so long.
pub(super) fn lifetime(policy: &Policy, wanted_s: Option<u32>) -> Duration {
    let wanted = wanted_s.map_or(policy.imps.session, |s| Duration::from_secs(s.into()));
    wanted.max(SHORTEST).min(policy.imps.max_session)
}

/// A time to live as it is written.
pub(super) fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// KeepAlive-Request.
pub(super) fn keep_alive(
    turn: &Turn<'_>,
    request: &KeepAliveRequest,
) -> Result<Primitive, Refused> {
    let now = turn.house.world.clock.now();
    let mut state = turn.session.state();
    let mut code = Code::SUCCESSFUL;
    if let Some(wanted) = request.time_to_live_s {
        let lives = lifetime(turn.policy, Some(wanted));
        if seconds(lives) == wanted {
            state.lives = lives;
        } else {
            code = Code::VALUE_NOT_ACCEPTED;
        }
    }
    state.until = now + state.lives;
    Ok(KeepAliveResponse {
        outcome: match code {
            Code::SUCCESSFUL => Outcome::new(code),
            code => Outcome::described(code),
        },
        keep_alive_s: Some(seconds(state.lives)),
    }
    .into())
}

/// Logout-Request.
pub(super) async fn log_out(turn: &Turn<'_>) -> Result<Primitive, Refused> {
    end(turn.house, turn.session, Code::INVALID_SESSION).await;
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// GetSPInfo-Request.
pub(super) fn who_serves(turn: &Turn<'_>, request: GetSpInfoRequest) -> Primitive {
    GetSpInfoResponse {
        client: request.client,
        name: turn.policy.imps.service_name.clone(),
        logo: None,
        description: Some(format!("Tertulia {}", env!("CARGO_PKG_VERSION"))),
        url: turn.house.setup.http_url.clone(),
    }
    .into()
}

/// Ends a session, if it has not ended: whoever uses it from now on hears `why`.
pub(super) async fn end(house: &Arc<House>, session: &Arc<Session>, why: Code) {
    if house.imps.sessions.remove(session, why) {
        super::over(house, session).await;
    }
}
