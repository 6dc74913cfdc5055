//! Whom a request is for, and who there answers it.

use std::sync::Arc;

use room::LegId;
use sip::header::To;
use sip::transaction::ServerId;
use sip::{Method, Name, Request, Uri};

use crate::core::calling::Procedure;
use crate::core::shard::Shard;
use crate::core::ways::Goal;
use crate::core::{Answer, Command, Device, ForUser, Identity, hides_sender, proxy, registrar};
use crate::focus::{self, legs};
use crate::groups;
use crate::net::Flow;
use crate::rooms::RoomHandle;

/// Whom a Request-URI names.
enum Target {
    /// Nobody in particular: the server itself.
    Server,
    /// The conference factory (IM-7.2.1.2-S1).
    Factory,
    /// A live conference.
    Room(RoomHandle),
    /// What looks like a conference that is not alive.
    NoRoom(String),
    /// Somebody of our domain.
    User(String),
    /// Somebody of another domain.
    Elsewhere,
}

/// A request for a stored group.
#[derive(Debug)]
pub(crate) struct ForGroup {
    id: ServerId,
    request: Request,
    flow: Flow,
    who: Identity,
    /// The address of the group.
    uri: String,
}

impl Shard {
    /// Takes a new request.
    pub(super) fn request(&mut self, id: ServerId, request: Request, flow: Flow) {
        if request
            .require::<To<'_>>()
            .is_ok_and(|to| to.tag().is_some())
        {
            return self.inside(id, request, &flow);
        }
        if *request.method() == Method::Register {
            if let Some((request, who)) = self.identify(id, request, &flow) {
                self.register(id, request, who, flow);
            }
            return;
        }
        let target = self.target(&request);
        if let Target::Factory | Target::Room(_) | Target::NoRoom(_) = target
            && let Some(answer) = misplaced(&request)
        {
            return self.desk.answer(id, &request, &answer);
        }
        match target {
            Target::Server => self.for_server(id, &request),
            Target::Factory => self.for_factory(id, request, flow),
            Target::Room(room) => self.for_room(id, request, flow, room),
            Target::NoRoom(identity) => self.for_no_room(id, request, flow, identity),
            Target::User(aor) => self.for_user(id, request, flow, aor),
            Target::Elsewhere => self.for_elsewhere(id, request, flow),
        }
    }

    fn target(&self, request: &Request) -> Target {
        let Ok(uri) = Uri::parse(request.uri()) else {
            return Target::Elsewhere;
        };
        if !self.house.is_domain(uri.host()) && !self.house.is_me(uri.host(), uri.port()) {
            return Target::Elsewhere;
        }
        let Some(user) = uri.user() else {
            return Target::Server;
        };
        if user == self.policy.focus.factory {
            return Target::Factory;
        }
        let aor = if self.house.is_domain(uri.host()) {
            uri.aor()
        } else {
            // At our address instead of our domain it is the same user.
            let aor = format!("sip:{user}@{}", self.house.setup.domain);
            Uri::parse(&aor).map_or(aor.clone(), |uri| uri.aor())
        };
        // The rooms are behind one lock for all shards: most requests are for no room.
        if !is_session(user) {
            return Target::User(aor);
        }
        match self.house.rooms.find(&aor) {
            Some(room) => Target::Room(room),
            None => Target::NoRoom(aor),
        }
    }

    /// A request inside a dialog: of a leg, of a subscription, or one that passes through.
    fn inside(&mut self, id: ServerId, request: Request, flow: &Flow) {
        if let Some(leg) = self.legs.find(&request) {
            if let Some(answer) = misplaced(&request) {
                return self.desk.answer(id, &request, &answer);
            }
            if *request.method() == Method::Refer {
                return self.refer_inside(leg, id, request, flow);
            }
            self.legs.inside(leg, id, request, flow, &mut self.desk);
        } else if let Some(refer) = self.referrals.find(&request) {
            let asked = (id, &request, flow);
            self.referrals
                .refresh(refer, asked, &mut self.legs, &mut self.desk);
        } else if let Some(watch) = self.watchers.find(&request) {
            self.watchers
                .refresh(watch, id, &request, flow, &mut self.desk);
        } else if let Some(to) = self.routed(&request, flow) {
            self.proxy.inside(id, request, flow, &to, &mut self.desk);
        } else {
            self.desk.answer(id, &request, &Answer::plain(481));
        }
    }

