//! Sessions of stored groups: of those whose members are called when one of them starts (IM
//! 7.1.1.4), and of those that people join by themselves (IM 7.1.1.10). The address of the group is
//! the identity of its one session.
//!
//! ```text
//!   a session is alive ────────────────▶ come in (7.2.1.5)
//!   the server's end interrupted one ──▶ as it was, come in
//!   none, and who asks may start one ──▶ members called: as an ad-hoc conference from here on
//!                                   └──▶ else an open door: come in
//! ```

use std::sync::{Arc, Mutex};

use room::{Guest, Host, Refusal, Room};
use store::{Partition, Role, RoomKind};
use tokio::sync::mpsc;

use crate::core::Answer;
use crate::focus::comer::{Comer, Stop};
use crate::focus::entry::Entry;
use crate::focus::host::Conference;
use crate::focus::invite::Opening;
use crate::focus::{Call, adhoc, rejoin};
use crate::groups::{self, Stored};
use crate::house::House;
use crate::keeper;
use crate::rooms::{self, Kind, Opened};

/// How often it is tried again to come into a session that ends in this moment.
const TRIES: usize = 3;

/// Answers an INVITE to the address of a stored group.
pub(crate) async fn come(house: Arc<House>, mut call: Call, uri: String) {
    match arrive(&house, &call, &uri).await {
        Some(Came::Hosting(conference)) => conference.attend(&house, &mut call).await,
        Some(Came::In) | None => {}
    }
}

/// How somebody has come.
enum Came {
    In,
    /// Members are called, and the answer depends on them.
    Hosting(Conference),
}

/// Everything up to the point where others have a say; `None` after a refusal.
async fn arrive(house: &Arc<House>, call: &Call, uri: &str) -> Option<Came> {
    let policy = house.policy();
    let mut comer = Comer::new(house, call, &policy);
    for _ in 0..TRIES {
        let stored = match groups::load(house, uri).await {
            Ok(Some(stored)) => Arc::new(stored),
            Ok(None) => {
                call.refuse(house, &Answer::plain(404));
                return None;
            }
            Err(error) => {
                failed(house, call, &error);
                return None;
            }
        };
        comer.claim = stored.claim(house, &comer.address, comer.hidden);
        let came = match house.rooms.find(uri) {
            Some(room) => comer.enter(room).await.map(|()| Came::In),
            None => match rooms::kept(house, uri).await {
                Ok(Some(kept)) => {
                    let room = Room::restored(kept.people(), stored.rules(&policy));
                    let opened = |room| Opened {
                        document: Some(Arc::clone(&stored)),
                        ..rejoin::opened(house, &kept, room, Kind::Group)
                    };
                    comer.revive(uri, room, opened).await.map(|()| Came::In)
                }
                Ok(None) => start(&mut comer, &stored).await,
                Err(error) => {
                    failed(house, call, &error);
                    return None;
                }
            },
        };
        match came {
            Ok(came) => return Some(came),
            Err(Stop::Over(room)) => room.ended().await,
            Err(stop) => {
                comer.refuse(stop);
                return None;
            }
        }
    }
    call.refuse(house, &Answer::plain(480));
    None
}

fn failed(house: &House, call: &Call, error: &str) {
    tracing::error!(%error, "a group could not be looked up");
    call.refuse(house, &Answer::warned(500, keeper::FAILED));
}

/// Starts a session, if whoever asks may.
async fn start(comer: &mut Comer<'_>, stored: &Arc<Stored>) -> Result<Came, Stop> {
    let may = stored.permissions(comer.house, &comer.address, comer.hidden);
    // OMA Shared Group XDM: allow-initiate-conference.
    if !(may.allow_initiate_conference || comer.claim.runs) {
        return Err(Stop::Refused(Refusal::NotAuthorised));
    }
    if comer.claim.barred {
        return Err(Stop::Refused(Refusal::Barred));
    }
    if stored.calls() {
        return call_members(comer, stored).await;
    }
    // Who may start it is in it, whoever else may join.
    comer.claim.listed = true;
    comer.claim.invited = true;
    let uri = stored.group.uri.clone();
    let room = Room::vacant(stored.rules(comer.policy));
    let opened = |room| {
        let opener = vec![(comer.address.clone(), Role::Host)];
        let (host, _) = mpsc::unbounded_channel();
        opened(comer, stored, (room, Vec::new()), opener, (host, None))
    };
    comer.revive(&uri, room, opened).await?;
    Ok(Came::In)
}

