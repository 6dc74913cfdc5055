//! Which addresses are nobody's.

use imps::Primitive;
use imps::csp::{IdList, ScreenName, Status, VerifyIdRequest};
use imps::status::Code;

use super::desk::Turn;
use super::failed::Failed;
use super::user::group_uri;
use super::{Refused, contacts, group, lists, user};

/// The most addresses in one request. Most of them cost a look into the store.
const IDS_MAX: usize = 100;

/// VerifyID-Request.
pub(super) async fn verify(
    turn: &Turn<'_>,
    request: VerifyIdRequest,
) -> Result<Primitive, Refused> {
    let IdList {
        users,
        contact_lists,
        groups,
        screen_names,
        domains,
    } = request.ids;
    let counts = [
        users.len(),
        contact_lists.len(),
        groups.len(),
        screen_names.len(),
        domains.len(),
    ];
    if !(1..=IDS_MAX).contains(&counts.iter().sum()) {
        let why = format!("1 to {IDS_MAX} addresses can be checked at a time");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    let mut failed = Failed::default();
    for one in users {
        if let Err(refused) = user::find(turn.house, &one).await {
            failed.user(honest(refused)?, one);
        }
    }
    if !contact_lists.is_empty() {
        let own = lists::load(turn.house, &turn.session.user.address)
            .await?
            .lists;
        for one in contact_lists {
            let name = contacts::own_name(turn, &one);
            if !name.is_ok_and(|name| contacts::find(&own, &name).is_some()) {
                failed.contact_list(Code::UNKNOWN_CONTACT_LIST, one);
            }
        }
    }
    for one in groups {
        if let Err(refused) = is_group(turn, &one).await {
            failed.group(honest(refused)?, one);
        }
    }
    for name in screen_names {
        if !is_in(turn, &name).await {
            failed.screen_name(&Code::UNKNOWN_USER.into(), name);
        }
    }
    for domain in domains {
        if !turn.house.is_domain(domain.trim()) {
            failed.domain(Code::DOMAIN_NOT_SUPPORTED, domain);
        }
    }
    Ok(Status::from(failed.outcome()).into())
}

/// What is wrong with an address; nothing that is wrong here.
fn honest(refused: Refused) -> Result<Code, Refused> {
    match refused.code {
        Code::INTERNAL_ERROR => Err(refused),
        code => Ok(code),
    }
}

/// IMPS-9.1.11-S13: of a conversation that has grown only those know who are in it.
async fn is_group(turn: &Turn<'_>, named: &str) -> Result<(), Refused> {
    let uri = group_uri(turn.house, named)?;
    match group::find(turn.house, &uri).await? {
        group::Found::Stored(_) => Ok(()),
        group::Found::Live(_) if turn.session.seat(&uri).is_some() => Ok(()),
        group::Found::Live(_) => Err(Code::UNKNOWN_GROUP.into()),
    }
}

/// Goes somebody by this name in the group? Only those hear it who are in the group as well.
async fn is_in(turn: &Turn<'_>, name: &ScreenName) -> bool {
    let Ok(uri) = group_uri(turn.house, &name.group) else {
        return false;
    };
    let Some(seat) = turn.session.seat(&uri) else {
        return false;
    };
    // As the room tells names apart.
    let key = |name: &str| name.trim().to_lowercase();
    let wanted = key(&name.name);
    let people = group::present(&seat.room).await;
    people.iter().any(|one| key(&one.who.screen_name) == wanted)
}