    /// A REFER inside the dialog of a leg.
    fn refer_inside(&mut self, leg: LegId, id: ServerId, request: Request, flow: &Flow) {
        match self.legs.fits(leg, &request, flow) {
            Ok(room) => {
                let asked = (id, request, flow.clone());
                let me = self.me.clone();
                self.referrals.inside(asked, leg, room, me, &mut self.desk);
            }
            Err(answer) => self.desk.answer(id, &request, &answer),
        }
    }

    /// A REFER to a conference, out of any dialog.
    fn refer(&mut self, asked: (ServerId, Request, Flow), who: &Identity, room: RoomHandle) {
        let me = self.me.clone();
        self.referrals.outside(asked, who, room, me, &mut self.desk);
    }

    /// The other side of a dialog that was record-routed through us.
    pub(super) fn routed(&self, request: &Request, flow: &Flow) -> Option<Goal> {
        let name = proxy::other_side(&self.house, request, flow)?;
        match name.split_once(':')? {
            ("udp", remote) => {
                let port = self.house.udp.clone()?;
                let remote = remote.parse().ok()?;
                Some(Goal::only(Flow::Udp { port, remote }))
            }
            ("tcp", name) => {
                let (number, domain) = match name.split_once('@') {
                    Some((number, domain)) => (number, Some(domain)),
                    None => (name, None),
                };
                match self.flows.get(&number.parse().ok()?) {
                    Some(there_is) => Some(Goal::only(there_is.clone())),
                    None => self.routed_abroad(request, domain?),
                }
            }
            (proxy::ABROAD, domain) => self.routed_abroad(request, domain),
            _ => None,
        }
    }

    /// Inside a dialog with another domain: the server that its Route or its Contact names, if that
    /// is one of the domain; else as any request for it.
    fn routed_abroad(&self, request: &Request, domain: &str) -> Option<Goal> {
        let house = &self.house;
        let hop = proxy::next_hop(house, request);
        let exact = hop.and_then(|way| house.neighbours.exactly(house, domain, way));
        match exact {
            Some(flow) => Some(Goal::only(flow)),
            None => house.neighbours.way(house, domain).ok(),
        }
    }

    fn register(&mut self, id: ServerId, request: Request, who: Identity, flow: Flow) {
        let Ok(permit) = Arc::clone(&self.house.procedures).try_acquire_owned() else {
            return self.desk.answer(id, &request, &Answer::plain(503));
        };
        let (house, me) = (Arc::clone(&self.house), self.me.clone());
        self.house.world.tasks.spawn("register", async move {
            let (status, response) = registrar::register(house, request, who, flow).await;
            me.tell(Command::Respond {
                id,
                status,
                response,
            });
            drop(permit);
        });
    }

    fn for_server(&mut self, id: ServerId, request: &Request) {
        match request.method() {
            Method::Options => self.options(id, request),
            _ => {
                let answer = Answer::plain(405).with(Name::Allow, "OPTIONS, REGISTER");
                self.desk.answer(id, request, &answer);
            }
        }
    }

    /// What this server can do (RFC 3261 section 11.2, RFC 5366 section 4).
    fn options(&mut self, id: ServerId, request: &Request) {
        let tag = self.desk.rng.token(64);
        let mut draft = self.house.replies.draft(request, 200, "OK", &tag);
        draft.header(Name::Allow, focus::ALLOW);
        draft.header(Name::Accept, focus::ACCEPT);
        draft.header(
            Name::Supported,
            "timer, recipient-list-invite, path, outbound, gruu",
        );
        draft.header(Name::AllowEvents, "conference");
        self.desk.respond(id, 200, draft.finish());
    }

