//! May it be said, by them, to those? The checks of RFC 7701 sections 6.1 to 6.3.

use std::borrow::Cow;

use msrp::{
    Head,
    cpim::{Cpim, CpimError},
};
use room::{Address, Audience, LegId, Refusal, Room};

use super::{Voice, Voices};

/// Whoever does not say who they are, or whom they mean, in the form that RCS clients write.
pub(crate) const ANONYMOUS: &str = "sip:anonymous@anonymous.invalid";

/// A request that is not forwarded: the code and the comment of its response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refused {
    pub(super) code: u16,
    pub(super) why: Cow<'static, str>,
}

impl Refused {
    pub(super) fn new(code: u16, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            why: why.into(),
        }
    }
}

/// A message that is no CPIM message.
impl From<CpimError> for Refused {
    fn from(error: CpimError) -> Self {
        Self::new(400, error.to_string())
    }
}

/// What a SEND carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Media {
    Cpim,
    /// An is-composing document without wrapper, as RCS clients send it.
    Composing,
    /// No body.
    Nothing,
}

impl Media {
    /// What is written as the Content-Type of the copies.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cpim | Self::Nothing => "message/cpim",
            Self::Composing => "application/im-iscomposing+xml",
        }
    }
}

/// Looks at the Content-Type.
pub(super) fn media(head: &Head, voice: &Voice) -> Result<Media, Refused> {
    let Some(content_type) = head.content_type() else {
        return Ok(Media::Nothing);
    };
    let name = essence(content_type);
    // Both message/cpim and message/CPIM are in use.
    if name.eq_ignore_ascii_case(Media::Cpim.name()) {
        return Ok(Media::Cpim);
    }
    if name.eq_ignore_ascii_case(Media::Composing.name()) && voice.composes() {
        return Ok(Media::Composing);
    }
    // RFC 7701 6.3: what is not wrapped in CPIM is refused.
    Err(Refused::new(415, "Only message/cpim is taken here"))
}

/// A media type without its parameters.
pub(super) fn essence(content_type: &str) -> &str {
    content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

/// Looks at From. Says what it is to be in the copies, if it may not stay as it is.
///
/// All other headers stay as they are (RFC 7701 section 6.1: the content is not modified). A hidden
/// sender whose client names them elsewhere, in `cc` or in the text, has said it themselves.
pub(super) fn sender<'a>(cpim: &Cpim, voice: &'a Voice) -> Result<Option<&'a str>, Refused> {
    let is_open = match cpim.from() {
        Some(from) if is_theirs(from.uri(), voice) => false,
        Some(from) if is_anonymous(from.uri()) => true,
        // Who says nothing claims nothing: we say who they are.
        None => true,
        // RFC 7701 6.3: a From that does not belong to the sender is refused.
        Some(_) => return Err(Refused::new(403, "From is not the sender")),
    };
    match &voice.seen_as {
        // IM-7.2.2.2-OK-S3c: the hidden are anonymous to all others, in CPIM From too. A name
        // that they wrote there goes as well.
        Some(alias) => Ok(Some(alias)),
        None => Ok(is_open.then_some(voice.address.as_str())),
    }
}

fn is_theirs(uri: &str, voice: &Voice) -> bool {
    let address = voice.address.as_str();
    // Mostly the same text, then nothing has to be read.
    if uri == address {
        return true;
    }
    let canonical = canonical(uri);
    canonical == address
        || voice
            .seen_as
            .as_ref()
            .is_some_and(|alias| canonical == *alias)
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hearers {
    All,
    One,
}

/// Appends the legs that are to hear it, in the order of the room.
pub(super) fn audience(
    cpim: &Cpim,
    from: LegId,
    identity: &str,
    room: &Room,
    out: &mut Vec<LegId>,
) -> Result<Hearers, Refused> {
    let mut named = cpim.to();
    let Some(to) = named.next() else {
        return Err(Refused::new(400, "The CPIM message has no To"));
    };
    // RFC 7701 6.1, 6.2: several To are refused.
    if named.next().is_some() {
        return Err(Refused::new(403, "The CPIM message has several To"));
    }
    if to.uri() == identity || is_anonymous(to.uri()) {
        return everyone(from, room, out).map(|()| Hearers::All);
    }
    let canonical = canonical(to.uri());
    if canonical == identity {
        return everyone(from, room, out).map(|()| Hearers::All);
    }
    match alias_of(&canonical) {
        Some(alias) => room.audience(from, &Audience::Alias(alias), out),
        None => room.audience(from, &Audience::Address(&Address::new(&canonical)), out),
    }
    .map_err(refused)?;
    Ok(Hearers::One)
}

/// Whether it is known to whom a private message goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Decided {
    Now,
    /// Not before the type of what is wrapped has come.
    Later,
}

/// Takes those devices of one person out that would show a private message as if it were for all.
/// A person without any other does not get it (RFC 7701 section 6.2).
///
/// A disposition notification goes to all of them: nobody reads it or replies to it, it has no
/// other way to whoever asked for it, and RCS clients, which ask, do not declare private messages.
pub(super) fn whisper(
    cpim: &Cpim,
    is_whole: bool,
    voices: &Voices,
    to: &mut Vec<LegId>,
) -> Result<Decided, Refused> {
    let whispers = |leg: &LegId| voices.whispers(*leg);
    if to.iter().all(whispers) {
        return Ok(Decided::Now);
    }
    let wrapped = match cpim.mime() {
        None if !is_whole => return Ok(Decided::Later),
        mime => mime.and_then(|mime| mime.content_type().map(Cow::into_owned)),
    };
    if wrapped.is_some_and(|wrapped| essence(&wrapped).eq_ignore_ascii_case(NOTIFICATION)) {
        return Ok(Decided::Now);
    }
    to.retain(whispers);
    match to.is_empty() {
        true => Err(Refused::new(
            428,
            "Private messages are not supported there",
        )),
        false => Ok(Decided::Now),
    }
}

/// What became of a message, told to its sender (RFC 5438).
const NOTIFICATION: &str = "message/imdn+xml";

/// Appends everybody who hears what is said to all.
pub(super) fn everyone(from: LegId, room: &Room, out: &mut Vec<LegId>) -> Result<(), Refused> {
    room.audience(from, &Audience::Everyone, out)
        .map_err(refused)
}

fn refused(refusal: Refusal) -> Refused {
    match refusal {
        // RFC 7701 6.2: a To that cannot be resolved.
        Refusal::Unknown => Refused::new(404, "Nobody of that name is in the room"),
        Refusal::NoWhispering => Refused::new(403, "Private messages are not allowed here"),
        _ => absent(),
    }
}

/// Whoever is not in the room says nothing there.
pub(super) fn absent() -> Refused {
    Refused::new(403, "The sender is not in the room")
}

/// The text by which URIs of one person are compared; what is no URI stays as it is.
pub(super) fn canonical(uri: &str) -> String {
    match sip::Uri::parse(uri) {
        Ok(uri) => uri.aor(),
        Err(_) => uri.to_owned(),
    }
}

fn is_anonymous(uri: &str) -> bool {
    uri == ANONYMOUS || canonical(uri) == ANONYMOUS
}

/// The number of a hidden person, from the URI they are seen by.
fn alias_of(canonical: &str) -> Option<u32> {
    let number = canonical
        .strip_prefix("sip:anonymous")?
        .strip_suffix("@anonymous.invalid")?;
    // One spelling for each: no sign and no leading zero.
    let is_plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    number.parse().ok().filter(|_| is_plain)
}
