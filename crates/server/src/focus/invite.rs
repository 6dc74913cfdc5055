//! 7.2.2.2: the invitation of one user, on every device the user has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use room::{Address, Cause, Event, LegId, PersonId};
use sip::sdp::{Description, LocalSession, Repeated, Setup as MediaSetup};
use sip::{Response, Uri};
use tokio::sync::{mpsc, oneshot};
use xdm::resource_lists::Entry;

use crate::core::{Command, Device, ShardHandle, hides_sender};
use crate::focus::credit::Hold;
use crate::focus::legs::{Invite, InviteNews, LegCommand, NewLeg};
use crate::focus::replace::Succession;
use crate::focus::{media, outgoing, refusal};
use crate::home::access::{self, Barred, Documents, Inviter, Known};
use crate::house::House;
use crate::rooms::{Arrival, Order, Referred, RoomHandle};
use crate::switch::Session;

/// How a conference was opened: what every invitation to it repeats.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// Who it is, also if hidden: for the documents of those who are invited, and for nobody else.
    pub(crate) by: Option<Address>,
    /// The inviter, unless hidden.
    pub(crate) inviter: Option<Address>,
    pub(crate) display: Option<Arc<str>>,
    /// What is repeated of the MSRP media line of the inviter's offer.
    pub(crate) offer: Option<Repeated>,
    pub(crate) subject: Option<String>,
    /// The list as it came, for the history that an RCS client wants to see.
    pub(crate) list: Vec<Entry>,
    /// What some of them have said of who may invite them, asked when it was opened. Of the others
    /// it is asked when they are invited.
    pub(crate) known: Mutex<Known>,
    /// What the calls to some of them are to take the place of.
    pub(crate) successions: BTreeMap<Address, Succession>,
    /// Credit for the invitations; each takes one and gives it back when it ends.
    pub(crate) holds: Mutex<Vec<Hold>>,
}

impl Opening {
    /// Credit for one invitation.
    pub(crate) fn hold(&self) -> Option<Hold> {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        holds.pop()
    }

    /// What a user has said, if that is known; it is true of one invitation.
    fn known(&self, of: &Address) -> Option<Documents> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(of)
    }

    /// Gives the credit back for which nobody will be invited any more. Sessions may know of the
    /// room for long after it is over.
    pub(crate) fn spend_no_more(&self) {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        holds.clear();
    }
}

/// Whom to invite.
#[derive(Debug)]
pub(crate) struct Invited {
    pub(crate) who: PersonId,
    pub(crate) address: Address,
    /// Who has brought them in, if it was not whoever opened the conference.
    pub(crate) referred: Option<Referred>,
}

/// Invites one user and tells the room what came of it. `cancelled` ends it at any time.
pub(crate) async fn invite(
    house: Arc<House>,
    room: RoomHandle,
    guest: Invited,
    mut cancelled: oneshot::Receiver<()>,
) {
    let mut guest = guest;
    let _hold = match &mut guest.referred {
        Some(referred) => referred.hold.take(),
        None => room.opening.hold(),
    };
    let who = guest.who;
    let failed = |status: u16| {
        let cause = Some(refusal::cause(status));
        room.tell(Order::Failed { who, cause });
    };
    let Way { uri, in_sessions } = match allowed(&house, &room, &guest).await {
        Ok(way) => way,
        Err(status) => return failed(status),
    };
    // Most people have none, and the room need not be asked.
    let has_sessions = in_sessions && !house.imps.sessions.of(&guest.address).is_empty();
    let in_sessions = has_sessions && room.ring_handsets(who).await;
    let devices = match reachable(&house, &guest.address, &uri).await {
        Ok(devices) => devices,
        Err(_) if in_sessions => {
            room.tell(Order::Failed { who, cause: None });
            // The credit is given back when that is over.
            let _over = cancelled.await;
            return;
        }
        Err(status) => return failed(status),
    };
    let (news, events) = mpsc::unbounded_channel();
    let mut ringing = Ringing {
        house,
        room,
        guest,
        legs: BTreeMap::new(),
        lowest: None,
        rung: false,
    };
    for device in devices {
        ringing.call(device, true, &news);
    }
    let is_over = ringing.wait(news, events, &mut cancelled).await;
    if in_sessions && !is_over {
        let _over = cancelled.await;
    }
}

/// How a user is invited.
struct Way<'a> {
    uri: Uri<'a>,
    /// Also in sessions of IMPS, if they have any.
    in_sessions: bool,
}