    fn for_factory(&mut self, id: ServerId, request: Request, flow: Flow) {
        match request.method() {
            Method::Invite => {}
            Method::Options => return self.options(id, &request),
            _ => {
                let answer = Answer::plain(405).with(Name::Allow, "INVITE, ACK, CANCEL, OPTIONS");
                return self.desk.answer(id, &request, &answer);
            }
        }
        let Some((request, who)) = self.identify(id, request, &flow) else {
            return;
        };
        if !self.is_local(&who, &flow) {
            // A conference is made by the server of the one who makes it.
            let answer = Answer::because(403, "Conferences of Other Domains Are Made There");
            return self.desk.answer(id, &request, &answer);
        }
        self.call(id, request, flow, who, Procedure::AdHoc);
    }

    fn for_room(&mut self, id: ServerId, request: Request, flow: Flow, room: RoomHandle) {
        match request.method() {
            Method::Subscribe => {
                if let Some((request, who)) = self.identify(id, request, &flow) {
                    let me = self.me.clone();
                    self.watchers
                        .subscribe(id, request, flow, &who, room, me, &mut self.desk);
                }
            }
            Method::Refer => {
                if let Some((request, who)) = self.identify(id, request, &flow) {
                    self.refer((id, request, flow), &who, room);
                }
            }
            Method::Options => self.options(id, &request),
            // IM-7.2.1.5-S1: the session is there.
            Method::Invite => {
                if let Some((request, who)) = self.identify(id, request, &flow) {
                    let identity = room.identity.to_string();
                    self.call(id, request, flow, who, Procedure::Rejoin(identity));
                }
            }
            _ => {
                let answer = Answer::plain(405).with(Name::Allow, legs::ALLOW_OUTSIDE);
                self.desk.answer(id, &request, &answer);
            }
        }
    }

    fn for_no_room(&mut self, id: ServerId, request: Request, flow: Flow, identity: String) {
        let Some((request, who)) = self.identify(id, request, &flow) else {
            return;
        };
        match request.method() {
            // It may be one that the end of the server has interrupted.
            Method::Invite => self.call(id, request, flow, who, Procedure::Rejoin(identity)),
            _ => {
                let answer = Answer::because(404, "No Such Session");
                self.desk.answer(id, &request, &answer);
            }
        }
    }

    /// A request for a stored group, from somebody whose identity is established.
    pub(super) fn for_group(&mut self, group: ForGroup) {
        let ForGroup {
            id,
            request,
            flow,
            who,
            uri,
        } = group;
        match request.method() {
            Method::Invite => self.call(id, request, flow, who, Procedure::Group(uri)),
            Method::Options => self.options(id, &request),
            Method::Subscribe => match self.house.rooms.find(&uri) {
                Some(room) => {
                    let me = self.me.clone();
                    self.watchers
                        .subscribe(id, request, flow, &who, room, me, &mut self.desk);
                }
                None => self.desk.answer(id, &request, &no_session()),
            },
            Method::Refer => match self.house.rooms.find(&uri) {
                Some(room) => self.refer((id, request, flow), &who, room),
                None => self.desk.answer(id, &request, &no_session()),
            },
            _ => {
                let answer = Answer::plain(405).with(Name::Allow, legs::ALLOW_OUTSIDE);
                self.desk.answer(id, &request, &answer);
            }
        }
    }

    fn for_user(&mut self, id: ServerId, request: Request, flow: Flow, aor: String) {
        let Some((request, who)) = self.identify(id, request, &flow) else {
            return;
        };
        let user = ForUser {
            id,
            request,
            flow,
            who,
            aor,
        };
        match self.is_local(&user.who, &user.flow) {
            true => self.for_ours(user),
            false => self.consult(user),
        }
    }

