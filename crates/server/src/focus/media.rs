//! MSRP between a leg and the switch: what is offered, what is answered.

use bytes::Bytes;
use sip::sdp::{
    Connects, Description, LocalMedia, MsrpMedia, Setup, capabilities as describe, chatroom,
    intersection,
};
use std::sync::Arc;

use crate::house::House;
use crate::rooms::{RoomHandle, Types};
use crate::switch::Session;

/// What every leg takes, whatever else it does.
pub(crate) const CPIM: &str = "message/cpim";

/// The types the switch takes: CPIM, and is-composing as RCS clients send it.
const TYPES: &[&str] = &[CPIM, "application/im-iscomposing+xml"];

fn types() -> Types {
    TYPES.iter().map(ToString::to_string).collect()
}

/// Our end of one leg's chat.
pub(crate) fn local(
    house: &House,
    room: &RoomHandle,
    session: &Session,
    setup: Setup,
) -> LocalMedia {
    LocalMedia {
        chatroom: abilities(room),
        ..of_switch(house, &session.path(), setup)
    }
}

/// A chat at the switch, in a room that allows all that the switch can do.
fn of_switch(house: &House, path: &str, setup: Setup) -> LocalMedia {
    let at = house.switch.address();
    LocalMedia {
        accept_types: types(),
        accept_wrapped_types: ["*".to_owned()].into(),
        chatroom: Some(chatroom(true)),
        ..LocalMedia::new(&at.ip().to_string(), at.port(), path, setup)
    }
}

/// What a room can do of RFC 7701, and allows (section 8): the same towards everybody, whatever
/// they can do themselves.
pub(crate) fn abilities(room: &RoomHandle) -> Option<&'static [&'static str]> {
    Some(chatroom(room.allows_whispering()))
}

/// Can this offer be carried (IM-7.2.1.2-S7)? With the place of the media line if so.
pub(crate) fn acceptable<'a>(
    house: &House,
    offer: &'a Description,
) -> Option<(usize, &'a MsrpMedia)> {
    let (index, media) = offer.msrp().ok()?;
    let plain = !media.tls;
    let cpim = media.accepts(CPIM);
    let reachable = media.setup != Some(Setup::Passive) || house.switch.may_connect(media);
    (plain && cpim && reachable).then_some((index, media))
}

/// The types of the answer to the inviter (IM-7.2.1.2-OK-S2a): what both sides take.
pub(crate) fn common_types(offer: &MsrpMedia, first: Option<&[String]>) -> Types {
    let both = match first {
        Some(first) => intersection(&offer.accept_types, first),
        None => intersection(&offer.accept_types, &types()),
    };
    both.into()
}

/// Who connects, after an answer to an offer of ours.
pub(crate) fn connects(house: &House, ours: Setup, answer: &MsrpMedia) -> Connects {
    match answer.setup {
        // Without a=setup it would be for us to connect (RFC 4975 section 5.4), but RCS clients do
        // so themselves; where we may not, they are given the chance.
        None if !house.switch.may_connect(answer) => Connects::Them,
        setup => ours.connects_after(setup),
    }
}

/// Ties a leg's session to its peer, and connects if that falls to us.
pub(crate) fn tie(
    house: &House,
    session: &Arc<Session>,
    peer: &MsrpMedia,
    connects: Connects,
) -> Result<(), NotReachable> {
    session.peer(&peer.path.join(" "));
    match connects {
        Connects::Them => Ok(()),
        Connects::Us => house
            .switch
            .connect_to(session, peer)
            .map_err(|_| NotReachable),
    }
}

/// What we would have taken, for the body of a 488 (IM-7.2.1.2-S7a).
pub(crate) fn capabilities(house: &House) -> Bytes {
    describe(&of_switch(house, "", Setup::ActPass))
}

/// The peer waits to be connected to, at an address this server does not connect to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the peer is passive, and its address is not among those this server connects to")]
pub(crate) struct NotReachable;
