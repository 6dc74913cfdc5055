//! Making, changing and removing groups.

use imps::Primitive;
use imps::csp::{
    CreateGroupRequest, DeleteGroupRequest, GetGroupPropsRequest, GetGroupPropsResponse,
    SetGroupPropsRequest, Status,
};
use imps::status::Code;
use room::{Event, Why};
use store::Expect;
use xdm::shared_group::AUID;

use super::super::Refused;
use super::super::desk::Turn;
use super::super::refused::broken;
use super::super::user::{group_uri, parse};
use super::{Found, Standing, join, props};
use crate::rooms::handset::Order as HandsetOrder;
use crate::rooms::{Kind, Order};

/// The longest name of a group, in bytes.
const NAME_MAX: usize = 64;

/// CreateGroup-Request.
pub(in crate::imps) async fn create(
    turn: &Turn<'_>,
    request: CreateGroupRequest,
) -> Result<Primitive, Refused> {
    let own = &turn.session.user;
    let uri = own_uri(turn, &request.group)?;
    let mut group = props::new(&uri, &own.address, created(turn));
    props::set(&mut group, &request.properties)?;
    within_limits(turn).await?;
    super::put(turn.house, &group, own.address.as_str(), Expect::Absent).await?;
    tracing::info!(group = %uri, user = %own.address, "a group is made");
    if request.join {
        let name = request.screen_name.map(|name| name.name);
        let joined = join::join_own(turn, &uri, name, request.subscribe).await;
        if let Err(refused) = joined {
            // Refused as a whole: whoever tries again must not find it there.
            super::remove(turn.house, &uri).await?;
            return Err(refused);
        }
    }
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// The URI of a group that a user may make: one under the user's own name.
fn own_uri(turn: &Turn<'_>, named: &str) -> Result<String, Refused> {
    let own = &turn.session.user;
    let uri = group_uri(turn.house, named)?;
    let address = parse(named)?;
    let Some(name) = address.group() else {
        let why = format!("{named} is no address of a group");
        return Err(Refused::because(Code::INVALID_GROUP_PROPERTY, why));
    };
    let is_own = address
        .user()
        .is_some_and(|user| user.eq_ignore_ascii_case(&own.name));
    if !is_own {
        let why = format!("a group of {} is called wv:{}/...", own.wv(), own.name);
        return Err(Refused::because(Code::INSUFFICIENT_PRIVILEGES, why));
    }
    // What it would take to escape it in a URI is not worth it.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if !(1..=NAME_MAX).contains(&name.len()) || !name.chars().all(allowed) {
        let why = format!("a group is called by 1 to {NAME_MAX} letters, digits and - _ . +");
        return Err(Refused::because(Code::INVALID_GROUP_PROPERTY, why));
    }
    Ok(uri)
}

fn created(turn: &Turn<'_>) -> String {
    let seconds = i64::try_from(turn.house.world.clock.unix().as_secs()).unwrap_or_default();
    jiff::Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

async fn within_limits(turn: &Turn<'_>) -> Result<(), Refused> {
    let owner = turn.session.user.address.to_string();
    let asked = turn
        .house
        .keeper
        .read(move |reader| reader.count_documents_of(AUID, &owner));
    let theirs = asked.await.map_err(broken)?.map_err(broken)?;
    let limits = &turn.policy.imps;
    if usize::try_from(theirs).unwrap_or(usize::MAX) >= limits.max_groups_per_user {
        return Err(Code::TOO_MANY_GROUPS_OF_USER.into());
    }
    if super::count(turn.house).await? >= limits.max_groups {
        return Err(Code::TOO_MANY_GROUPS.into());
    }
    Ok(())
}

/// DeleteGroup-Request.
pub(in crate::imps) async fn delete(
    turn: &Turn<'_>,
    request: &DeleteGroupRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let stored = super::stored(turn.house, &uri).await?;
    if !stored.is_owner(&turn.session.user.address) {
        let why = "its owner may";
        return Err(Refused::because(Code::INSUFFICIENT_PRIVILEGES, why));
    }
    // First out of the store, so that nobody comes in again; then everybody out.
    super::remove(turn.house, &uri).await?;
    if let Some(room) = turn.house.rooms.find(&uri) {
        room.tell(Order::Event(Event::Close { why: Why::Ended }));
        room.ended().await;
    }
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// GetGroupProps-Request.
pub(in crate::imps) async fn properties_of(
    turn: &Turn<'_>,
    request: &GetGroupPropsRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let own = &turn.session.user.address;
    let is_in = turn.session.seat(&uri).is_some();
    let active = match turn.house.rooms.find(&uri) {
        Some(room) => join::present(&room).await.len(),
        None => 0,
    };
    match super::find(turn.house, &uri).await? {
        Found::Live(room) if is_in => {
            let welcome = match &room.kind {
                Kind::Extended(extended) => extended.welcome.clone(),
                Kind::Conference | Kind::Group => None,
            };
            Ok(GetGroupPropsResponse {
                properties: props::extended_properties(active, welcome),
                own_properties: Vec::new(),
            }
            .into())
        }
        // Whoever is not in it is not told that it is there.
        Found::Live(_) => Err(Code::UNKNOWN_GROUP.into()),
        Found::Stored(stored) => {
            let is_public = stored
                .group
                .extension
                .property("Type")
                .is_some_and(|kind| kind == "Public");
            if !(is_public || is_in || stored.standing(own) >= Standing::Member) {
                return Err(Code::GROUP_PRIVATE.into());
            }
            Ok(GetGroupPropsResponse {
                properties: props::of(&stored, active),
                own_properties: props::own(&stored, own),
            }
            .into())
        }
    }
}

/// SetGroupProps-Request.
pub(in crate::imps) async fn set_properties(
    turn: &Turn<'_>,
    request: SetGroupPropsRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let mut stored = super::stored(turn.house, &uri).await?;
    let own = &turn.session.user.address;
    let Some(wanted) = request.properties else {
        // What somebody is in a group others decide; nothing else is kept of a user.
        return match request.own_properties.is_empty() {
            true => Err(Code::INVALID_GROUP_PROPERTY.into()),
            false => Ok(Status::new(Code::SUCCESSFUL).into()),
        };
    };
    stored.demand(own, Standing::Administrator)?;
    props::set(&mut stored.group, &wanted)?;
    super::save(turn.house, &stored).await?;
    if let Some(room) = turn.house.rooms.find(&uri) {
        let properties = wanted.properties;
        room.tell(Order::Handset(HandsetOrder::Changed { properties }));
    }
    Ok(Status::new(Code::SUCCESSFUL).into())
}
