//! Places of our users in groups of other domains: who has one, and how it is taken again.

use std::collections::BTreeMap;
use std::sync::Arc;

use imps::Primitive as Csp;
use imps::csp::{self, JoinGroupRequest, SubscribeType, User as CspUser};
use imps::ssp::{self, MetaInfo, Primitive as Ssp};
use imps::status::Code;
use room::Address;

use super::link::Gate;
use super::requestor::gate_to;
use super::{convert, inward};
use crate::house::House;
use crate::imps::{Refused, Session};

/// Places in groups of other domains that a session may have: each is remembered as it was taken,
/// and nobody is in so many.
const SEATS_MAX: usize = 200;

/// A session is about to ask another domain for a place in a group: it has it from now on, since
/// what is said there may be here before the answer is. Gives the group, if this place is new.
pub(super) fn take(session: &Session, request: &Csp) -> Result<Option<String>, Refused> {
    let seat = match request {
        Csp::JoinGroupRequest(asked) => asked.clone(),
        Csp::CreateGroupRequest(made) if made.join => JoinGroupRequest {
            group: made.group.clone(),
            screen_name: made.screen_name.clone(),
            subscribe: made.subscribe,
            own_properties: made.own_properties.clone(),
            ..JoinGroupRequest::default()
        },
        // The peer says to which group, before anything is said in it.
        Csp::ExtendConversationRequest(_) => return has_place(session).map(|()| None),
        _ => return Ok(None),
    };
    if session.sits_away(&seat.group) {
        return Ok(None);
    }
    has_place(session)?;
    let group = seat.group.clone();
    session.sit_away(seat);
    Ok(Some(group))
}

fn has_place(session: &Session) -> Result<(), Refused> {
    if session.count_away() < SEATS_MAX {
        return Ok(());
    }
    let why = format!("a session is in {SEATS_MAX} groups of other domains at most");
    Err(Refused::because(Code::TOO_MANY_GROUPS_OF_USER, why))
}

/// Notes what a request that another domain has answered does to the places of a session, of which
/// it has just taken one, or has not. Gives the answer that the client gets.
pub(super) fn note(session: &Session, taken: Option<String>, (request, answer): (Csp, Csp)) -> Csp {
    let code = match &answer {
        Csp::Status(status) => status.outcome.code,
        _ => Code::SUCCESSFUL,
    };
    match (request, taken) {
        (Csp::SubscribeGroupNoticeRequest(asked), _) if code.is_success() => {
            match asked.subscribe_type {
                SubscribeType::Set => session.listens_away(&asked.group, true),
                SubscribeType::Unset => session.listens_away(&asked.group, false),
                SubscribeType::Get | SubscribeType::Other(_) => {}
            }
        }
        (Csp::LeaveGroupRequest(asked), _) => session.rise_away(&asked.group),
        // The user is in it by another session, or was before this server started anew.
        (Csp::JoinGroupRequest(asked), Some(_)) if code == Code::ALREADY_JOINED => {
            let joined = csp::JoinGroupResponse {
                participants: None,
                screen_name: asked.screen_name,
                welcome_note: None,
            };
            return joined.into();
        }
        (_, Some(group)) if !code.is_success() => session.rise_away(&group),
        _ => {}
    }
    answer
}

/// The sessions of a user that are in this group of another domain.
pub(super) fn of(house: &House, user: &Address, group: &str) -> Vec<Arc<Session>> {
    let mut sessions = house.imps.sessions.of(user);
    sessions.retain(|session| session.sits_away(group));
    sessions
}

/// A session has ended that was in groups of other domains: it leaves those in which its user has
/// no other.
pub(crate) fn left_behind(house: &Arc<House>, session: &Arc<Session>) {
    for seat in session.seats_away() {
        let with_it = of(house, &session.user.address, &seat.group);
        if with_it.iter().any(|other| other.id != session.id) {
            continue;
        }
        let Some(gate) = gate_to(house, &seat.group) else {
            continue;
        };
        let (house, session) = (Arc::clone(house), Arc::clone(session));
        house.clone().world.tasks.spawn("ssp leave", async move {
            leave(&house, &gate, &session, seat.group).await;
        });
    }
}

async fn leave(house: &House, gate: &Gate, session: &Session, group: String) {
    let own = CspUser::new(session.user.wv());
    let meta = MetaInfo::of_user(gate.own.clone(), own);
    let leave = Ssp::LeaveGroupRequest(ssp::GroupRequest { group, meta });
    if let Err(why) = gate.ask(house, leave).await {
        tracing::info!(peer = gate.domain, %why, "a group could not be left");
    }
}

/// The link has come up anew. If the peer has restarted, our users are not in its groups any more,
/// and do not know: they join again as they did before, one after the other. Who is in is told so
/// by 807, which is as good; who is not let in again is out, and hears of it.
pub(super) async fn take_again(house: Arc<House>, gate: Arc<Gate>) {
    for (session, seat) in taken(&house, &gate) {
        let group = seat.group.clone();
        let own = CspUser::new(session.user.wv());
        let meta = MetaInfo::of_user(gate.own.clone(), own.clone());
        let Some(join) = convert::request::to_ssp(seat.into(), meta, own) else {
            continue;
        };
        let Ok(answer) = gate.ask(&house, join).await else {
            // It is down again. All this is done once more when it comes up.
            return;
        };
        let outcome = answer.outcome().cloned().unwrap_or_default();
        let code = outcome.code;
        let in_it = of(&house, &session.user.address, &group);
        if !code.is_success() && code != Code::ALREADY_JOINED {
            tracing::info!(peer = gate.domain, group, %code, "somebody could not come back");
            inward::out(&house, in_it, &group, &outcome);
        } else if code.is_success() && in_it.is_empty() {
            // They have left meanwhile.
            leave(&house, &gate, &session, group).await;
        }
    }
}

/// The places in groups of a domain, each user's once.
fn taken(house: &House, gate: &Gate) -> Vec<(Arc<Session>, JoinGroupRequest)> {
    let mut taken = BTreeMap::new();
    for session in house.imps.sessions.all_sessions() {
        for seat in session.seats_away() {
            if gate_to(house, &seat.group).is_some_and(|to| to.domain == gate.domain) {
                let place = (
                    session.user.address.clone(),
                    seat.group.to_ascii_lowercase(),
                );
                let one = taken.entry(place);
                one.or_insert_with(|| (Arc::clone(&session), seat));
            }
        }
    }
    taken.into_values().collect()
}
