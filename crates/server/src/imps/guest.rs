//! Guests: users of other domains. Each has a session like that of a handset, but for the way to
//! the client, which is a link between servers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use imps::csp::{CapabilityList, DeliveryMethod};
use imps::service::Functions;
use imps::status::Code;
use imps::{Primitive, Transaction, Version};
use tokio::sync::Notify;

use super::desk::{Caller, Turn};
use super::session::{Beginning, Seat, Session};
use super::terms::Terms;
use super::user::group_uri;
use super::{Refused, User, dispatch, receipt};
use crate::house::House;
use crate::http::Ends;

/// How long a guest is remembered of whom nothing is heard. Whatever waited for them is lost then.
const LIVES: Duration = Duration::from_secs(24 * 3600);

/// Guests at a time, of all domains together: each costs as much as a handset.
const GUESTS_MAX: usize = 10_000;

/// The guest who is this user, if they are there.
pub(crate) fn known(house: &House, user: &User) -> Option<Arc<Session>> {
    let mut sessions = house.imps.sessions.of(&user.address).into_iter();
    sessions.find(|session| session.away.is_some())
}

/// Lets a guest in. `away` is told when something waits for them.
pub(crate) async fn admit(
    house: &Arc<House>,
    user: User,
    away: Arc<Notify>,
) -> Result<Arc<Session>, Refused> {
    let all = &house.imps.sessions;
    if all.guests() >= GUESTS_MAX {
        let why = "too many users of other domains are here";
        return Err(Refused::because(Code::SERVICE_UNAVAILABLE, why));
    }
    let now = house.world.clock.now();
    let beginning = Beginning {
        id: house.rng().token128().into(),
        user,
        client: None,
        version: Version::V1_3,
        peer: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        cookie: None,
        lives: LIVES,
        away: Some(away),
    };
    let session = Session::new(beginning, now);
    {
        let mut state = session.state();
        state.functions = Some(Functions::all(Version::V1_3));
        // One thing after the other, so that it comes in this order.
        state.terms = Terms::of(&CapabilityList {
            any_content: Some(true),
            initial_delivery_method: Some(DeliveryMethod::Push),
            multi_trans: Some(1),
            multi_trans_per_message: Some(1),
            ..CapabilityList::default()
        });
        // The store keeps no messages for users of other domains.
        state.outbox.backlog = None;
    }
    all.add(&session, 1, now);
    super::begun(house, &session).await;
    Ok(session)
}

/// Carries out what a guest asks. `None`: there is no answer to it.
pub(crate) async fn ask(
    house: &Arc<House>,
    session: &Arc<Session>,
    request: Primitive,
) -> Option<Primitive> {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let caller = Caller::of_guest(Ends {
        local: nowhere,
        remote: nowhere,
        secure: false,
    });
    let policy = house.policy();
    let turn = Turn {
        house,
        policy: &policy,
        caller: &caller,
        session,
    };
    let _one_at_a_time = session.turn.lock().await;
    stay(house, session);
    dispatch::carry_out(&turn, request).await
}

/// A sign of life.
pub(crate) fn stay(house: &House, session: &Session) {
    let mut state = session.state();
    state.until = house.world.clock.now() + state.lives;
}

/// What is to be told to a guest next. `Err`: the guest has gone.
pub(crate) fn draw(house: &House, session: &Session) -> Result<Option<Transaction>, ()> {
    let now = house.world.clock.now();
    let state = &mut *session.state();
    // Whatever comes next is to be told at once.
    state.line.answered();
    match state.is_over {
        true => Err(()),
        false => Ok(state.outbox.draw(&state.terms, now).into_iter().next()),
    }
}

/// A guest's server has answered what it was told.
pub(crate) async fn told(house: &Arc<House>, session: &Arc<Session>, id: &str, answer: &Primitive) {
    stay(house, session);
    let item = session.state().outbox.answered(id);
    if let Some(item) = item {
        receipt::answered(house, session, item, answer).await;
    }
}

/// The place in a group of ours that something told is about.
pub(crate) fn place(house: &House, session: &Session, told: &Primitive) -> Option<(String, Seat)> {
    let group = match told {
        Primitive::NewMessage(new) => new.info.sender.as_ref()?.group()?,
        Primitive::GroupChangeNotice(notice) => notice.group.as_str(),
        _ => return None,
    };
    let uri = group_uri(house, group).ok()?;
    let seat = session.seat(&uri)?;
    Some((uri, seat))
}

/// A guest's server says that they are not in a group, in which they had this place when it was
/// told: it has started anew, or word of their leaving was lost.
pub(crate) fn is_out(session: &Session, (group, seat): (String, Seat)) {
    tracing::info!(user = %session.user.address, group, "their server says that they are out");
    session.leave(&group, seat);
}
