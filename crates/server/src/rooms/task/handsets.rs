//! Legs that are sessions of IMPS: coming in, speaking, and being told.

mod growing;
mod hearing;
mod inviting;
mod reports;
mod speaking;
mod words;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use imps::Primitive;
use imps::csp::{LeaveGroupResponse, Outcome, Participant};
use imps::status::Code;
use room::{Address, Cause, Event, LegId, Nick, PersonId, Seat, Standing, Visible, Why};

use super::{Place, Reply, RoomTask};
use crate::imps::{Item, Notice, Session, cir, wv_of_group, wv_of_user};
use crate::rooms::handset::{Enter, Entered, Handset, Order, PassedOver, Present};
use crate::rooms::observers::anonymous_name;

/// What the handsets of a room know of it.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// A handset is in, was, or has asked. Most rooms never see one, and keep nothing for it.
    has_begun: bool,
    /// As whom each person who is in was told.
    shown: BTreeMap<PersonId, Participant>,
    /// IMPS-9.1.11-S36: who was not invited, for the answer to whoever grew the conversation.
    passed_over: Vec<PassedOver>,
    /// By what name each person is called who has not chosen one.
    names: BTreeMap<PersonId, Nick>,
    /// Of what it was told that it has arrived.
    arrived: reports::Arrived,
}

impl Told {
    pub(super) fn pass_over(&mut self, who: PersonId, cause: Cause) {
        self.passed_over.push((who, cause));
    }
}

impl RoomTask {
    pub(super) fn handset(&mut self, order: Order) {
        self.begin_telling();
        match order {
            Order::Enter(enter) => self.enter(enter),
            Order::Speak(speak) => self.speak(*speak),
            Order::Subscribe {
                leg,
                wanted,
                answer,
            } => {
                let _ = answer.send(self.subscribe_handset(leg, wanted));
            }
            Order::Who { answer } => {
                let _ = answer.send(self.who());
            }
            Order::PutOut { address } => {
                if let Some(who) = self.room.find(&address) {
                    let for_good = false;
                    let _ = self.happen(Event::Removed { who, for_good });
                }
            }
            Order::Heard { wanted, by } => self.heard_by(&wanted, &by),
            Order::Changed { properties } => {
                let mut notice = Notice::new(self.group());
                notice.properties = properties;
                self.spread(&notice, None);
            }
        }
    }

    // ---- Coming in ----

    fn enter(&mut self, enter: Enter) {
        let Enter {
            handset,
            name,
            insists,
            claim,
            answer,
        } = enter;
        let address = handset.session.user.address.clone();
        let nick = match insists {
            true => Nick::new(&name),
            false => self.room.spare_nick(&name, &address),
        };
        let (leg, hidden) = (handset.leg, false);
        let who = self.room.find(&address);
        let standing = who.and_then(|who| self.room.seat(who)).map(|s| s.standing);
        let event = match (who, standing) {
            (Some(who), Some(Standing::Invited | Standing::Alerting)) => {
                if self.is_of_handset() {
                    self.look_who_is_able();
                }
                let nick = Some(nick);
                Event::Joined {
                    who,
                    leg,
                    hidden,
                    nick,
                }
            }
            _ => Event::Entered {
                address: address.clone(),
                leg,
                hidden,
                nick: Some(nick),
                claim,
            },
        };
        let result = self.happen(event);
        let result = result.map(|()| self.let_handset_in(handset, &address));
        if result.is_err() {
            self.close_if_vacant();
        }
        self.answers.push(Reply::Handset(answer, result));
    }

