//! Joining and leaving a group.

use std::sync::Arc;

use imps::Primitive;
use imps::csp::{AdminMapList, Status};
use imps::csp::{
    GetJoinedUsersRequest, GetJoinedUsersResponse, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, LeaveGroupResponse, Mapping, Outcome, Participants, ScreenName,
    SubscribeGroupNoticeRequest, SubscribeGroupNoticeResponse, SubscribeType, WelcomeNote,
};
use imps::service::Function;
use imps::status::Code;
use room::{Claim, Refusal, Room};
use store::{Partition, RoomKind};
use tokio::sync::{mpsc, oneshot};

use super::super::desk::Turn;
use super::super::refused::broken;
use super::super::session::Seat;
use super::super::user::{group_uri, wv_of_group};
use super::super::{Refused, blocks, extend};
use super::{Found, Standing, Stored, props};
use crate::focus::rejoin;
use crate::rooms::handset::{Enter, Entered, Handset, Order as HandsetOrder, Present};
use crate::rooms::{self, Kept, Kind, Opened, Order, RoomHandle};

/// The longest screen name, in bytes.
const NAME_MAX: usize = 256;

/// How often it is tried again to enter a room that ends in this moment.
const TRIES: usize = 3;

/// Who wants to join, and how.
pub(super) struct Wish {
    uri: String,
    name: Option<String>,
    subscribes: bool,
}

/// JoinGroup-Request.
pub(in crate::imps) async fn join(
    turn: &Turn<'_>,
    request: JoinGroupRequest,
) -> Result<Primitive, Refused> {
    let wish = Wish {
        uri: group_uri(turn.house, &request.group)?,
        name: request.screen_name.map(|name| name.name),
        subscribes: request.subscribe,
    };
    let (entered, note) = come_in(turn, &wish).await?;
    let group = wv_of_group(&wish.uri);
    let participants = request
        .joined_request
        .then(|| Participants::new(group.clone(), entered.people));
    // IMPS-9.1.11-S23
    Ok(JoinGroupResponse {
        participants,
        screen_name: Some(ScreenName {
            name: entered.name,
            group,
        }),
        welcome_note: note,
    }
    .into())
}

/// Joins a group right after it was made.
pub(super) async fn join_own(
    turn: &Turn<'_>,
    uri: &str,
    name: Option<String>,
    subscribes: bool,
) -> Result<(), Refused> {
    let uri = uri.to_owned();
    let wish = Wish {
        uri,
        name,
        subscribes,
    };
    come_in(turn, &wish).await.map(drop)
}

