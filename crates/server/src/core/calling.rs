//! INVITEs that a procedure of the focus answers: what all of them are looked at for, and the
//! start of the procedure.

use std::sync::Arc;

use sip::dialog::Dialog;
use sip::header::Contact;
use sip::transaction::ServerId;
use sip::{Name, Request};
use tokio::sync::mpsc;

use crate::core::shard::Shard;
use crate::core::{Answer, Identity};
use crate::focus::{self, Call, adhoc, group, rejoin};
use crate::net::Flow;

/// Which procedure answers an INVITE.
#[derive(Debug)]
pub(super) enum Procedure {
    /// 7.2.1.2: the conference factory.
    AdHoc,
    /// 7.2.1.5: a session identity.
    Rejoin(String),
    /// A stored group, by its address.
    Group(String),
}

impl Procedure {
    /// The options that are understood.
    fn options(&self) -> &'static [&'static str] {
        match self {
            Self::AdHoc => focus::SUPPORTED,
            Self::Rejoin(_) | Self::Group(_) => &[focus::TIMER, focus::REPLACES],
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::AdHoc => "ad-hoc set-up",
            Self::Rejoin(_) => "rejoin",
            Self::Group(_) => "group session",
        }
    }
}

impl Shard {
    /// Starts a procedure on an INVITE of somebody whose identity is established.
    pub(super) fn call(
        &mut self,
        id: ServerId,
        request: Request,
        flow: Flow,
        who: Identity,
        procedure: Procedure,
    ) {
        let tag = self.desk.rng.token(64);
        if let Some(answer) = unfit(&request, &flow, &tag, &procedure) {
            return self.desk.answer(id, &request, &answer);
        }
        let permit = Arc::clone(&self.house.procedures).try_acquire_owned().ok();
        let Some(permit) = permit.filter(|_| self.house.rooms.has_place()) else {
            let answer = Answer::plain(503).with(Name::RetryAfter, "5");
            return self.desk.answer(id, &request, &answer);
        };
        self.trying(id, &request);
        let (tell, events) = mpsc::unbounded_channel();
        self.calls.insert(id, (tell, flow.clone()));
        let call = Call {
            id,
            request,
            flow,
            who,
            tag,
            shard: self.me.clone(),
            events,
        };
        let house = Arc::clone(&self.house);
        let name = procedure.name();
        self.house.world.tasks.spawn(name, async move {
            match procedure {
                Procedure::AdHoc => adhoc::set_up(house, call).await,
                Procedure::Rejoin(identity) => rejoin::rejoin(house, call, identity).await,
                Procedure::Group(uri) => group::come(house, call, uri).await,
            }
            drop(permit);
        });
    }
}

/// What is wrong with an INVITE, whatever it is for.
fn unfit(request: &Request, flow: &Flow, tag: &str, procedure: &Procedure) -> Option<Answer> {
    if let Some(answer) = adhoc::unknown_options(request, procedure.options()) {
        return Some(answer);
    }
    if !matches!(request.first::<Contact<'_>>(), Ok(Some(_))) {
        return Some(Answer::because(400, "An INVITE Needs a Contact"));
    }
    if Dialog::uas(request, tag, "").is_err() {
        // Found out only when somebody has accepted, it could not be accepted any more.
        return Some(Answer::because(
            400,
            "Bad Request: no dialog can be made of it",
        ));
    }
    if let Procedure::AdHoc = procedure
        && request.has(Name::Replaces)
    {
        // RFC 3891 section 3: there is no dialog with the factory.
        return Some(Answer::plain(481));
    }
    // Or the connection went before its INVITE was read: nobody would hear the answer, and nobody
    // is rung for it.
    (!flow.is_open()).then(|| Answer::plain(487))
}
