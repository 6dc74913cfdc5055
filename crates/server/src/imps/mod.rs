//! IMPS: the face for handsets, which speak CSP over HTTP.
//!
//! ```text
//!   POST /csp ─▶ desk: which session, which transactions ─▶ dispatch ─▶ one procedure each
//!                                                             │
//!   handset ◀─answer, and what waits─ outbox of the session ◀─┴─ rooms, other sessions, the store
//!              ◀─"something waits"── cir
//! ```
//!
//! A session is an entry of [`Sessions`] and no task: whatever happens in it happens in the request
//! that the handset makes, or in that of somebody else which leaves something in its outbox. The
//! conversations are those of [`rooms`](crate::rooms); the face adds no rule of its own.

mod access;
pub(crate) mod blocks;
pub(crate) mod bulletin;
pub(crate) mod cir;
mod contacts;
mod desk;
mod dispatch;
pub(crate) mod extend;
mod failed;
pub(crate) mod group;
pub(crate) mod guest;
mod invitations;
mod invite;
mod letter;
pub(crate) mod lists;
mod login;
pub(crate) mod mail;
mod negotiate;
mod notice;
mod outbox;
mod presence;
mod profile;
mod receipt;
mod refused;
mod repertoire;
mod replay;
mod search;
mod session;
mod sessions;
mod settling;
mod terms;
mod user;
mod verify;

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use imps::Encoding;

use crate::SealKey;
use crate::house::House;
use crate::http::{Ends, Unread, read_body};

use desk::Caller;
pub(crate) use letter::{Letter, Wanted};
pub(crate) use mail::date;
pub(crate) use notice::Notice;
pub(crate) use outbox::Item;
pub(crate) use receipt::Receipt;
pub(crate) use refused::Refused;
pub(crate) use session::{Seat, Session};
pub(crate) use sessions::{Sessions, expire};
pub(crate) use user::{Named, User, find, named, wv_of_group, wv_of_user};

/// How the ids of invitations into conversations that grow begin. No other invitation's does.
pub(crate) const EXTENDING: &str = "ec-";

/// How the ids of invitations into conferences begin. The local part of its identity follows, and a
/// dot.
pub(crate) const INTO_ROOM: &str = "co-";

/// What all sessions share.
pub(crate) struct Imps {
    pub(crate) sessions: Sessions,
    logins: login::Logins,
    /// Opens the passwords of users who log in with a digest.
    seal: Option<SealKey>,
    cir: cir::Cir,
    pub(crate) invitations: invitations::Invitations,
    settling: settling::Settling,
    pub(crate) presence: presence::Presence,
    searches: search::Searches,
}

impl Imps {
    pub(crate) fn new(seal: Option<SealKey>) -> Self {
        Self {
            sessions: Sessions::default(),
            logins: login::Logins::default(),
            seal,
            cir: cir::Cir::default(),
            invitations: invitations::Invitations::default(),
            settling: settling::Settling::default(),
            presence: presence::Presence::default(),
            searches: search::Searches::default(),
        }
    }
}

/// A session has begun: whatever happened while the user had none is to be told.
async fn begun(house: &Arc<House>, session: &Arc<Session>) {
    mail::tell_all(house, session).await;
    presence::begun(house, session).await;
    // By the rules of this moment: they may have changed since the login came.
    bulletin::tell(house, &house.policy(), session);
}

/// A session has ended, and is among the others no more.
async fn over(house: &Arc<House>, session: &Arc<Session>) {
    crate::ssp::left_behind(house, session);
    session.end();
    presence::over(house, session).await;
    house.imps.searches.leave(&session.id);
}

/// Answers a POST to `/csp`.
pub(crate) async fn post(
    house: &Arc<House>,
    ends: Ends,
    headers: &HeaderMap,
    body: Incoming,
) -> Response<Full<Bytes>> {
    let field = headers.get(header::CONTENT_TYPE);
    let whole = field.and_then(|field| field.to_str().ok());
    let media_type = whole.unwrap_or_default().split(';').next();
    let media_type = media_type.unwrap_or_default().trim();
    let limit = imps::MAX_BYTES;
    let body = match read_body(house, body, limit).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => {
            let why = format!("a message has at most {limit} bytes\n");
            return plain(StatusCode::PAYLOAD_TOO_LARGE, why);
        }
        Err(Unread::Cut) => return plain(StatusCode::BAD_REQUEST, "the body is not whole\n"),
        Err(Unread::Late) => {
            return plain(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not come in time\n",
            );
        }
    };
    let encoding = match Encoding::of_media_type(media_type) {
        Some(encoding) => encoding,
        None if media_type.is_empty() => Encoding::guess(&body),
        None => {
            return plain(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "CSP comes as application/vnd.wv.csp.xml, .wbxml, +xml or +wbxml\n",
            );
        }
    };
    let caller = Caller::new(house, ends, headers);
    let answer = desk::receive(house, &caller, encoding, &body).await;
    let mut response = Response::new(Full::new(answer));
    // The type is echoed: each client looks for the name that it knows.
    let echoed = match (field, media_type, encoding) {
        (_, "", Encoding::Wbxml) => Ok(HeaderValue::from_static("application/vnd.wv.csp.wbxml")),
        (_, "", Encoding::Xml) => Ok(HeaderValue::from_static("application/vnd.wv.csp.xml")),
        (Some(field), named, _) if whole == Some(named) => Ok(field.clone()),
        (_, named, _) => HeaderValue::from_str(named),
    };
    if let Ok(media_type) = echoed {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    response
}

/// A header as text.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn plain(status: StatusCode, why: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(why.into()));
    *response.status_mut() = status;
    response
}