/// Comes into the room of a group, which is opened if nobody is in it.
async fn come_in(turn: &Turn<'_>, wish: &Wish) -> Result<(Entered, Option<WelcomeNote>), Refused> {
    if turn.session.seat(&wish.uri).is_some() {
        return Err(Code::ALREADY_JOINED.into());
    }
    if wish.name.as_ref().is_some_and(|name| name.len() > NAME_MAX) {
        let why = format!("a screen name has at most {NAME_MAX} bytes");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    let own = &turn.session.user.address;
    for _ in 0..TRIES {
        // IMPS-9.1.11-S9: by whomever.
        let now = turn.house.world.clock.now();
        let invited = turn.house.imps.invitations.holds(own, &wish.uri, now);
        let guest = Claim {
            invited,
            ..Claim::default()
        };
        let (room, claim, note) = match super::find(turn.house, &wish.uri).await {
            Err(refused) => {
                let back = back(turn, wish, guest).await?;
                (back.ok_or(refused)?, guest, None)
            }
            Ok(Found::Live(room)) => (room, guest, None),
            Ok(Found::Stored(stored)) => {
                let stored = Arc::new(*stored);
                let claim = Claim {
                    invited,
                    ..stored.claim(turn.house, own, false)
                };
                let kept = rooms::kept(turn.house, &wish.uri).await.map_err(broken)?;
                let room = open(turn, &stored, wish, (claim, kept))?;
                (room, claim, props::note_of(&stored))
            }
        };
        match enter(turn, &room, wish, claim).await {
            // It ends in this moment: there may be another in the next.
            Err(Refusal::Closed) => room.ended().await,
            Err(refusal) => return Err(refusal.into()),
            Ok(entered) => {
                turn.house.imps.invitations.used(own, &wish.uri);
                blocks::hush(turn.house, own).await;
                let note = note.or(entered.welcome.clone());
                return Ok((entered, note));
            }
        }
    }
    Err(Code::UNKNOWN_GROUP.into())
}

async fn enter(
    turn: &Turn<'_>,
    room: &RoomHandle,
    wish: &Wish,
    claim: Claim,
) -> Result<Entered, Refusal> {
    let own = turn.session.user.name.to_string();
    let chosen = wish.name.clone().filter(|name| !name.trim().is_empty());
    let (answer, answered) = oneshot::channel();
    let enter = Enter {
        handset: Handset {
            leg: turn.house.leg_id(),
            session: turn.session.clone(),
            // IMPS-9.1.11-S4
            subscribes: wish.subscribes && turn.session.has_agreed(Function::Grchn),
        },
        insists: chosen.is_some(),
        name: chosen.unwrap_or(own),
        claim,
        answer,
    };
    room.tell(Order::Handset(HandsetOrder::Enter(enter)));
    answered.await.unwrap_or(Err(Refusal::Closed))
}

/// The room of a conference or conversation that the end of the server has interrupted, as whoever
/// comes back over SIP makes it alive again (7.2.1.5). None: there is none.
async fn back(turn: &Turn<'_>, wish: &Wish, claim: Claim) -> Result<Option<RoomHandle>, Refused> {
    let house = turn.house;
    let kept = rooms::kept(house, &wish.uri).await.map_err(broken)?;
    let Some(kept) = kept else {
        return Ok(None);
    };
    let Some(room) = rejoin::restored(turn.policy, &kept) else {
        return Ok(None);
    };
    room.may_enter(&turn.session.user.address, false, claim)?;
    let room = house.rooms.find_or_open(house, &wish.uri, || {
        Ok(rejoin::opened(house, &kept, room, Kind::Conference))
    })?;
    Ok(Some(room))
}

/// The room of a stored group: the one that is there, or a new one that this user opens.
fn open(
    turn: &Turn<'_>,
    stored: &Arc<Stored>,
    wish: &Wish,
    (claim, kept): (Claim, Option<Kept>),
) -> Result<RoomHandle, Refused> {
    let house = turn.house;
    let own = &turn.session.user;
    let room = house.rooms.find_or_open(house, &wish.uri, || {
        let rules = stored.rules(turn.policy);
        let partition = Partition::of(&wish.uri);
        // If the server ended while somebody was in it, it is as it was.
        let (room, writes) = match kept {
            Some(kept) => (Room::restored(kept.people(), rules), kept.writes(house)),
            None => {
                let about = (partition, RoomKind::Group);
                let opener = vec![(own.address.clone(), store::Role::Host)];
                let writes = rooms::writes(house, &wish.uri, about, opener);
                (Room::vacant(rules), writes)
            }
        };
        room.may_enter(&own.address, false, claim)?;
        let (host, _) = mpsc::unbounded_channel();
        Ok(Opened {
            identity: wish.uri.as_str().into(),
            partition,
            opening: extend::opening(own, Vec::new()).into(),
            room,
            actions: Vec::new(),
            host,
            kind: Kind::Group,
            document: Some(Arc::clone(stored)),
            writes,
        })
    });
    room.map_err(Refused::from)
}

/// LeaveGroup-Request.
pub(in crate::imps) fn leave(
    turn: &Turn<'_>,
    request: &LeaveGroupRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let Some(seat) = turn.session.seat(&uri) else {
        return Err(Code::NOT_JOINED.into());
    };
    turn.session.leave(&uri, seat);
    Ok(LeaveGroupResponse {
        group: None,
        outcome: Outcome::new(Code::SUCCESSFUL),
    }
    .into())
}

/// SubscribeGroupNotice-Request.
pub(in crate::imps) async fn subscribe(
    turn: &Turn<'_>,
    request: &SubscribeGroupNoticeRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let Some(Seat { leg, room }) = turn.session.seat(&uri) else {
        return Err(Code::NOT_JOINED.into());
    };
    let wanted = match &request.subscribe_type {
        SubscribeType::Get => None,
        SubscribeType::Set => Some(true),
        SubscribeType::Unset => Some(false),
        SubscribeType::Other(word) => {
            let why = format!("{word} is neither G nor S nor U");
            return Err(Refused::because(Code::BAD_PARAMETER, why));
        }
    };
    if wanted == Some(true) && !turn.session.has_agreed(Function::Grchn) {
        let why = "GRCHN was not agreed";
        return Err(Refused::because(Code::SERVICE_NOT_AGREED, why));
    }
    let (answer, answered) = oneshot::channel();
    room.tell(Order::Handset(HandsetOrder::Subscribe {
        leg,
        wanted,
        answer,
    }));
    let value = answered.await.ok().flatten();
    let value = value.ok_or(Refused::new(Code::NOT_JOINED))?;
    Ok(match wanted {
        None => SubscribeGroupNoticeResponse { value }.into(),
        Some(_) => Status::new(Code::SUCCESSFUL).into(),
    })
}

/// Everybody who is in a room.
pub(in crate::imps) async fn present(room: &RoomHandle) -> Vec<Present> {
    let (answer, answered) = oneshot::channel();
    room.tell(Order::Handset(HandsetOrder::Who { answer }));
    answered.await.unwrap_or_default()
}

/// GetJoinedUsers-Request.
pub(in crate::imps) async fn joined_users(
    turn: &Turn<'_>,
    request: &GetJoinedUsersRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let is_in = turn.session.seat(&uri).is_some();
    let own = &turn.session.user.address;
    let found = super::find(turn.house, &uri).await?;
    let may = match &found {
        Found::Live(_) => is_in,
        Found::Stored(stored) => is_in || stored.standing(own) >= Standing::Member,
    };
    if !may {
        return Err(Code::NOT_JOINED.into());
    }
    let people = match turn.house.rooms.find(&uri) {
        Some(room) => present(&room).await,
        None => Vec::new(),
    };
    let response = match &found {
        // To those who run the group everybody is told by rank.
        Found::Stored(stored) if stored.standing(own) >= Standing::Moderator => {
            GetJoinedUsersResponse {
                by_rank: Some(by_rank(stored, people)),
                ..GetJoinedUsersResponse::default()
            }
        }
        Found::Stored(_) | Found::Live(_) => {
            let people = people.into_iter().map(|one| one.who).collect();
            GetJoinedUsersResponse {
                participants: Some(Participants::new(wv_of_group(&uri), people)),
                ..GetJoinedUsersResponse::default()
            }
        }
    };
    Ok(response.into())
}

fn by_rank(stored: &Stored, people: Vec<Present>) -> AdminMapList {
    let mut list = AdminMapList::default();
    for Present { who, address } in people {
        let mapping = Mapping {
            screen_name: who.screen_name,
            user: who.user,
        };
        match stored.standing(&address) {
            Standing::Administrator => list.admins.push(mapping),
            Standing::Moderator => list.mods.push(mapping),
            Standing::Member | Standing::Stranger => list.users.push(mapping),
        }
    }
    list
}
