//! Growing a conversation of two into a group (CSP 1.3, 9.1.11), step by step.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use imps::Primitive;
use imps::csp::{ClientId, ExtendConversationRequest, Status, WelcomeNote};
use imps::service::Function;
use imps::status::Code;
use room::{Address, Cause, Claim, Guest, Host, Nick, Peer, Room, Rules};
use store::RoomKind;
use tokio::sync::mpsc;

use super::desk::Turn;
use super::refused::broken;
use super::{Refused, User, blocks, user};
use crate::config::Policy;
use crate::focus::credit::Hold;
use crate::focus::identity;
use crate::focus::invite::Opening;
use crate::rooms::handset::Extended;
use crate::rooms::{self, Kind, Opened};
use crate::ssp;

/// ExtendConversation-Request.
pub(super) async fn extend(
    turn: &Turn<'_>,
    request: ExtendConversationRequest,
) -> Result<Primitive, Refused> {
    let wanted = Wanted::read(turn, request).await?;
    wanted.open(turn).await?;
    // IMPS-9.1.11-S16: the group is there, and the peer has been asked.
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// What Client2 asks for.
struct Wanted {
    id: Option<String>,
    peer: Peer,
    guests: Vec<Guest>,
    /// Those who were to be guests and have blocked whoever asks.
    unwilling: Vec<Address>,
    on_devices: BTreeSet<Address>,
    subscribes: bool,
    welcome: Option<WelcomeNote>,
    nick: Nick,
}

impl Wanted {
    async fn read(turn: &Turn<'_>, request: ExtendConversationRequest) -> Result<Self, Refused> {
        let own = &turn.session.user;
        let peer = user::find(turn.house, &request.peer.user).await?;
        if peer == *own {
            let why = "a conversation is with somebody else";
            return Err(Refused::because(Code::BAD_PARAMETER, why));
        }
        blocks::check(turn.house, &peer.address, &own.address).await?;
        let mut on_devices = BTreeSet::new();
        if has_devices(turn, &peer).await {
            on_devices.insert(peer.address.clone());
        }
        let able = match is_able(turn, &peer, request.peer.client.as_ref()) {
            // A device goes on in a conference whatever it knows of IMPS.
            Ok(false) | Err(_) if !on_devices.is_empty() => true,
            able => able?,
        };
        let (mut guests, mut unwilling) = (Vec::new(), Vec::new());
        for named in &request.users {
            // Also for a guest: people of its domain are invited there by ours.
            let guest = ssp::reach(turn.house, named).await?;
            match blocks::check(turn.house, &guest.address, &own.address).await {
                Ok(()) => {
                    if has_devices(turn, &guest).await {
                        on_devices.insert(guest.address.clone());
                    }
                    guests.push(of(&guest));
                }
                Err(refused) if refused.code == Code::BLOCKED => unwilling.push(guest.address),
                Err(refused) => return Err(refused),
            }
        }
        unwilling.sort();
        unwilling.dedup();
        if guests.is_empty() && !unwilling.is_empty() {
            let users = unwilling.iter().map(user::wv_of_user).collect();
            return Err(Refused::new(Code::BLOCKED).of_users(users));
        }
        let name = request.screen_name.map(|own| own.name);
        let name = name.filter(|name| !name.trim().is_empty());
        let welcome = turn.policy.imps.welcome.as_deref();
        Ok(Self {
            id: request.id,
            peer: Peer {
                guest: of(&peer),
                able,
            },
            guests: room::distinct(&own.address, guests),
            unwilling,
            on_devices,
            // IMPS-9.1.11-S4: if that was agreed.
            subscribes: request.subscribe && turn.session.has_agreed(Function::Grchn),
            // IMPS-9.1.11-S6: without a note of the client's there may be one of ours.
            welcome: request.welcome_note.or(welcome.map(WelcomeNote::text)),
            nick: Nick::new(name.as_deref().unwrap_or(&own.name)),
        })
    }

    /// Makes the group: stored first, then alive. IMPS-9.1.11-S7.
    async fn open(self, turn: &Turn<'_>) -> Result<(), Refused> {
        let house = turn.house;
        let own = &turn.session.user;
        let rules = rules(turn.policy);
        let host = Host {
            address: own.address.clone(),
            display: own.display.clone(),
            hidden: false,
            nick: Some(self.nick),
            claim: Claim::default(),
        };
        let mut actions = Vec::new();
        let now = house.world.clock.now();
        let named: Vec<Address> = std::iter::once(&self.peer.guest)
            .chain(&self.guests)
            .map(|guest| guest.address.clone())
            .collect();
        // IMPS-9.1.11-S15: refused before anything is made.
        let room = Room::extend(host, self.peer, self.guests, rules, now, &mut actions)?;
        // IMPS-9.1.11-S17
        if super::group::count(house).await? >= turn.policy.imps.max_groups {
            return Err(Code::TOO_MANY_GROUPS.into());
        }
        let holds = credit(turn, own, named.len())?;
        let (identity, partition) = identity(house);
        let member = |address: &Address, role| (address.clone(), role);
        let peer = named.first().map(|peer| member(peer, store::Role::Guest));
        let members = std::iter::once(member(&own.address, store::Role::Host)).chain(peer);
        let writes = rooms::writes(
            house,
            &identity,
            (partition, RoomKind::AdHoc),
            members.collect(),
        );
        house
            .keeper
            .commit(writes, partition)
            .await
            .map_err(broken)?;
        let extended = Extended {
            session: Arc::clone(turn.session),
            id: self.id,
            leg: house.leg_id(),
            subscribes: self.subscribes,
            welcome: self.welcome,
            unwilling: self.unwilling,
            on_devices: self.on_devices,
        };
        let (host, _) = mpsc::unbounded_channel();
        let handle = rooms::open(
            house,
            Opened {
                identity,
                partition,
                opening: Arc::new(opening(own, holds)),
                room,
                actions,
                host,
                kind: Kind::Extended(Arc::new(extended)),
                document: None,
                writes: Vec::new(),
            },
        );
        turn.session.extends(handle);
        Ok(())
    }
}

/// How a room of handsets was opened.
pub(super) fn opening(own: &User, holds: Vec<Hold>) -> Opening {
    Opening {
        by: Some(own.address.clone()),
        inviter: Some(own.address.clone()),
        display: own.display.clone(),
        holds: Mutex::new(holds),
        ..Opening::default()
    }
}

/// Invitations by handsets draw on the same credit as all others (RFC 5363).
pub(super) fn credit(turn: &Turn<'_>, own: &User, count: usize) -> Result<Vec<Hold>, Refused> {
    let limit = turn.policy.focus.fan_out_credit;
    let user: Arc<str> = own.address.as_str().into();
    let holds = turn.house.credit.take(&user, count, limit);
    holds.ok_or_else(|| {
        let why = format!("more than {limit} invitations of the user are under way");
        Refused::because(Code::NO_CREDIT, why)
    })
}

/// IMPS-9.1.11-S14: has the peer a client that can go on in a group? Of several sessions one is
/// enough, unless a certain client is meant.
fn is_able(turn: &Turn<'_>, peer: &User, client: Option<&ClientId>) -> Result<bool, Refused> {
    let mut sessions = turn.house.imps.sessions.of(&peer.address);
    if let Some(client) = client {
        let is_it = |other: &Option<ClientId>| other.as_ref() == Some(client);
        if sessions.iter().any(|session| is_it(&session.client)) {
            sessions.retain(|session| is_it(&session.client));
        }
    }
    if sessions.is_empty() {
        let why = format!("{} is not logged in", peer.wv());
        return Err(Refused::because(Code::UNABLE_TO_DELIVER, why));
    }
    let able = |session: &Arc<super::Session>| session.has_agreed(Function::Excon);
    Ok(sessions.iter().any(able))
}

/// Can this user be called over SIP?
async fn has_devices(turn: &Turn<'_>, user: &User) -> bool {
    let address = user.address.as_str();
    !turn.house.shards.devices(address).await.is_empty()
}

fn of(user: &User) -> Guest {
    Guest {
        address: user.address.clone(),
        display: user.display.clone(),
        hidden: false,
        claim: Claim::default(),
    }
}

/// What a conversation that has grown allows. The other properties are those of
/// [`properties`](super::group::extended_properties).
pub(crate) fn rules(policy: &Policy) -> Rules {
    Rules {
        max_guests: policy.imps.max_group_size.saturating_sub(1),
        max_present: None,
        allow_hidden: false,
        allow_observe: true,
        // IMPS-9.1.11-S9: everybody in it may invite others.
        allow_refer: true,
        // IMPS-9.1.11-S12
        allow_whisper: false,
        members_only: false,
        // IMPS-9.1.11-S10
        invited_only: true,
        answer: room::Answer::WhenFirstJoins,
        // IMPS-9.1.11-S28, IMPS-9.1.11-S29
        ring: policy.imps.extend_timeout,
        // IMPS-9.1.11-S11: it lives until the last has left.
        fewest: 0,
        unanswered: Cause(Code::UNABLE_TO_DELIVER.number()),
        hidden_refused: Cause(Code::FORBIDDEN.number()),
        full: Cause(Code::UNABLE_TO_DELIVER.number()),
        ended: Cause(Code::UNABLE_TO_DELIVER.number()),
    }
}