/// How a user who may be invited is, or the status that says why not.
async fn allowed<'a>(
    house: &Arc<House>,
    room: &RoomHandle,
    guest: &'a Invited,
) -> Result<Way<'a>, u16> {
    let address = &guest.address;
    let uri = Uri::parse(address.as_str()).map_err(|_| 404_u16)?;
    if !uri.is_sip() {
        return Err(416);
    }
    // Of another domain: its server, if it is known, asks them itself, and knows whom they let in.
    if !house.is_domain(uri.host()) {
        let over_ssp = crate::ssp::reach_address(house, address).await;
        let in_sessions = matches!(over_ssp, Some(Ok(_)));
        if in_sessions || house.neighbours.knows(uri.host()) {
            return Ok(Way { uri, in_sessions });
        }
        let Some(Err(refused)) = over_ssp else {
            return Err(404);
        };
        let why = refused.outcome().description.unwrap_or_default();
        tracing::info!(guest = %address, why, "somebody of another domain is not invited");
        return Err(480);
    }
    // Before it is known whether they are there: nobody is to learn that from the answer.
    let by = inviter(room, guest);
    let allowed = match room.opening.known(address) {
        Some(documents) => access::decide(house, address, Some(documents), by),
        None => access::check(house, address, by).await,
    };
    allowed.map_err(Barred::status)?;
    Ok(Way {
        uri,
        in_sessions: true,
    })
}

/// The devices of a user, or the status that says why none of them is called.
async fn reachable(
    house: &House,
    address: &Address,
    uri: &Uri<'_>,
) -> Result<Vec<Arc<Device>>, u16> {
    if !house.is_domain(uri.host()) {
        let to = house
            .neighbours
            .way(house, uri.host())
            .map_err(|_| 480_u16)?;
        let device = Device::elsewhere(uri.aor(), address.to_string(), to);
        return Ok(vec![Arc::new(device)]);
    }
    let devices = house.shards.devices(address.as_str()).await;
    if !devices.is_empty() {
        return Ok(devices);
    }
    match house.account(uri.user().unwrap_or_default()).await {
        Some(None) => Err(404),
        _ => Err(480),
    }
}

/// Who invites a user, truly.
fn inviter<'a>(room: &'a RoomHandle, guest: &'a Invited) -> Inviter<'a> {
    let (by, shown) = match &guest.referred {
        Some(referred) => (&referred.by, &referred.inviter),
        None => (&room.opening.by, &room.opening.inviter),
    };
    Inviter {
        address: by.as_ref(),
        hidden: shown.is_none(),
        into: &room.identity,
    }
}

/// Where what comes of the calls is told.
type News = mpsc::UnboundedSender<(LegId, InviteNews)>;

/// The devices of one user, ringing.
struct Ringing {
    house: Arc<House>,
    room: RoomHandle,
    guest: Invited,
    legs: BTreeMap<LegId, Line>,
    lowest: Option<Cause>,
    rung: bool,
}

/// One device that was called.
struct Line {
    shard: ShardHandle,
    session: Arc<Session>,
    device: Arc<Device>,
    /// It was called to take the place of another session.
    succeeds: bool,
}

/// What came of a device.
enum Outcome {
    /// The person is in, or the room said no: no other device is wanted.
    Settled,
    /// Others may still answer.
    Open,
}

impl Ringing {
    /// IM-7.2.2.2-S2, IM-7.2.2.2-S5: one INVITE to each device, into the core.
    fn call(&mut self, device: Arc<Device>, succeeds: bool, news: &News) {
        let house = &self.house;
        let Some(goal) = device.route() else {
            self.failed(480);
            return;
        };
        let mut rng = house.rng();
        let leg = house.leg_id();
        let call_id = rng.token128();
        let Some(shard) = house.shards.of(&call_id).cloned() else {
            return;
        };
        let session = house.switch.open(leg, self.room.door.clone(), &mut rng);
        let mut description = LocalSession::new(rng.u64() >> 1);
        // IM-7.2.2.2-S4: an offer with an MSRP line of our own.
        let mut local = media::local(house, &self.room, &session, MediaSetup::ActPass);
        if let Some(offer) = &self.room.opening.offer {
            // IM-7.2.2.2-S4a: with every attribute of the inviter's that is not of the connection.
            local = local.repeating_in_offer(offer);
        }
        let sdp = description.offer(&local);
        let inviter = self.inviter();
        let to = (&*device, &goal.flow, call_id.as_str());
        let succession = self.succession().filter(|_| succeeds);
        let about = (inviter, succession);
        let request = outgoing::invite(house, &self.room, about, to, sdp, &mut rng);
        let succeeds = succession.is_some_and(|s| s.for_device(&device).is_some());
        shard.tell(Command::Leg(LegCommand::Invite(Box::new(Invite {
            request,
            to: goal,
            news: news.clone(),
            leg,
            new: Some(Box::new(NewLeg {
                leg,
                room: self.room.clone(),
                session: Arc::clone(&session),
                description,
                local,
                timer: None,
                awaits_answer: false,
            })),
        }))));
        let line = Line {
            shard,
            session,
            device,
            succeeds,
        };
        self.legs.insert(leg, line);
    }

    /// Who is told as the one who invites, and their name.
    fn inviter(&self) -> Option<(&Address, Option<&str>)> {
        let (inviter, display) = match &self.guest.referred {
            Some(referred) => (&referred.inviter, &referred.display),
            None => (&self.room.opening.inviter, &self.room.opening.display),
        };
        inviter
            .as_ref()
            .map(|inviter| (inviter, display.as_deref()))
    }

    /// What the calls are to take the place of.
    fn succession(&self) -> Option<&Succession> {
        match self.guest.referred {
            Some(_) => None,
            None => self.room.opening.successions.get(&self.guest.address),
        }
    }

