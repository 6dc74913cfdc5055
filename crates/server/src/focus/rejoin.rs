//! 7.2.1.5: coming back to a session by its identity, also after the server was started anew.

use std::sync::Arc;

use room::Room;
use store::RoomKind;
use tokio::sync::mpsc;

use crate::config::Policy;
use crate::focus::comer::{Comer, Stop, unknown};
use crate::focus::invite::Opening;
use crate::focus::{Call, ONE_TO_ONE, adhoc};
use crate::house::House;
use crate::keeper;
use crate::rooms::{self, Kept, Kind, Opened};

/// How often it is tried again to come into a session that ends in this moment.
const TRIES: usize = 3;

/// Answers an INVITE to what looks like a session identity.
pub(crate) async fn rejoin(house: Arc<House>, call: Call, identity: String) {
    let policy = house.policy();
    let comer = Comer::new(&house, &call, &policy);
    for _ in 0..TRIES {
        let came = match house.rooms.find(&identity) {
            Some(room) => comer.enter(room).await,
            None => match rooms::kept(&house, &identity).await {
                Ok(Some(kept)) => back(&comer, kept).await,
                // IM-7.2.1.5-S1a
                Ok(None) => return call.refuse(&house, &unknown(&policy)),
                Err(error) => {
                    tracing::error!(%error, "a session could not be looked up");
                    return call.refuse(&house, &crate::core::Answer::warned(500, keeper::FAILED));
                }
            },
        };
        match came {
            Ok(()) => return,
            Err(Stop::Over(room)) => room.ended().await,
            Err(stop) => return comer.refuse(stop),
        }
    }
    call.refuse(&house, &unknown(&policy));
}

/// Comes back to a session that the end of the server has interrupted.
async fn back(comer: &Comer<'_>, kept: Kept) -> Result<(), Stop> {
    let Some(room) = restored(comer.policy, &kept) else {
        return Err(Stop::Answer(unknown(comer.policy)));
    };
    let opened = |room| opened(comer.house, &kept, room, Kind::Conference);
    comer.revive(&kept.room.identity, room, opened).await
}

/// The room of a session that the end of the server has interrupted, without anybody in it. None:
/// it is that of a group, which is found by the group.
pub(crate) fn restored(policy: &Policy, kept: &Kept) -> Option<Room> {
    if kept.room.kind != RoomKind::AdHoc {
        return None;
    }
    let mut rules = adhoc::rules(policy);
    // IM-7.2.1.2-S0: of two it was over when either left.
    rules.fewest = if kept.members.len() <= 2 {
        ONE_TO_ONE
    } else {
        0
    };
    Some(Room::restored(kept.people(), rules))
}

/// What makes a session alive again.
pub(crate) fn opened(house: &House, kept: &Kept, room: Room, kind: Kind) -> Opened {
    let host = kept
        .members
        .iter()
        .find(|one| one.role == store::Role::Host);
    let shown = host.filter(|host| !host.hidden);
    let opening = Opening {
        by: host.map(|host| room::Address::new(&host.address)),
        inviter: shown.map(|host| room::Address::new(&host.address)),
        display: shown.and_then(|host| host.display.as_deref().map(Arc::from)),
        subject: kept.room.subject.clone(),
        ..Opening::default()
    };
    let (host, _) = mpsc::unbounded_channel();
    Opened {
        identity: kept.room.identity.as_str().into(),
        partition: kept.room.partition,
        opening: Arc::new(opening),
        room,
        actions: Vec::new(),
        host,
        kind,
        document: None,
        writes: kept.writes(house),
    }
}
