//! Guests and the links they come by.

use std::sync::Arc;
use std::time::Duration;

use imps::Primitive as Csp;
use imps::csp::Status;
use imps::status::Code;
use tokio::sync::Notify;

use super::link::Gate;
use super::outward;
use crate::house::House;
use crate::imps::{Refused, Session, User, guest};

/// How long to wait before the peer is told again what it could not be told.
const AGAIN: Duration = Duration::from_secs(5);

/// The session of a user of the peer's domain, who is let in if they are not there yet.
pub(crate) async fn guest(
    house: &Arc<House>,
    gate: &Arc<Gate>,
    user: User,
) -> Result<Arc<Session>, Refused> {
    if let Some(known) = guest::known(house, &user) {
        guest::stay(house, &known);
        return Ok(known);
    }
    let away = Arc::new(Notify::new());
    let session = guest::admit(house, user, Arc::clone(&away)).await?;
    let teller = tell(
        Arc::clone(house),
        Arc::clone(gate),
        Arc::clone(&session),
        away,
    );
    house.world.tasks.spawn("ssp guest", teller);
    Ok(session)
}

/// Tells the peer's server what waits for a guest, one thing after the other, until they go.
async fn tell(house: Arc<House>, gate: Arc<Gate>, session: Arc<Session>, away: Arc<Notify>) {
    let clock = house.world.clock;
    loop {
        match guest::draw(&house, &session) {
            Err(()) => return,
            Ok(None) => {
                // What was sent and not answered is due again after a while.
                let _stirred = clock.timeout(AGAIN, away.notified()).await;
            }
            Ok(Some(told)) => {
                let said = outward::of(&gate, &session, told.primitive.clone());
                let Some(said) = said else {
                    let status: Csp = Status::new(Code::SERVICE_NOT_SUPPORTED).into();
                    guest::told(&house, &session, &told.id, &status).await;
                    continue;
                };
                let place = guest::place(&house, &session, &told.primitive);
                match gate.ask(&house, said).await {
                    Ok(answer) => {
                        let code = answer.outcome().map(|outcome| outcome.code);
                        if let (Some(Code::NOT_JOINED), Some(place)) = (code, place) {
                            guest::is_out(&session, place);
                        }
                        let answer = outward::answer(&told.primitive, &answer);
                        guest::told(&house, &session, &told.id, &answer).await;
                    }
                    Err(why) => {
                        tracing::debug!(peer = gate.domain, %why, "a guest could not be told");
                        let _up = clock.timeout(AGAIN, gate.comes_up()).await;
                    }
                }
            }
        }
    }
}
