//! What users publish of themselves.

use imps::Primitive;
use imps::csp::{PresenceSubList, Status, UpdatePresenceRequest};
use imps::status::Code;

use super::super::Refused;
use super::super::desk::Turn;
use super::kinds::{Kind, Kinds};
use super::{check, kept, telling};

/// UpdatePresence-Request.
///
/// Attributes that are named replace what was published of them; others stay. Whether the user is
/// there is not the client's to say: a value for it is passed over, because there are clients that
/// begin by publishing one.
pub(in crate::imps) async fn update(
    turn: &Turn<'_>,
    request: UpdatePresenceRequest,
) -> Result<Primitive, Refused> {
    let (house, session) = (turn.house, turn.session);
    let owner = &session.user.address;
    let mut list = *request.attributes;
    check::check(&mut list, session.version)?;
    if Kinds::named(&list).iter().any(|kind| !kind.is_of_session()) {
        kept::change(house, owner, |kept| {
            kept.publish(&list);
            // What the user's clients publish together is bounded as well.
            check::sizes(&kept.published)
        })
        .await?;
    }
    if Kind::ClientInfo.is_in(&list) {
        describe(turn, list);
    }
    telling::tell(house, owner).await;
    Ok(Status::new(Code::SUCCESSFUL).into())
}

/// Takes over what a client says of itself: it goes with the session.
fn describe(turn: &Turn<'_>, mut list: PresenceSubList) {
    let session = turn.session;
    for info in &mut list.client_info {
        // The client of this session, if it does not say whose it is.
        let client = info.client.take().or(session.client.clone());
        info.client = client;
    }
    let mut state = session.state();
    let mut own = PresenceSubList {
        client_info: std::mem::take(&mut state.client_info),
        ..PresenceSubList::default()
    };
    Kind::ClientInfo.merge(&list, &mut own);
    state.client_info = own.client_info;
}
