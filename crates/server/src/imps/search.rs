//! Search: for users by what they are called, for groups by what they say of themselves.
//!
//! ```text
//!   Search (conditions) ─▶ all hits ─▶ the first so many ──fewer than all──▶ kept, by a number
//!   Search (number, from which) ◀──────────────────────────────────────────────┘
//! ```
//!
//! All conditions have to hold. Each is a part of a text, in whatever letter case. What is found is
//! found once: later pages show what was there when the search began.

mod open;
mod people;

use std::sync::Arc;

use imps::Primitive;
use imps::csp::{
    GroupList, SearchPair, SearchRequest, SearchResponse, SearchResult, Status, StopSearchRequest,
    User as CspUser, UserList,
};
use imps::status::Code;

use open::Hits;
pub(super) use open::Searches;

use super::desk::Turn;
use super::{Refused, group};

/// The most conditions of one search: more than there are things to ask for.
const PAIRS_MAX: usize = 8;

/// The longest text that is looked for, in bytes: about the longest address.
const PART_MAX: usize = 256;

/// The most hits of one search. Whoever finds more has to say more.
pub(super) const HITS_MAX: usize = 200;

/// How many hits are told at a time if the client does not say, and at most.
const LIMIT: u32 = 20;
const LIMIT_MAX: u32 = 100;

/// One condition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Condition {
    pub(super) what: What,
    /// In small letters.
    part: String,
}

/// What has to read so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum What {
    UserId,
    /// What the account calls its owner. First and last name, alias and friendly name are not told
    /// apart.
    UserName,
    GroupId,
    GroupName,
    GroupTopic,
    GroupJoined,
    GroupOwner,
}

impl What {
    /// The elements that can be asked for, in the words of the wire.
    fn named(element: &str) -> Option<Self> {
        match element.trim().to_ascii_uppercase().as_str() {
            "USER_ID" => Some(Self::UserId),
            "USER_ALIAS" | "USER_FIRST_NAME" | "USER_LAST_NAME" | "USER_FRIENDLY_NAME" => {
                Some(Self::UserName)
            }
            "GROUP_ID" => Some(Self::GroupId),
            "GROUP_NAME" => Some(Self::GroupName),
            "GROUP_TOPIC" => Some(Self::GroupTopic),
            "GROUP_USER_ID_JOINED" => Some(Self::GroupJoined),
            "GROUP_USER_ID_OWNER" => Some(Self::GroupOwner),
            // Telephone numbers are told to nobody, and presence by its own rules; of mail, age,
            // town, tastes and automatic joining nothing is known.
            _ => None,
        }
    }

    fn is_of_user(self) -> bool {
        match self {
            Self::UserId | Self::UserName => true,
            Self::GroupId
            | Self::GroupName
            | Self::GroupTopic
            | Self::GroupJoined
            | Self::GroupOwner => false,
        }
    }

    fn is_address(self) -> bool {
        match self {
            Self::UserId | Self::GroupId | Self::GroupJoined | Self::GroupOwner => true,
            Self::UserName | Self::GroupName | Self::GroupTopic => false,
        }
    }
}

impl Condition {
    fn read(pair: &SearchPair) -> Result<Self, Refused> {
        let Some(what) = What::named(&pair.element) else {
            let why = format!("{} cannot be searched for", pair.element);
            let mut refused = Refused::because(Code::BAD_PARAMETER, why);
            refused.details = vec![imps::csp::DetailedResult {
                code: Code::BAD_PARAMETER,
                search_elements: vec![pair.element.clone()],
                ..Default::default()
            }];
            return Err(refused);
        };
        let part = pair.string.trim().to_lowercase();
        // Every address begins so.
        let part = match part.strip_prefix("wv:") {
            Some(rest) if what.is_address() => rest.to_owned(),
            Some(_) | None => part,
        };
        if part.is_empty() {
            let why = format!("{} is to read somehow", pair.element);
            return Err(Refused::because(Code::TOO_BROAD, why));
        }
        if part.len() > PART_MAX {
            let why = format!("a text to look for has at most {PART_MAX} bytes");
            return Err(Refused::because(Code::BAD_PARAMETER, why));
        }
        Ok(Self { what, part })
    }

