//! What an INVITE carries: a session description, a list of recipients, or both (RFC 5366).

use sip::multipart::{self, BodyHeaders, MultipartError, Part};
use sip::sdp::Description;
use sip::{Name, Request, Uri};
use xdm::resource_lists::{self, CopyControl, Entry, Limits};

use crate::core::Answer;

/// The bodies of an INVITE that matter here.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    pub(crate) sdp: Option<Description>,
    pub(crate) list: Option<Vec<Entry>>,
    /// The list was longer than anybody would read; none of its entries were kept.
    pub(crate) overlong: bool,
}

/// The largest list, in bytes: a thousand entries with names.
const LIST_BYTES: usize = 128 << 10;

/// Entries read for each that may be invited: duplicates count once, but somebody has to read
/// them.
const READ_PER_PLACE: usize = 4;

/// Reads the bodies of an INVITE.
///
/// # Errors
///
/// 400, 403 or 415, with the reason.
pub(crate) fn read(request: &Request, max_guests: u32) -> Result<Bodies, Answer> {
    let body = request.body();
    if body.is_empty() {
        return Ok(Bodies::default());
    }
    let parts = parts(request, &body)?;
    let mut bodies = Bodies::default();
    bodies.take(&parts, max_guests)?;
    Ok(bodies)
}

/// Reads the part of a request's body that a `cid:` names, or the whole of it if it has that name.
///
/// # Errors
///
/// 400, 403 or 415, with the reason.
pub(crate) fn read_part(request: &Request, id: &str, max_guests: u32) -> Result<Bodies, Answer> {
    let parts = parts(request, &request.body())?;
    let named = multipart::find_by_id(&parts, id);
    let named = named.ok_or(Answer::because(400, "Nothing Has That Content-ID"))?;
    let mut bodies = Bodies::default();
    bodies.take(std::slice::from_ref(named), max_guests)?;
    Ok(bodies)
}

/// The parts of a body. Single-part and multipart bodies are read alike, since both occur.
fn parts(request: &Request, body: &bytes::Bytes) -> Result<Vec<Part>, Answer> {
    let content_type = request
        .raw(Name::ContentType)
        .ok_or(Answer::because(400, "The Body Has No Content-Type"))?;
    let headers = BodyHeaders {
        content_type,
        disposition: request.raw(Name::ContentDisposition),
        id: request.raw(Name::ContentId),
        encoding: request.raw(Name::ContentEncoding),
    };
    multipart::parts(&headers, body).map_err(|error| malformed(&error))
}

impl Bodies {
    /// Takes what it knows from the parts and the parts in them (RFC 5621 section 3).
    fn take(&mut self, parts: &[Part], max_guests: u32) -> Result<(), Answer> {
        for part in parts {
            if !part.parts.is_empty() {
                self.take(&part.parts, max_guests)?;
            } else if part.content_type.is("application/sdp") {
                if self.sdp.is_none() {
                    let sdp = Description::parse(&part.body).map_err(|error| {
                        Answer::because(400, "Malformed SDP")
                            .with(Name::Warning, told(&error.to_string()))
                    })?;
                    self.sdp = Some(sdp);
                }
            } else if part.content_type.is("application/resource-lists+xml") {
                let entries = list(&part.body, max_guests)?;
                self.overlong |= entries.is_none();
                // RFC 5363 section 4.1: several lists are one.
                self.list
                    .get_or_insert_default()
                    .extend(entries.unwrap_or_default());
            } else if !part.is_optional() {
                return Err(Answer::plain(415).with(Name::Accept, ACCEPT));
            }
        }
        Ok(())
    }
}

/// What an INVITE to a focus may carry.
pub(crate) const ACCEPT: &str = "application/sdp, application/resource-lists+xml, multipart/mixed";

/// The answer to a body that cannot be taken apart.
fn malformed(error: &MultipartError) -> Answer {
    match error {
        // RFC 3261 section 8.2.3: what is encoded otherwise is not read.
        MultipartError::Encoding(_) => Answer::plain(415).with(Name::AcceptEncoding, "identity"),
        error => {
            Answer::because(400, "Malformed Body").with(Name::Warning, told(&error.to_string()))
        }
    }
}

/// The entries of a list; `None` if there are more than anybody would read.
fn list(body: &[u8], max_guests: u32) -> Result<Option<Vec<Entry>>, Answer> {
    let places = usize::try_from(max_guests).unwrap_or(usize::MAX);
    let limits = Limits {
        bytes: LIST_BYTES,
        entries: places
            .saturating_mul(READ_PER_PLACE)
            .saturating_add(READ_PER_PLACE),
    };
    let lists = match resource_lists::read(body, limits) {
        Ok(lists) => lists,
        // Whether that is the first thing to object to is not for the reader to say.
        Err(xdm::Error::TooMany { .. } | xdm::Error::TooLarge { .. }) => return Ok(None),
        Err(error) => {
            let why = told(&error.to_string());
            return Err(Answer::because(400, "Malformed URI List").with(Name::Warning, why));
        }
    };
    // RFC 5363 section 4.1: nothing is fetched, and lists in lists are refused.
    let entries = lists.into_flat().map_err(|error| {
        Answer::because(403, "Only Flat Lists Are Taken")
            .with(Name::Warning, told(&error.to_string()))
    })?;
    for entry in &entries {
        if Uri::parse(&entry.uri).is_err() {
            let why = told(&format!("the list has a malformed URI: {}", entry.uri));
            return Err(Answer::because(400, "Malformed URI in the List").with(Name::Warning, why));
        }
    }
    Ok(Some(entries))
}

/// Is this entry to be hidden from the others?
///
/// IM-7.2.2.10-S2a3: only explicit bcc or anonymize hides; an entry without copyControl keeps
/// its list identity in conference-info.
pub(crate) fn hides(entry: &Entry) -> bool {
    entry.anonymize || entry.copy_control == Some(CopyControl::Bcc)
}

/// A Warning that says what was wrong.
fn told(why: &str) -> String {
    format!("399 tertulia {}", sip::quote(why))
}
