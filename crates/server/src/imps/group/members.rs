//! Who is on the list of a group, who runs it, and who may not join.

use imps::Primitive;
use imps::csp::{
    AddGroupMembersRequest, DetailedResult, EntityList, GetGroupMembersRequest,
    GetGroupMembersResponse, MemberAccessRequest, Outcome, RejectListRequest, RejectListResponse,
    RemoveGroupMembersRequest, Status, User as CspUser, UserList,
};
use imps::status::Code;
use room::Address;
use xdm::shared_group::{Member, Rank};

use super::super::desk::Turn;
use super::super::user::{self, group_uri, wv_of_user};
use super::super::{Refused, User};
use super::{Standing, Stored, save, stored};
use crate::rooms::Order;
use crate::rooms::handset::Order as HandsetOrder;

/// Users that are named and are none, by the reason.
type Failed = Vec<DetailedResult>;

/// The users of a list, and what is wrong with the others.
async fn users(turn: &Turn<'_>, named: Vec<String>) -> (Vec<User>, Failed) {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for one in named {
        match user::find(turn.house, &one).await {
            Ok(user) => found.push(user),
            Err(refused) => failed.push(DetailedResult::of_users(refused.code, vec![one])),
        }
    }
    (found, failed)
}

fn ids(users: Vec<CspUser>) -> Vec<String> {
    users.into_iter().map(|user| user.id).collect()
}

fn done(failed: Failed) -> Primitive {
    Status::from(Outcome::new(Code::SUCCESSFUL).with_details(failed)).into()
}

/// Nobody at all could be found: that is no success in part.
fn somebody(found: &[User], failed: &Failed) -> Result<(), Refused> {
    match found.is_empty() && !failed.is_empty() {
        true => Err(all_failed(failed.clone())),
        false => Ok(()),
    }
}

/// Nothing at all was done: the first reason counts.
fn all_failed(failed: Failed) -> Refused {
    let first = failed.first();
    let mut refused = Refused::new(first.map_or(Code::BAD_PARAMETER, |first| first.code));
    refused.details = failed;
    refused
}

/// GetGroupMembers-Request.
pub(in crate::imps) async fn list_members(
    turn: &Turn<'_>,
    request: &GetGroupMembersRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let stored = stored(turn.house, &uri).await?;
    stored.demand(&turn.session.user.address, Standing::Member)?;
    let (mut admins, mut mods, mut users) = (Vec::new(), Vec::new(), Vec::new());
    for address in everybody(&stored) {
        let user = CspUser::new(wv_of_user(&address));
        match stored.standing(&address) {
            Standing::Administrator => admins.push(user),
            Standing::Moderator => mods.push(user),
            Standing::Member | Standing::Stranger => users.push(user),
        }
    }
    let list = |users: Vec<CspUser>| {
        (!users.is_empty()).then_some(UserList {
            users,
            screen_names: Vec::new(),
        })
    };
    Ok(GetGroupMembersResponse {
        admins: list(admins),
        mods: list(mods),
        users: list(users),
    }
    .into())
}

/// The members, and those who run the group and are not on its list.
fn everybody(stored: &Stored) -> Vec<Address> {
    let members = stored.group.members.iter().map(|member| &member.uri);
    let ranks = stored.group.extension.ranks.iter().map(|(uri, _)| uri);
    let mut all: Vec<&String> = Vec::new();
    for uri in members.chain(ranks) {
        if !all.contains(&uri) {
            all.push(uri);
        }
    }
    all.into_iter().map(|uri| Address::new(uri)).collect()
}

/// AddGroupMembers-Request.
pub(in crate::imps) async fn add_members(
    turn: &Turn<'_>,
    request: AddGroupMembersRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let mut stored = stored(turn.house, &uri).await?;
    stored.demand(&turn.session.user.address, Standing::Moderator)?;
    let (found, failed) = users(turn, ids(request.users)).await;
    somebody(&found, &failed)?;
    for user in &found {
        let address = user.address.as_str();
        if !stored.group.is_member(address) {
            stored.group.members.push(Member::new(address));
        }
    }
    save(turn.house, &stored).await?;
    Ok(done(failed))
}