/// IM-7.2.2.2-S3: every member of the group is called.
async fn call_members(comer: &Comer<'_>, stored: &Arc<Stored>) -> Result<Came, Stop> {
    let Comer { house, policy, .. } = *comer;
    let host = Host {
        address: comer.address.clone(),
        display: adhoc::display(comer.call, comer.hidden),
        hidden: comer.hidden,
        nick: None,
        claim: comer.claim,
    };
    let guests = room::distinct(&host.address, members(house, stored));
    if host.hidden && !host.claim.may_hide {
        return Err(Stop::Refused(Refusal::Anonymous));
    }
    let brought = comer.brought()?;
    let limit = policy.focus.fan_out_credit;
    let holds = house
        .credit
        .take(&comer.call.who.aor, guests.len(), limit)
        .ok_or(Stop::Answer(Answer::warned(403, adhoc::NO_CREDIT)))?;
    let people = std::iter::once((host.address.clone(), Role::Host))
        .chain(guests.iter().map(|one| (one.address.clone(), Role::Guest)))
        .collect();
    let mut actions = Vec::new();
    let now = house.world.clock.now();
    let room = Room::open(host, guests, stored.rules(policy), now, &mut actions);
    let room = room.map_err(Stop::Refused)?;
    let (tell, news) = mpsc::unbounded_channel();
    let mut is_first = false;
    let live = house.rooms.find_or_open(house, &stored.group.uri, || {
        is_first = true;
        let media = brought.sdp.as_ref().and_then(|sdp| sdp.msrp().ok());
        let offer = media.map(|(_, media)| sip::sdp::Repeated::of(media));
        let mut opened = opened(comer, stored, (room, actions), people, (tell, offer));
        if let Some(opening) = Arc::get_mut(&mut opened.opening) {
            opening.holds = Mutex::new(holds);
        }
        Ok(opened)
    });
    let room = live.map_err(Stop::Refused)?;
    if !is_first {
        // Of two who start at once the second joins the first.
        return comer.enter(room).await.map(|()| Came::In);
    }
    let entry = Entry {
        room,
        sdp: brought.sdp,
        timer: brought.timer,
    };
    Ok(Came::Hosting(Conference { entry, news }))
}

/// The members of a group, as people to be called.
fn members(house: &House, stored: &Stored) -> Vec<Guest> {
    let members = stored.group.members.iter();
    let guest = |member: &xdm::shared_group::Member| {
        let address = room::Address::new(&sip::Uri::parse(&member.uri).ok()?.aor());
        Some(Guest {
            claim: stored.claim(house, &address, false),
            address,
            display: member
                .display_name
                .as_ref()
                .map(|name| name.text.as_str().into()),
            hidden: false,
        })
    };
    members.filter_map(guest).collect()
}

fn opened(
    comer: &Comer<'_>,
    stored: &Arc<Stored>,
    (room, actions): (Room, Vec<room::Action>),
    people: Vec<(room::Address, Role)>,
    (host, offer): (
        mpsc::UnboundedSender<rooms::HostNews>,
        Option<sip::sdp::Repeated>,
    ),
) -> Opened {
    let uri = stored.group.uri.as_str();
    let partition = Partition::of(uri);
    let kind = (partition, RoomKind::Group);
    let opening = Opening {
        by: Some(comer.address.clone()),
        inviter: (!comer.hidden).then(|| comer.address.clone()),
        display: adhoc::display(comer.call, comer.hidden),
        offer,
        subject: comer
            .call
            .request
            .raw(sip::Name::Subject)
            .map(str::to_owned),
        ..Opening::default()
    };
    Opened {
        identity: uri.into(),
        partition,
        opening: Arc::new(opening),
        room,
        actions,
        host,
        kind: Kind::Group,
        document: Some(Arc::clone(stored)),
        writes: rooms::writes(comer.house, uri, kind, people),
    }
}