    fn let_handset_in(&mut self, handset: Handset, address: &Address) -> Entered {
        let leg = handset.leg;
        if let Some(who) = self.room.find(address) {
            // Whoever was invited is in: the invitation is over, and taken back elsewhere.
            self.invitation_over(who, Some(&handset.session.id));
        }
        self.seat_handset(handset);
        self.outgrow();
        // IMPS-9.1.11-S26: with the peer the one who grew the conversation is in.
        self.answer_handset();
        let seat = self.room.owner(leg).and_then(|who| self.room.seat(who));
        let name = seat.map(|seat| self.participant(&seat).screen_name);
        // IMPS-9.1.11-S37: who is there, and nothing of what was said.
        Entered {
            name: name.unwrap_or_default(),
            people: self.who().into_iter().map(|one| one.who).collect(),
            welcome: self.extended().and_then(|of| of.welcome.clone()),
        }
    }

    pub(super) fn seat_handset(&mut self, handset: Handset) {
        self.begin_telling();
        let seat = crate::imps::Seat {
            leg: handset.leg,
            room: self.handle.clone(),
        };
        let stays = handset.session.sit(&self.handle.identity, seat);
        let leg = handset.leg;
        self.seats.insert(leg, Place::Handset(handset));
        self.voices.hears_whole(leg);
        if !stays {
            // The session has ended on its way here: nobody will say so again.
            self.unseat(leg);
            let _ = self.happen(Event::Left { leg });
        }
    }

    // ---- Telling ----

    /// The first handset finds everybody under the name that handsets know from now on, and is
    /// told of changes only. Here it is [`Self::name_without_nick`] for all at once, without
    /// comparing everybody with everybody.
    fn begin_telling(&mut self) {
        if std::mem::replace(&mut self.told.has_begun, true) {
            return;
        }
        let seen = || self.room.people().filter(|seat| seat.hidden.is_none());
        let nicks = seen().filter_map(|seat| seat.nick);
        let mut taken: HashSet<String> =
            nicks.map(|nick| Nick::new(nick).folded().into()).collect();
        for seat in seen().filter(|seat| seat.nick.is_none()) {
            let wanted = wanted_name(&seat);
            let name = match taken.insert(wanted.folded().into()) {
                true => wanted,
                false => full_name(&seat),
            };
            self.told.names.insert(seat.id, name);
        }
        let connected = |seat: &Seat<'_>| seat.visible == Some(Visible::Connected);
        let people = self.room.people().filter(connected);
        self.told.shown = people
            .map(|seat| (seat.id, self.participant(&seat)))
            .collect();
    }

    /// A person is seen otherwise: handsets that want to know are told.
    pub(super) fn tell_handsets(&mut self, who: PersonId) {
        if !self.told.has_begun {
            return;
        }
        let Some(seat) = self.room.seat(who) else {
            return;
        };
        if !self.told.names.contains_key(&who) {
            let name = self.name_without_nick(&seat);
            self.told.names.insert(who, name);
        }
        let Some(seat) = self.room.seat(who) else {
            return;
        };
        let now = (seat.visible == Some(Visible::Connected)).then(|| self.participant(&seat));
        let before = match &now {
            Some(now) => self.told.shown.insert(who, now.clone()),
            None => self.told.shown.remove(&who),
        };
        if before == now {
            return;
        }
        let mut notice = Notice::new(self.group());
        notice.joined.extend(now);
        notice.left.extend(before);
        self.spread(&notice, Some(who));
    }

    /// IMPS-9.1.11-S4: tells those who want to know, but not whom it is about.
    fn spread(&self, notice: &Notice, but: Option<PersonId>) {
        for (leg, place) in &self.seats {
            if let Place::Handset(handset) = place
                && handset.subscribes
                && (but.is_none() || self.room.owner(*leg) != but)
            {
                self.put(&handset.session, Item::Notice(notice.clone()));
            }
        }
    }

    fn subscribe_handset(&mut self, leg: LegId, wanted: Option<bool>) -> Option<bool> {
        match self.seats.get_mut(&leg) {
            Some(Place::Handset(handset)) => {
                handset.subscribes = wanted.unwrap_or(handset.subscribes);
                Some(handset.subscribes)
            }
            Some(Place::Device(_)) | None => None,
        }
    }

