//! Users who are called so.

use std::sync::Arc;

use imps::status::Code;
use store::{Account, Cursor, Trouble};

use super::super::refused::broken;
use super::super::{Refused, User};
use super::{Condition, HITS_MAX, What};
use crate::house::House;

/// Accounts looked at in one go. Others who ask the store wait for no longer than that.
const PAGE: u32 = 500;

/// How often that is done for one search: a hundred thousand accounts are looked through.
const PAGES_MAX: usize = 200;

/// All users of whom the conditions hold.
pub(super) async fn search(
    house: &House,
    conditions: &Arc<[Condition]>,
) -> Result<Vec<String>, Refused> {
    let mut found = Vec::new();
    let mut after = Cursor::START;
    for _ in 0..PAGES_MAX {
        let conditions = Arc::clone(conditions);
        let domain = house.setup.domain.clone();
        let page = house.keeper.read(move |reader| {
            let page = reader.accounts(&after, PAGE)?;
            let fits = page.rows.iter().filter(|account| {
                account.enabled && account.domain == domain && fits(account, &conditions)
            });
            let fits: Vec<String> = fits.map(|account| User::of(account).wv()).collect();
            Ok::<_, Trouble>((fits, page.next))
        });
        let (fits, next) = page.await.map_err(broken)?.map_err(broken)?;
        found.extend(fits);
        if found.len() > HITS_MAX {
            let why = format!("more than {HITS_MAX} users");
            return Err(Refused::because(Code::TOO_MANY_HITS, why));
        }
        match next {
            Some(next) => after = next,
            None => return Ok(found),
        }
    }
    let why = "there are more users than can be looked through";
    Err(Refused::because(Code::SEARCH_TIMEOUT, why))
}

fn fits(account: &Account, conditions: &[Condition]) -> bool {
    conditions.iter().all(|condition| match condition.what {
        What::UserId => condition.holds(&format!("{}@{}", account.name, account.domain)),
        What::UserName => {
            let name = account.display_name.as_deref();
            name.is_some_and(|name| condition.holds(name))
        }
        What::GroupId
        | What::GroupName
        | What::GroupTopic
        | What::GroupJoined
        | What::GroupOwner => false,
    })
}