    /// A request for a user of ours, who lets it come.
    pub(super) fn for_ours(&mut self, user: ForUser) {
        let ForUser {
            id,
            request,
            flow,
            who,
            aor,
        } = user;
        let seen = (!hides_sender(&request)).then_some(&who);
        let now_ms = self.house.unix_ms();
        let user = Uri::parse(request.uri()).ok().and_then(|uri| uri.user());
        if let Some((aor, device)) = user.and_then(|user| self.location.temporary(user, now_ms)) {
            let Some(device) = device else {
                return self
                    .desk
                    .answer(id, &request, &Answer::because(404, "This GRUU Is Gone"));
            };
            tracing::debug!(aor, "reached by a temporary GRUU");
            return self.forward(id, request, &flow, seen, vec![device]);
        }
        let gruu = Uri::parse(request.uri())
            .ok()
            .and_then(|uri| uri.params().get("gr"));
        let devices = match gruu {
            // RFC 5627 section 5.3: a GRUU names one device.
            Some(instance) => {
                let instance = sip::unescape(instance).into_owned();
                self.location
                    .instance(&aor, &instance, now_ms)
                    .into_iter()
                    .collect()
            }
            None => self.location.devices(&aor, now_ms),
        };
        if devices.is_empty() {
            return self.nobody(id, request, flow, who, aor);
        }
        self.forward(id, request, &flow, seen, devices);
    }

    pub(super) fn forward(
        &mut self,
        id: ServerId,
        request: Request,
        flow: &Flow,
        seen: Option<&Identity>,
        devices: Vec<Arc<Device>>,
    ) {
        if *request.method() == Method::Invite {
            self.trying(id, &request);
        }
        self.proxy
            .forward(id, request, flow, seen, devices, &mut self.desk);
    }

    /// Nobody there has a device: it may be a group. Else this says why nobody can be reached: no
    /// such user, or not registered.
    fn nobody(&mut self, id: ServerId, request: Request, flow: Flow, who: Identity, aor: String) {
        let user = aor.trim_start_matches("sip:").split('@').next();
        let user = user.unwrap_or_default().to_owned();
        let known = self.accounts.get(&sip::unescape(&user), self.desk.now);
        if known.is_some_and(|account| account.is_some()) {
            let answer = unreachable(&request, true);
            return self.desk.answer(id, &request, &answer);
        }
        let Ok(permit) = Arc::clone(&self.house.procedures).try_acquire_owned() else {
            return self.desk.answer(id, &request, &Answer::plain(503));
        };
        let (house, me) = (Arc::clone(&self.house), self.me.clone());
        self.house.world.tasks.spawn("nobody", async move {
            let is_group = matches!(groups::load(&house, &aor).await, Ok(Some(_)));
            if is_group {
                let group = ForGroup {
                    id,
                    request,
                    flow,
                    who,
                    uri: aor,
                };
                return me.tell(Command::ForGroup(Box::new(group)));
            }
            let found = house.account(&user).await;
            // What cannot be found out is not denied.
            let answer = unreachable(&request, found.is_none_or(|account| account.is_some()));
            let response = house.replies.answer(&request, &answer, &house.tag());
            let status = answer.status;
            me.tell(Command::Respond {
                id,
                status,
                response,
            });
            drop(permit);
        });
    }

    /// 100 at once: the rest may take a while.
    pub(super) fn trying(&mut self, id: ServerId, request: &Request) {
        let draft = sip::Draft::response(request, 100, "Trying", None);
        self.desk.respond(id, 100, draft.finish());
    }
}

/// RFC 3891 section 3: Replaces is for INVITE alone.
fn misplaced(request: &Request) -> Option<Answer> {
    let is_misplaced = *request.method() != Method::Invite && request.has(Name::Replaces);
    is_misplaced.then(|| Answer::because(400, "Replaces Is for INVITE"))
}

/// Nobody is in a group.
fn no_session() -> Answer {
    Answer::because(480, "No Session of This Group")
}

/// Why a user without devices is not reached.
fn unreachable(request: &Request, is_user: bool) -> Answer {
    match is_user {
        true => Answer::plain(480),
        // IM-7.2.1.2-S1: a list for a factory that there is not.
        false if request.lists(Name::Require, "recipient-list-invite") => {
            Answer::plain(404).by("IM-7.2.1.2-S1")
        }
        false => Answer::plain(404),
    }
}

/// Does a user part look like a session identity of ours: a partition and 128 random bits?
fn is_session(user: &str) -> bool {
    user.len() == 28
        && user
            .bytes()
            .all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
}