    fn who(&self) -> Vec<Present> {
        let people = self.room.people();
        let present = people.filter(|seat| seat.standing == Standing::Connected);
        present
            .map(|seat| Present {
                who: self.participant(&seat),
                address: seat.address.clone(),
            })
            .collect()
    }

    /// A person as the handsets see them.
    fn participant(&self, seat: &Seat<'_>) -> Participant {
        if let Some(alias) = seat.hidden {
            return Participant {
                screen_name: anonymous_name(alias),
                user: None,
            };
        }
        let user = wv_of_user(seat.address);
        match (seat.nick, self.told.names.get(&seat.id)) {
            (Some(nick), _) => Participant::new(nick, user),
            (None, Some(given)) => Participant::new(given.as_str(), user),
            (None, None) => Participant::new(self.name_without_nick(seat).as_str(), user),
        }
    }

    /// By what name handsets know a person who has not chosen one: that of the account, unless
    /// somebody else goes by it, whom they could not tell from this person. Who is hidden goes by
    /// no name: from that of another it would be seen who they are.
    fn name_without_nick(&self, seat: &Seat<'_>) -> Nick {
        let wanted = wanted_name(seat);
        let goes_by_it = |other: &Seat<'_>| match other.nick {
            Some(nick) => Nick::new(nick).folded() == wanted.folded(),
            None => {
                let given = self.told.names.get(&other.id);
                given.is_some_and(|given| given.folded() == wanted.folded())
            }
        };
        let others = self.room.people().filter(|other| other.id != seat.id);
        let mut others = others.filter(|other| other.hidden.is_none());
        match others.any(|other| goes_by_it(&other)) {
            true => full_name(seat),
            false => wanted,
        }
    }

    /// The session of a leg is told that it is out.
    pub(super) fn dismiss(&self, handset: &Handset, why: Why) {
        let code = match why {
            Why::Removed => Code::REJECTED,
            Why::Full => Code::GROUP_FULL,
            Why::Empty | Why::Ended | Why::TooFew => Code::UNKNOWN_GROUP,
            Why::HostWithdrew | Why::NobodyJoined => Code::UNABLE_TO_DELIVER,
            Why::InvitationOver => Code::INVALID_INVITATION,
            Why::Hidden => Code::FORBIDDEN,
        };
        self.farewell(handset, code);
    }

    /// The session of a leg has not come for what waits for it: it is out.
    pub(super) fn drop_handset(&self, handset: &Handset) {
        self.farewell(handset, Code::QUEUE_FULL);
    }

    fn farewell(&self, handset: &Handset, code: Code) {
        let told = LeaveGroupResponse {
            group: Some(self.group().to_string()),
            outcome: Outcome::described(code),
        };
        let told: Primitive = told.into();
        if handset
            .session
            .put_last(Item::tell(told), self.house.world.clock.now())
        {
            cir::ring(&self.house, &handset.session);
        }
    }

    pub(super) fn put(&self, session: &Arc<Session>, item: Item) {
        let now = self.house.world.clock.now();
        match session.put(item, now) {
            Ok(true) => cir::ring(&self.house, session),
            Ok(false) => {}
            Err(_) => tracing::info!(user = %session.user.address, "its outbox is full"),
        }
    }

    /// The address of this group on the wire.
    pub(super) fn group(&self) -> Arc<str> {
        wv_of_group(&self.handle.identity).into()
    }
}

/// The name of an account: what its owner wrote, or the user part of the address.
fn wanted_name(seat: &Seat<'_>) -> Nick {
    let address = seat.address.as_str();
    let user_part = address.split([':', '@']).nth(1).unwrap_or(address);
    Nick::new(seat.display.unwrap_or(user_part))
}

/// A name that nobody else has: the address without its scheme.
fn full_name(seat: &Seat<'_>) -> Nick {
    let address = seat.address.as_str();
    Nick::new(address.split_once(':').map_or(address, |(_, rest)| rest))
}