/// RemoveGroupMembers-Request.
pub(in crate::imps) async fn remove_members(
    turn: &Turn<'_>,
    request: RemoveGroupMembersRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let mut stored = stored(turn.house, &uri).await?;
    let own = &turn.session.user.address;
    stored.demand(own, Standing::Moderator)?;
    let (found, mut failed) = users(turn, ids(request.users)).await;
    somebody(&found, &failed)?;
    let mut out = Vec::new();
    for user in found {
        let standing = stored.standing(&user.address);
        // Nobody is put out by somebody below them, nor the owner at all.
        if stored.is_owner(&user.address) || standing > stored.standing(own) {
            let code = Code::INSUFFICIENT_PRIVILEGES;
            failed.push(DetailedResult::of_users(code, vec![user.wv()]));
        } else if standing < Standing::Member {
            let code = Code::NOT_A_MEMBER;
            failed.push(DetailedResult::of_users(code, vec![user.wv()]));
        } else {
            let uri = user.address.as_str();
            stored.group.members.retain(|member| member.uri != uri);
            stored.group.extension.set_rank(uri, None);
            out.push(user.address);
        }
    }
    if out.is_empty() {
        return Err(all_failed(failed));
    }
    save(turn.house, &stored).await?;
    put_out(turn, &uri, out);
    Ok(done(failed))
}

/// Puts people out of the room of a group, if there is one.
fn put_out(turn: &Turn<'_>, uri: &str, people: Vec<Address>) {
    if let Some(room) = turn.house.rooms.find(uri) {
        for address in people {
            room.tell(Order::Handset(HandsetOrder::PutOut { address }));
        }
    }
}

/// MemberAccess-Request.
pub(in crate::imps) async fn rank_members(
    turn: &Turn<'_>,
    request: MemberAccessRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let mut stored = stored(turn.house, &uri).await?;
    stored.demand(&turn.session.user.address, Standing::Administrator)?;
    let wanted = [
        (request.admins, Some(Rank::Administrator)),
        (request.mods, Some(Rank::Moderator)),
        (request.users, None),
    ];
    let mut failed = Vec::new();
    let mut any = false;
    for (list, rank) in wanted {
        let named = ids(list.unwrap_or_default().users);
        let (found, unknown) = users(turn, named).await;
        failed.extend(unknown);
        for user in found {
            let address = user.address.as_str();
            let code = match () {
                () if stored.is_owner(&user.address) && rank != Some(Rank::Administrator) => {
                    Code::INSUFFICIENT_PRIVILEGES
                }
                () if stored.standing(&user.address) < Standing::Member => Code::NOT_A_MEMBER,
                () => {
                    stored.group.extension.set_rank(address, rank);
                    any = true;
                    continue;
                }
            };
            failed.push(DetailedResult::of_users(code, vec![user.wv()]));
        }
    }
    if !any {
        return Err(all_failed(failed));
    }
    save(turn.house, &stored).await?;
    Ok(done(failed))
}

/// RejectList-Request.
pub(in crate::imps) async fn reject_list(
    turn: &Turn<'_>,
    request: RejectListRequest,
) -> Result<Primitive, Refused> {
    let uri = group_uri(turn.house, &request.group)?;
    let mut stored = stored(turn.house, &uri).await?;
    let own = &turn.session.user.address;
    stored.demand(own, Standing::Moderator)?;
    let named = |list: Option<EntityList>| list.unwrap_or_default().users;
    let (add, remove) = (named(request.add), named(request.remove));
    if !(add.is_empty() && remove.is_empty()) {
        let (readmitted, _) = users(turn, remove).await;
        for user in readmitted {
            stored.group.extension.readmit(user.address.as_str());
        }
        let (found, failed) = users(turn, add).await;
        somebody(&found, &failed)?;
        let below = |user: &User| {
            !stored.is_owner(&user.address) && stored.standing(&user.address) < Standing::Moderator
        };
        let out: Vec<_> = found.into_iter().filter(below).collect();
        for user in &out {
            stored.group.extension.reject(user.address.as_str());
        }
        save(turn.house, &stored).await?;
        put_out(
            turn,
            &uri,
            out.into_iter().map(|user| user.address).collect(),
        );
    }
    let rejected = stored.group.extension.rejected.iter();
    let users = rejected.map(|uri| CspUser::new(wv_of_user(&Address::new(uri))));
    Ok(RejectListResponse {
        users: Some(UserList {
            users: users.collect(),
            screen_names: Vec::new(),
        }),
    }
    .into())
}
