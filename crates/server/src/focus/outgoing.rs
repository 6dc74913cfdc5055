//! The INVITE by which a focus calls a user: 7.2.2.1 "General" and 7.2.2.2.

use bytes::Bytes;
use room::Address;
use sip::dialog::Outset;
use sip::multipart::{self, NewPart};
use sip::{Draft, Method, Name};
use world::Rng;
use xdm::resource_lists;

use crate::core::{Device, SERVER};
use crate::focus::replace::Succession;
use crate::focus::{ACCEPT_CONTACT, ALLOW, FEATURES, REPLACES, timer};
use crate::house::House;
use crate::net::Flow;
use crate::rooms::RoomHandle;

/// A request of ours that makes a dialog, written out.
#[derive(Debug)]
pub(crate) struct OutInvite {
    pub(crate) outset: Outset,
    pub(crate) branch: String,
    pub(crate) bytes: Bytes,
}

/// Writes the INVITE for one device.
pub(crate) fn invite(
    house: &House,
    room: &RoomHandle,
    (inviter, succession): (Option<(&Address, Option<&str>)>, Option<&Succession>),
    (device, flow, call_id): (&Device, &Flow, &str),
    sdp: Bytes,
    rng: &mut Rng,
) -> OutInvite {
    let policy = house.policy();
    let identity = &room.identity;
    let contact = format!("<{identity}>{FEATURES}");
    // RFC 4579 section 5.1: a focus calls as the conference.
    let from = format!("<{identity}>");
    let to = format!("<{}>", device.record.aor);
    let mut outset = Outset::new(
        call_id,
        &rng.token(64),
        &from,
        &to,
        &device.record.contact,
        &contact,
    )
    .with_route(device.record.path.iter().map(|hop| format!("<{hop}>")));
    let branch = format!("z9hG4bK{}", rng.token(96));
    // IM-7.2.2.2-S1
    let mut draft = outset.request(&Method::Invite, &house.via(flow, &branch));
    draft.header(Name::RecordRoute, house.record_route(flow));
    draft.header(Name::UserAgent, SERVER);
    draft.header(Name::AcceptContact, ACCEPT_CONTACT);
    draft.header(Name::Allow, ALLOW);
    draft.header(Name::AllowEvents, "conference");
    draft.header(Name::Supported, "timer");
    if let Some(succession) = succession {
        if let Some(replaces) = succession.for_device(device) {
            // IM-7.1.1.6-S8: whoever does not understand must not have two sessions of it.
            draft.header(Name::Replaces, replaces);
            draft.header(Name::Require, REPLACES);
        }
        if let Some(session) = succession.session() {
            draft.header(Name::SessionReplaces, session);
        }
    }
    draft.header(Name::SessionExpires, timer::wanted(&policy));
    draft.header(Name::PAssertedIdentity, format_args!("<{identity}>"));
    if let Some((inviter, display)) = inviter {
        // Who invites is told by Referred-By, unless they hide: RCS clients look there.
        draft.header(
            Name::ReferredBy,
            sip::header::NameAddr::write(display, inviter.as_str()),
        );
    }
    if let Some(subject) = &room.opening.subject {
        draft.header(Name::Subject, subject);
    }
    let bytes = with_body(draft, room, policy.focus.recipient_list_history, &sdp, rng);
    OutInvite {
        outset,
        branch,
        bytes,
    }
}

/// IM-7.2.2.2-S2a: the description alone, unless the operator wants the history of RFC 5366.
fn with_body(draft: Draft, room: &RoomHandle, history: bool, sdp: &Bytes, rng: &mut Rng) -> Bytes {
    let shown = resource_lists::history(&room.opening.list);
    if !history || shown.is_empty() {
        return draft.finish_with("application/sdp", sdp);
    }
    let list = resource_lists::write(&shown);
    let parts = [
        NewPart {
            content_type: "application/sdp",
            disposition: None,
            id: None,
            body: sdp,
        },
        NewPart {
            content_type: "application/resource-lists+xml",
            disposition: Some("recipient-list-history; handling=optional"),
            id: None,
            body: list.as_bytes(),
        },
    ];
    match multipart::write(&parts, &rng.token(64)) {
        Ok((content_type, body)) => draft.finish_with(content_type, &body),
        Err(_) => draft.finish_with("application/sdp", sdp),
    }
}
