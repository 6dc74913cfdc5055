//! Presence: what users publish, who may see it, and those who watch.
//!
//! ```text
//!   Update ──▶ kept ──┐                         ┌─▶ box of each session that watches, later news
//!   session begins ───┼─▶ telling: what is new ─┤   of a user in the place of earlier
//!   or ends ──────────┤   to each, as far as    └─▶ nothing, where nothing may be seen
//!   lists, answers ───┘   standing allows
//! ```
//!
//! What is published and who may see it is in the store and is read when it is needed; who watches
//! is in memory and ends with the session. Whatever changes, all who watch are looked at anew, and
//! told what is another than they were told last.

mod check;
mod kept;
mod kinds;
mod lists;
mod named;
mod news;
mod publish;
mod reactive;
mod standing;
mod subscribe;
mod telling;
mod watchers;
mod watches;

use std::collections::BTreeSet;
use std::sync::Arc;

use room::Address;

pub(super) use kept::{change, load};
pub(super) use lists::{create, delete, list};
pub(crate) use news::News;
pub(super) use publish::update;
pub(super) use reactive::{answer, cancel, status};
pub(super) use subscribe::{get, subscribe, unsubscribe};
pub(super) use watchers::list as list_watchers;

use super::Session;
use crate::house::House;
use watches::{Followed, Reason};

/// Who watches whom.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    watches: watches::Watches,
    lanes: telling::Lanes,
}

/// A session has begun: those who watch its user are told, and it is asked about those who may not
/// see anything yet.
pub(super) async fn begun(house: &House, session: &Arc<Session>) {
    telling::tell(house, &session.user.address).await;
    reactive::ask_all(house, session).await;
}

/// A session has ended, and is among the others no more: it watches nobody, and those who watch
/// its user are told.
pub(super) async fn over(house: &House, session: &Session) {
    let now = house.world.clock.now();
    house.imps.presence.watches.clear(&session.id, now);
    telling::tell(house, &session.user.address).await;
}

/// The lists of a user have changed, in whatever way: those who watch the user may see more or
/// less, and sessions of the user that follow a contact list watch others.
pub(super) async fn lists_changed(house: &House, owner: &Address) {
    telling::tell(house, owner).await;
    let watches = &house.imps.presence.watches;
    for session in house.imps.sessions.of(owner) {
        for (list, followed) in watches.followed(&session.id) {
            if followed.auto {
                follow(house, &session, &list, followed).await;
            }
        }
    }
}

/// Looks at a contact list that a session follows.
async fn follow(house: &House, session: &Arc<Session>, list: &str, followed: Followed) {
    let owner = &session.user.address;
    let Ok(super::lists::Lists { lists, .. }) = super::lists::load(house, owner).await else {
        // The store has said why. It is looked at again with the next change.
        return;
    };
    let mut members = BTreeSet::new();
    for uri in standing::members(&lists, list).take(named::NAMED_MAX) {
        let who = Address::new(uri);
        if followed.members.contains(&who) || is_somebody(house, &who).await {
            members.insert(who);
        }
    }
    let watches = &house.imps.presence.watches;
    watches.look_at(&session.id, list, members.clone());
    for who in members.difference(&followed.members) {
        let reason = Reason::Listed(list);
        let watched = subscribe::watch_one(house, session, who, reason, followed.kinds).await;
        if let Err(refused) = watched {
            tracing::debug!(%owner, %who, code = %refused.code, why = ?refused.why, "not watched");
        }
    }
    let now = house.world.clock.now();
    for who in followed.members.difference(&members) {
        watches.unlist(&session.id, who, list, now);
    }
}

/// Is this a user of ours?
async fn is_somebody(house: &House, who: &Address) -> bool {
    let wv = super::user::wv_of_user(who);
    let found = super::user::find(house, &wv).await;
    found.is_ok_and(|found| found.address == *who)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use imps::Version;
    use imps::csp::SubscribePresenceRequest;
    use store::{Account, Credentials, Fence, Store, Write};
    use xdm::resource_lists::{Entry, Item, List};

    use super::super::desk::{Caller, Turn};
    use super::super::session::Beginning;
    use super::super::{User, lists};
    use crate::http::Ends;
    use crate::{Policy, Server, Setup};

    use super::*;

    const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

    async fn server() -> Server {
        let mut store = Store::memory();
        for user in USERS {
            let account = Account {
                name: user.to_owned(),
                domain: "localhost".to_owned(),
                display_name: None,
                msisdn: None,
                credentials: Credentials::default(),
                enabled: true,
                created_at_ms: 0,
            };
            let write = Write::AddAccount(account);
            store.commit(&[write], Fence::Unfenced).unwrap();
        }
        let setup = Setup {
            sip_udp: None,
            sip_tcp: None,
            http: None,
            cir_tcp: None,
            cir_udp: None,
            msrp_tcp: nowhere(),
            ..Setup::default()
        };
        let world = world::World::os();
        Server::start(world, store, setup, Policy::default())
            .await
            .unwrap()
    }

    fn nowhere() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    fn who(name: &str) -> Address {
        Address::new(&format!("sip:{name}@localhost"))
    }

    fn alice(house: &House) -> Arc<Session> {
        let user = User {
            name: "alice".into(),
            address: who("alice"),
            display: None,
        };
        let beginning = Beginning {
            away: None,
            id: "1".into(),
            user,
            client: None,
            version: Version::V1_2,
            peer: Ipv4Addr::LOCALHOST.into(),
            cookie: None,
            lives: Duration::from_secs(60),
        };
        let session = Session::new(beginning, house.world.clock.now());
        let now = house.world.clock.now();
        house.imps.sessions.add(&session, 8, now);
        session
    }

    /// Alice has these on her list, by whichever of her clients.
    async fn put(house: &House, members: &[&str]) {
        let entry = |name: &&str| Item::Entry(Entry::new(who(name).as_str()));
        let mut theirs = lists::load(house, &who("alice")).await.unwrap();
        theirs.lists.lists = vec![List {
            name: Some("friends".to_owned()),
            items: members.iter().map(entry).collect(),
            ..List::default()
        }];
        lists::save(house, &theirs).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_is_put_on_a_list_later_is_meant_as_well() {
        for auto in [true, false] {
            let server = server().await;
            let house = &server.house;
            put(house, &["bob", "carol"]).await;
            let session = alice(house);
            let ends = Ends {
                local: nowhere(),
                remote: nowhere(),
                secure: false,
            };
            let caller = Caller::new(house, ends, &axum::http::HeaderMap::new());
            let turn = Turn {
                house,
                policy: &Policy::default(),
                caller: &caller,
                session: &session,
            };
            let request = SubscribePresenceRequest {
                contact_lists: vec!["wv:alice/~friends@localhost".to_owned()],
                auto_subscribe: auto,
                ..SubscribePresenceRequest::default()
            };
            subscribe(&turn, request).await.unwrap();
            let watched = || {
                let watches = &house.imps.presence.watches;
                USERS.map(|name| watches.has(&who(name)))
            };
            assert_eq!(watched(), [false, true, true, false]);
            put(house, &["carol", "dave", "stranger"]).await;
            // Without a word about it, those are meant who were on it.
            let want = [false, !auto, true, auto];
            assert_eq!(watched(), want, "auto: {auto}");
            over(house, &session).await;
            assert_eq!(watched(), [false; 4]);
        }
    }
}