    /// Waits until no device rings any more. Says whether the invitation was cancelled.
    async fn wait(
        mut self,
        news: News,
        mut events: mpsc::UnboundedReceiver<(LegId, InviteNews)>,
        cancelled: &mut oneshot::Receiver<()>,
    ) -> bool {
        loop {
            if self.legs.is_empty() {
                let cause = Some(self.lowest.unwrap_or(Cause(480)));
                self.room.tell(Order::Failed {
                    who: self.guest.who,
                    cause,
                });
                return false;
            }
            tokio::select! {
                biased;
                // Also when the room has ended and forgot the invitation.
                _ = &mut *cancelled => {
                    self.hang_up(None);
                    return true;
                }
                event = events.recv() => match event {
                    Some((leg, heard)) => {
                        if let Outcome::Settled = self.heard(leg, heard, &news).await {
                            return false;
                        }
                    }
                    None => self.legs.clear(),
                },
            }
        }
    }

    async fn heard(&mut self, leg: LegId, heard: InviteNews, news: &News) -> Outcome {
        match heard {
            InviteNews::Ringing => {
                if !self.rung {
                    self.rung = true;
                    let who = self.guest.who;
                    self.room.tell(Order::Event(Event::Ringing { who }));
                }
                Outcome::Open
            }
            InviteNews::Accepted(response) => self.accepted(leg, &response).await,
            InviteNews::Failed(status) => {
                if let Some(device) = self.once_more(leg, status) {
                    self.call(device, false, news);
                    return Outcome::Open;
                }
                self.failed(status);
                // 6xx speaks for the user and not for the device (RFC 3261 section 21.6).
                if status >= 600 {
                    self.lowest = Some(Cause(status));
                    self.hang_up(None);
                    self.legs.clear();
                }
                Outcome::Open
            }
        }
    }

    /// Lets go of a device that has refused; it itself, if it refused to have a session replaced
    /// which it does not know any more or wants to keep, and may yet take a new one (IM 7.1.1.6).
    fn once_more(&mut self, leg: LegId, status: u16) -> Option<Arc<Device>> {
        let line = self.drop_leg(leg)?;
        let is_about_that = line.succeeds && matches!(status, 420 | 481 | 603);
        is_about_that.then_some(line.device)
    }

    /// A device accepted: IM-7.2.2.2 "upon receiving SIP 200".
    async fn accepted(&mut self, leg: LegId, response: &Response) -> Outcome {
        let Some(line) = self.legs.get(&leg) else {
            return Outcome::Open;
        };
        let answer = Description::parse(&response.body()).ok();
        let peer = answer
            .as_ref()
            .and_then(|answer| answer.msrp().ok())
            .map(|(_, peer)| peer);
        let connects = peer.map(|peer| media::connects(&self.house, MediaSetup::ActPass, peer));
        // IM-7.2.2.2-OK-S4: on to the switch.
        let tied = match (peer, connects) {
            (Some(peer), Some(connects)) => {
                media::tie(&self.house, &line.session, peer, connects).is_ok()
            }
            _ => false,
        };
        let Some(peer) = peer.filter(|_| tied) else {
            tracing::info!(guest = %self.guest.address, "accepted without a chat that can be carried");
            let reason = Some("SIP;cause=488;text=\"Not Acceptable Here\"".to_owned());
            line.shard
                .tell(Command::Leg(LegCommand::Release { leg, reason }));
            self.drop_leg(leg);
            self.failed(488);
            return Outcome::Open;
        };
        let arrival = Arrival {
            leg,
            shard: line.shard.clone(),
            session: Arc::clone(&line.session),
            accepts: peer.accept_types.as_slice().into(),
            wrapped: peer.accept_wrapped_types.as_slice().into(),
            whispers: peer.takes_private_messages(),
        };
        let joined = Event::Joined {
            who: self.guest.who,
            leg,
            // IM-7.2.2.2-OK-S3: the room knows whether that is allowed.
            hidden: hides_sender(response),
            nick: None,
        };
        // The first device that accepts ends the ringing of the others.
        let shard = line.shard.clone();
        self.hang_up(Some(leg));
        if self.room.arrive(arrival, joined).await.is_err() {
            let reason = Some("SIP;cause=487;text=\"The Invitation Is Over\"".to_owned());
            shard.tell(Command::Leg(LegCommand::Release { leg, reason }));
            self.drop_leg(leg);
        }
        Outcome::Settled
    }

    fn failed(&mut self, status: u16) {
        let cause = refusal::cause(status);
        self.lowest = Some(self.lowest.map_or(cause, |lowest| lowest.min(cause)));
    }

    /// Stops the ringing of all devices but one.
    fn hang_up(&mut self, but: Option<LegId>) {
        for (leg, line) in &self.legs {
            if Some(*leg) != but {
                line.shard
                    .tell(Command::Leg(LegCommand::Cancel { leg: *leg }));
                self.house.switch.close(&line.session);
            }
        }
    }

    fn drop_leg(&mut self, leg: LegId) -> Option<Line> {
        let line = self.legs.remove(&leg)?;
        self.house.switch.close(&line.session);
        Some(line)
    }
}
