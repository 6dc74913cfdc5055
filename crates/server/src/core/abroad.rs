//! Requests that cross the border between two domains, either way.

use std::sync::Arc;

use room::Address;
use sip::header::ReferredBy;
use sip::transaction::ServerId;
use sip::{Request, Uri};

use crate::core::shard::Shard;
use crate::core::{Answer, Command, Device, Identity, NoWay, hides_sender};
use crate::home::access::{self, Barred, Inviter};
use crate::house::House;
use crate::net::Flow;

/// A request for a user of ours.
#[derive(Debug)]
pub(crate) struct ForUser {
    pub(super) id: ServerId,
    pub(super) request: Request,
    pub(super) flow: Flow,
    pub(super) who: Identity,
    pub(super) aor: String,
}

impl ForUser {
    /// Does the user want to hear from somebody of another domain? A conference there calls as
    /// itself: then it counts who has invited, whom its server names (Referred-By).
    async fn is_welcome(&self, house: &House) -> Result<(), Barred> {
        let from = Uri::parse(&self.who.aor).ok();
        let referrer = self.request.get::<ReferredBy<'_>>().ok().flatten();
        let referrer = referrer.filter(|referrer| {
            let same = |from: &Uri<'_>| from.host().eq_ignore_ascii_case(referrer.uri.host());
            from.as_ref().is_some_and(same)
        });
        let by = referrer.map_or_else(
            || Address::new(&self.who.aor),
            |referrer| Address::new(&referrer.uri.aor()),
        );
        let inviter = Inviter {
            address: Some(&by),
            hidden: hides_sender(&self.request),
            into: &self.who.aor,
        };
        access::check(house, &Address::new(self.aor.as_str()), inviter).await
    }
}

impl Shard {
    /// A request for another domain, from a user of ours.
    pub(super) fn for_elsewhere(&mut self, id: ServerId, request: Request, flow: Flow) {
        let Some((request, who)) = self.identify(id, request, &flow) else {
            return;
        };
        if !self.is_local(&who, &flow) {
            let answer = Answer::because(403, "No Transit between Domains");
            return self.desk.answer(id, &request, &answer);
        }
        let way = Uri::parse(request.uri()).map_err(|_| NoWay::Unknown);
        let way = way.and_then(|uri| {
            let house = &self.house;
            let to = house.neighbours.way(house, uri.host())?;
            Ok(Device::elsewhere(uri.aor(), request.uri().to_owned(), to))
        });
        let device = match way {
            Ok(device) => Arc::new(device),
            Err(NoWay::Unknown) => {
                let answer = Answer::because(404, "Domain Not Served Here");
                return self.desk.answer(id, &request, &answer);
            }
            Err(NoWay::NotFound) => {
                let answer = Answer::because(480, "The Server of That Domain Is Not Found");
                return self.desk.answer(id, &request, &answer);
            }
        };
        // Its server is told who it is also when people are not to know (RFC 3325 section 7): it
        // is configured here, and keeps the secret.
        self.forward(id, request, &flow, Some(&who), vec![device]);
    }

    /// Is the sender a user of ours? A trusted peer may speak for whom it likes.
    pub(super) fn is_local(&self, who: &Identity, flow: &Flow) -> bool {
        let uri = Uri::parse(&who.aor);
        uri.is_ok_and(|uri| self.house.is_domain(uri.host()))
            || self.policy.trusted_peers.contains(&flow.remote().ip())
    }

    /// Asks what a user of ours has said of those of other domains.
    pub(super) fn consult(&mut self, user: ForUser) {
        let Ok(permit) = Arc::clone(&self.house.procedures).try_acquire_owned() else {
            return self
                .desk
                .answer(user.id, &user.request, &Answer::plain(503));
        };
        let (house, me) = (Arc::clone(&self.house), self.me.clone());
        self.house.world.tasks.spawn("consult", async move {
            match user.is_welcome(&house).await {
                Ok(()) => me.tell(Command::ForUser(Box::new(user))),
                Err(barred) => {
                    let answer = Answer::plain(barred.status());
                    let response = house.replies.answer(&user.request, &answer, &house.tag());
                    me.tell(Command::Respond {
                        id: user.id,
                        status: answer.status,
                        response,
                    });
                }
            }
            drop(permit);
        });
    }
}