    /// Does a text read so?
    pub(super) fn holds(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.part)
    }
}

/// Search-Request.
pub(super) async fn search(turn: &Turn<'_>, request: SearchRequest) -> Result<Primitive, Refused> {
    match &request.search {
        Some(id) => go_on(turn, id, &request),
        None => begin(turn, &request).await,
    }
}

async fn begin(turn: &Turn<'_>, request: &SearchRequest) -> Result<Primitive, Refused> {
    if request.criteria.is_some() {
        let why = "conditions are not put together: all of them count";
        return Err(Refused::because(Code::SERVICE_NOT_SUPPORTED, why));
    }
    let conditions = conditions(&request.pairs)?;
    let limit = request.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let leave = turn.house.imps.searches.begin();
    let _under_way = leave.ok_or_else(|| {
        let why = "too many searches are under way";
        Refused::because(Code::SERVICE_UNAVAILABLE, why)
    })?;
    let is_of_users = conditions.iter().all(|one| one.what.is_of_user());
    let found = match is_of_users {
        true => people::search(turn.house, &conditions).await?,
        false => group::search(turn.house, &conditions).await?,
    };
    let hits = Hits {
        found: found.into(),
        is_of_users,
        limit,
    };
    let (mut response, is_all) = page(&hits, 1, limit)?;
    if !is_all {
        let now = turn.house.world.clock.now();
        response.search = Some(turn.house.imps.searches.open(&turn.session.id, hits, now));
    }
    Ok(response.into())
}

