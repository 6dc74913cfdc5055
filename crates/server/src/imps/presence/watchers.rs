//! Who watches a user, and who did lately.

use std::collections::BTreeMap;
use std::time::Duration;

use imps::csp::{GetWatcherListRequest, GetWatcherListResponse, User as CspUser, Watcher};
use imps::{Primitive, Version};

use room::Address;

use super::super::access::seconds;
use super::super::desk::Turn;
use super::super::user::wv_of_user;
use super::super::{Refused, profile};
use super::watches::{Interest, PAST};

/// The most watchers in one answer.
const WATCHERS_MAX: usize = 200;

/// GetWatcherList-Request.
///
/// The owner of a presence learns of all who watch it, those among them who may see nothing.
/// Without a period only those are named who watch now.
pub(in crate::imps) async fn list(
    turn: &Turn<'_>,
    request: &GetWatcherListRequest,
) -> Result<Primitive, Refused> {
    let (house, own) = (turn.house, &turn.session.user.address);
    let watches = &house.imps.presence.watches;
    let mut all: BTreeMap<Address, &'static str> = BTreeMap::new();
    for watch in watches.of(own) {
        let who = &watch.session.user.address;
        if who != own {
            all.insert(who.clone(), "CURRENT_SUBSCRIBER");
        }
    }
    let period = request.history_s.map(|s| Duration::from_secs(s.into()));
    let period = period.map(|period| period.min(PAST));
    let now = house.world.clock.now();
    let since = period.and_then(|period| now.checked_sub(period));
    for (who, interest) in since.into_iter().flat_map(|since| watches.past(own, since)) {
        all.insert(who, word(interest));
    }
    let count = u32::try_from(all.len()).ok();
    let most = request.max.map(usize::try_from);
    let most = most.map_or(WATCHERS_MAX, |most| most.unwrap_or(WATCHERS_MAX));
    let all = all.into_iter().take(most.min(WATCHERS_MAX));
    let mut response = GetWatcherListResponse {
        history_s: period.map(seconds),
        count,
        ..GetWatcherListResponse::default()
    };
    for (who, status) in all {
        let user = CspUser::new(wv_of_user(&who));
        match turn.session.version {
            Version::V1_1 => response.users.push(user),
            Version::V1_2 => response.watchers.push(watcher(user, None, status)),
            Version::V1_3 => {
                let name = profile::friendly_name(house, &who).await?;
                response.watchers.push(watcher(user, name, status));
            }
        }
    }
    Ok(response.into())
}

fn watcher(user: CspUser, friendly_name: Option<String>, status: &str) -> Watcher {
    Watcher {
        user,
        friendly_name,
        status: Some(status.to_owned()),
    }
}

fn word(interest: Interest) -> &'static str {
    match interest {
        Interest::Watched => "FORMER_SUBSCRIBER",
        Interest::Asked => "PRESENCE_ACCESS",
    }
}