/// The conditions of a search, which are about users or about groups.
fn conditions(pairs: &[SearchPair]) -> Result<Arc<[Condition]>, Refused> {
    if pairs.len() > PAIRS_MAX {
        let why = format!("a search has at most {PAIRS_MAX} conditions");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    let conditions: Vec<_> = pairs
        .iter()
        .map(Condition::read)
        .collect::<Result<_, _>>()?;
    let of_users = conditions
        .iter()
        .filter(|one| one.what.is_of_user())
        .count();
    if conditions.is_empty() {
        return Err(Code::TOO_BROAD.into());
    }
    if of_users != 0 && of_users != conditions.len() {
        let why = "a search is for users or for groups";
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    Ok(conditions.into())
}

/// The next page of a search, or another.
fn go_on(turn: &Turn<'_>, id: &str, request: &SearchRequest) -> Result<Primitive, Refused> {
    let now = turn.house.world.clock.now();
    let hits = turn.house.imps.searches.find(&turn.session.id, id, now);
    let hits = hits.ok_or(Refused::new(Code::INVALID_SEARCH))?;
    let limit = request.limit.unwrap_or(hits.limit).clamp(1, LIMIT_MAX);
    let (mut response, is_all) = page(&hits, request.index.unwrap_or(1), limit)?;
    response.search = (!is_all).then(|| id.to_owned());
    Ok(response.into())
}

/// A page of what was found, and whether it is the last.
fn page(hits: &Hits, from: u32, limit: u32) -> Result<(SearchResponse, bool), Refused> {
    let findings = u32::try_from(hits.found.len()).unwrap_or(u32::MAX);
    let outside = || {
        let why = format!("there are {findings}");
        Refused::because(Code::INVALID_SEARCH_INDEX, why)
    };
    // Counted from one. Of nothing at all the first is where it ends.
    let before = from.checked_sub(1).ok_or_else(outside)?;
    if before > 0 && before >= findings {
        return Err(outside());
    }
    let count = limit.min(findings - before.min(findings));
    let next = before.saturating_add(count);
    let skip = usize::try_from(before).unwrap_or(usize::MAX);
    let take = usize::try_from(count).unwrap_or(usize::MAX);
    let shown: Vec<String> = hits.found.iter().skip(skip).take(take).cloned().collect();
    let is_last = next >= findings;
    let response = SearchResponse {
        search: None,
        findings,
        completed: is_last,
        index: Some(next.saturating_add(1)),
        result: (!shown.is_empty()).then(|| result(shown, hits.is_of_users)),
    };
    Ok((response, is_last))
}

fn result(shown: Vec<String>, is_of_users: bool) -> SearchResult {
    match is_of_users {
        true => SearchResult::Users(UserList {
            users: shown.into_iter().map(CspUser::new).collect(),
            screen_names: Vec::new(),
        }),
        false => SearchResult::Groups(GroupList { groups: shown }),
    }
}

/// StopSearch-Request.
pub(super) fn stop(turn: &Turn<'_>, request: &StopSearchRequest) -> Result<Primitive, Refused> {
    let now = turn.house.world.clock.now();
    let searches = &turn.house.imps.searches;
    match searches.stop(&turn.session.id, &request.search, now) {
        true => Ok(Status::new(Code::SUCCESSFUL).into()),
        false => Err(Code::INVALID_SEARCH.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (the conditions, what is wrong with them)
    type Spoiled<'a> = (&'a [(&'a str, &'a str)], Option<Code>);

    #[test]
    fn conditions_that_cannot_be() {
        let long = "x".repeat(PART_MAX + 1);
        #[rustfmt::skip]
        let rows: &[Spoiled<'_>] = &[
            (&[("USER_ID", "a")],                           None),
            (&[("user_id", " WV:Alice ")],                  None),
            (&[("GROUP_NAME", "wv:")],                      None),
            (&[("GROUP_NAME", "a"), ("GROUP_TOPIC", "b")],  None),
            (&[],                                           Some(Code::TOO_BROAD)),
            (&[("USER_ID", " ")],                           Some(Code::TOO_BROAD)),
            (&[("USER_ID", "wv:")],                         Some(Code::TOO_BROAD)),
            (&[("USER_ID", &long)],                         Some(Code::BAD_PARAMETER)),
            (&[("USER_MOBILE_NUMBER", "1")],                Some(Code::BAD_PARAMETER)),
            (&[("USER_ONLINE_STATUS", "T")],                Some(Code::BAD_PARAMETER)),
            (&[("GROUP_NAME", "a"), ("USER_ID", "b")],      Some(Code::BAD_PARAMETER)),
            (&[("USER_ID", "a"); PAIRS_MAX + 1],            Some(Code::BAD_PARAMETER)),
        ];
        for (pairs, want) in rows {
            let pair = |(element, string): &(&str, &str)| SearchPair {
                element: (*element).to_owned(),
                string: (*string).to_owned(),
                pair: None,
            };
            let pairs: Vec<_> = pairs.iter().map(pair).collect();
            let got = conditions(&pairs).err().map(|refused| refused.code);
            assert_eq!(got, *want, "{pairs:?}");
        }
    }

    /// (hits, from, how many; what is shown, the next, is it the last)
    type Row = (
        usize,
        u32,
        u32,
        Option<(&'static [&'static str], u32, bool)>,
    );

    #[test]
    fn pages() {
        let hits = |count: usize| Hits {
            found: (1..=count).map(|n| n.to_string()).collect(),
            is_of_users: false,
            limit: 2,
        };
        #[rustfmt::skip]
        let rows: &[Row] = &[
            (0, 1, 2, Some((&[], 1, true))),
            (0, 2, 2, None),
            (3, 0, 2, None),
            (3, 1, 2, Some((&["1", "2"], 3, false))),
            (3, 2, 2, Some((&["2", "3"], 4, true))),
            (3, 3, 9, Some((&["3"], 4, true))),
            (3, 4, 2, None),
            (3, u32::MAX, 2, None),
        ];
        for (count, from, limit, want) in rows {
            let got = page(&hits(*count), *from, *limit).ok();
            let got = got.map(|(response, is_last)| {
                assert_eq!(response.completed, is_last);
                let shown = match response.result {
                    Some(SearchResult::Groups(list)) => list.groups,
                    Some(SearchResult::Users(_)) => panic!("users"),
                    None => Vec::new(),
                };
                (shown, response.index.unwrap(), is_last)
            });
            let want = want.map(|(shown, next, is_last)| {
                let shown = shown.iter().map(|one| (*one).to_owned()).collect();
                (shown, next, is_last)
            });
            assert_eq!(got, want, "{count} {from} {limit}");
        }
    }
}
