//! Reading any conference-info document, ours or another server's.

use crate::Error;
use crate::reader::{Element, Ns, Reader};

/// The most bytes of a document that a client need accept: about 4000 participants as we write
/// them.
pub const MAX_BYTES: usize = 1024 * 1024;

/// One document, as far as a conversation needs it. Descriptions, media and sidebars are left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConferenceInfo {
    /// The URI of the conversation. RFC 4575 asks for it; some servers leave it out.
    pub entity: Option<String>,
    /// What the document is: the whole, a change, or the end.
    pub state: State,
    /// Its place among the documents of the subscription. RFC 4575 section 4.3 asks for it; the
    /// schema does not.
    pub version: Option<u32>,
    /// The participants it tells of; `None` if it tells of none, which is no statement.
    pub users: Option<Users>,
    /// How many users there are in all, listed here or not, if that is said (RFC 4575 section
    /// 5.5.1).
    pub user_count: Option<u32>,
}

/// What the `state` attribute says of its element: RFC 4575 section 4.4.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum State {
    /// The element is gone.
    Deleted,
    /// The element is complete. Also when nothing is said.
    #[default]
    Full,
    /// The element holds what changed.
    Partial,
}

/// The `<users>` element.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Users {
    /// Whether the users listed are all there are, or those that changed.
    pub state: State,
    /// The users, in document order.
    pub users: Vec<User>,
}

/// One `<user>` element.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// The URI under which the person is known here: the key of the element.
    pub entity: String,
    /// Whether this is all of the user, a change, or the user's removal.
    pub state: State,
    /// Whether the server marks it as the subscriber's own (IM-7.1.1.11-NTFY-S2a).
    pub yourown: bool,
    /// The name to show.
    pub display_text: Option<String>,
    /// The devices, in document order.
    pub endpoints: Vec<Endpoint>,
}

/// One `<endpoint>` element: a device of a user, or all of them together.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Endpoint {
    /// The key of the element; empty if the server gave none.
    pub entity: String,
    /// Whether this is all of the endpoint, a change, or its removal.
    pub state: State,
    /// How far it has come, if the document says so.
    pub status: Option<EndpointStatus>,
}

/// RFC 4575 section 5.7.3, in its order, and what is none of these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EndpointStatus {
    /// A participant.
    Connected,
    /// No participant, and no dialog.
    Disconnected,
    /// A dialog, but no part in the conversation for now.
    OnHold,
    /// A participant that may listen only.
    MutedViaFocus,
    /// Expected to join soon.
    Pending,
    /// Being rung.
    Alerting,
    /// Calling in, and not yet admitted.
    DialingIn,
    /// Being called.
    DialingOut,
    /// On its way out.
    Disconnecting,
    /// A value that RFC 4575 does not define.
    Unknown,
}

impl EndpointStatus {
    fn parse(text: &str) -> Self {
        match text {
            "connected" => Self::Connected,
            "disconnected" => Self::Disconnected,
            "on-hold" => Self::OnHold,
            "muted-via-focus" => Self::MutedViaFocus,
            "pending" => Self::Pending,
            "alerting" => Self::Alerting,
            "dialing-in" => Self::DialingIn,
            "dialing-out" => Self::DialingOut,
            "disconnecting" => Self::Disconnecting,
            _ => Self::Unknown,
        }
    }
}

/// Reads an `application/conference-info+xml` document of at most `max_bytes` ([`MAX_BYTES`] is a
/// sensible choice).
///
/// Elements that are not known are passed over, a missing `state` is full. A `<user>` without an
/// entity is passed over too: without its key nothing can ever refer to it again.
///
/// # Errors
///
/// Any of [`Error`] but [`Error::TooMany`]; [`Error::Malformed`] also for a `state` or a `version`
/// that cannot be one, since guessing would corrupt what is merged.
pub fn read(input: &[u8], max_bytes: usize) -> Result<ConferenceInfo, Error> {
    let (mut reader, root) = Reader::open(input, max_bytes, Ns::ConferenceInfo, "conference-info")?;
    let mut info = ConferenceInfo {
        entity: root.plain("entity").map(|uri| uri.trim().to_owned()),
        state: state(&reader, &root)?,
        version: version(&reader, &root)?,
        users: None,
        user_count: None,
    };
    while let Some(child) = reader.child(&root)? {
        if is(&child, "users") {
            info.users = Some(users(&mut reader, &child)?);
        } else if is(&child, "conference-state") {
            info.user_count = user_count(&mut reader, &child)?;
        }
    }
    reader.finish()?;
    if info.state == State::Deleted {
        // RFC 4575 4.4: what stands in a deleted parent is ignored.
        info.users = None;
    }
    Ok(info)
}

fn user_count(reader: &mut Reader<'_>, element: &Element) -> Result<Option<u32>, Error> {
    let mut count = None;
    while let Some(child) = reader.child(element)? {
        if is(&child, "user-count") {
            // What is no number says nothing.
            count = reader.text(&child)?.trim().parse().ok();
        }
    }
    Ok(count)
}

fn users(reader: &mut Reader<'_>, element: &Element) -> Result<Users, Error> {
    let mut users = Users {
        state: state(reader, element)?,
        users: Vec::new(),
    };
    while let Some(child) = reader.child(element)? {
        if is(&child, "user") {
            users.users.extend(user(reader, &child)?);
        }
    }
    if users.state == State::Deleted {
        users.users.clear();
    }
    Ok(users)
}

fn user(reader: &mut Reader<'_>, element: &Element) -> Result<Option<User>, Error> {
    let Some(entity) = entity(element) else {
        return Ok(None);
    };
    let mut user = User {
        entity,
        state: state(reader, element)?,
        // The namespace of Appendix N is not known, and clients look at the name alone.
        yourown: element.find("yourown", |_| true).is_some_and(is_true),
        display_text: None,
        endpoints: Vec::new(),
    };
    while let Some(child) = reader.child(element)? {
        if is(&child, "display-text") {
            user.display_text = Some(reader.text(&child)?);
        } else if is(&child, "endpoint") {
            user.endpoints.push(endpoint(reader, &child)?);
        }
    }
    if user.state == State::Deleted {
        user.endpoints.clear();
    }
    Ok(Some(user))
}

fn endpoint(reader: &mut Reader<'_>, element: &Element) -> Result<Endpoint, Error> {
    let mut endpoint = Endpoint {
        entity: entity(element).unwrap_or_default(),
        state: state(reader, element)?,
        status: None,
    };
    while let Some(child) = reader.child(element)? {
        // Media have a status of their own, one level down.
        if is(&child, "status") {
            endpoint.status = Some(EndpointStatus::parse(&reader.text(&child)?));
        }
    }
    Ok(endpoint)
}

fn entity(element: &Element) -> Option<String> {
    let entity = element.plain("entity")?.trim();
    (!entity.is_empty()).then(|| entity.to_owned())
}

fn state(reader: &Reader<'_>, element: &Element) -> Result<State, Error> {
    match element.plain("state").map(str::trim) {
        // RFC 4575 4.4: full is the default.
        None | Some("" | "full") => Ok(State::Full),
        Some("partial") => Ok(State::Partial),
        Some("deleted") => Ok(State::Deleted),
        Some(other) => Err(reader.malformed(&format!("the unknown state \"{other}\""))),
    }
}

fn version(reader: &Reader<'_>, root: &Element) -> Result<Option<u32>, Error> {
    let Some(text) = root.plain("version").map(str::trim) else {
        return Ok(None);
    };
    let version = text.parse();
    version
        .map(Some)
        .map_err(|_| reader.malformed(&format!("the version \"{text}\" is no 32-bit number")))
}

/// The two ways to write true as an xs:boolean.
fn is_true(value: &str) -> bool {
    matches!(value.trim(), "true" | "1")
}

fn is(element: &Element, name: &str) -> bool {
    element.ns == Ns::ConferenceInfo && element.name == name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(attributes: &str, inner: &str) -> Result<ConferenceInfo, Error> {
        let document = format!(
            "<c:conference-info xmlns:c='urn:ietf:params:xml:ns:conference-info' \
             xmlns:o='urn:other' {attributes}>{inner}</c:conference-info>"
        );
        read(document.as_bytes(), MAX_BYTES)
    }

    fn first(attributes: &str, inner: &str) -> User {
        let inner =
            format!("<c:users><c:user entity='sip:a@h' {attributes}>{inner}</c:user></c:users>");
        parse("", &inner).unwrap().users.unwrap().users.remove(0)
    }

    #[test]
    fn the_root_says_what_the_document_is() {
        let rows = [
            ("", Ok((State::Full, None))),
            ("state='full' version='0'", Ok((State::Full, Some(0)))),
            (
                "state=' partial ' version=' 4294967295 '",
                Ok((State::Partial, Some(u32::MAX))),
            ),
            ("state='deleted' version='1'", Ok((State::Deleted, Some(1)))),
            ("state=''", Ok((State::Full, None))),
            ("o:state='partial'", Ok((State::Full, None))),
            ("state='whole'", Err(())),
            ("version='4294967296'", Err(())),
            ("version='-1'", Err(())),
        ];
        for (attributes, want) in rows {
            let got = parse(attributes, "").map(|info| (info.state, info.version));
            assert_eq!(got.map_err(|_| ()), want, "{attributes}");
        }
    }

    #[test]
    fn im_7_1_1_11_ntfy_s2a_the_own_mark_in_any_namespace() {
        let rows = [
            ("", false),
            ("yourown='true'", true),
            ("yourown=' 1 '", true),
            ("o:yourown='true'", true),
            ("undeclared:yourown='true'", true),
            ("yourown='false'", false),
            ("yourown='yes'", false),
            ("notyourown='true'", false),
        ];
        for (attributes, want) in rows {
            assert_eq!(first(attributes, "").yourown, want, "{attributes}");
        }
    }

    #[test]
    fn im_7_2_2_10_n1_every_status_of_rfc_4575_is_understood() {
        use EndpointStatus as S;
        let rows = [
            ("connected", S::Connected),
            ("disconnected", S::Disconnected),
            ("on-hold", S::OnHold),
            ("muted-via-focus", S::MutedViaFocus),
            ("pending", S::Pending),
            ("alerting", S::Alerting),
            ("dialing-in", S::DialingIn),
            ("dialing-out", S::DialingOut),
            (" disconnecting\n", S::Disconnecting),
            ("asleep", S::Unknown),
            ("", S::Unknown),
        ];
        for (text, want) in rows {
            let user = first(
                "",
                &format!("<c:endpoint><c:status>{text}</c:status></c:endpoint>"),
            );
            assert_eq!(user.endpoints[0].status, Some(want), "{text}");
        }
    }

    #[test]
    fn a_rich_user_is_read_for_what_matters() {
        let user = first(
            "state='partial'",
            "<c:display-text>A &amp; <o:i>not</o:i>B</c:display-text>\
             <c:roles><c:entry>x</c:entry></c:roles>\
             <c:endpoint entity='1' state='deleted'/>\
             <c:endpoint entity='2'><c:display-text>Laptop</c:display-text>\
             <o:status>pending</o:status>\
             <c:media id='1'><c:status>sendrecv</c:status></c:media></c:endpoint>",
        );
        let endpoint = |entity: &str, state| Endpoint {
            entity: entity.to_owned(),
            state,
            status: None,
        };
        let want = User {
            entity: "sip:a@h".to_owned(),
            state: State::Partial,
            yourown: false,
            display_text: Some("A & B".to_owned()),
            endpoints: vec![endpoint("1", State::Deleted), endpoint("2", State::Full)],
        };
        assert_eq!(user, want);
    }

    #[test]
    fn what_cannot_be_merged_is_left_out() {
        let users = "<c:user entity=''/><c:user/>\
                     <c:user entity='sip:b@h' state='deleted'><c:endpoint/></c:user>";
        let info = parse("entity='sip:g@h'", &format!("<c:users>{users}</c:users>")).unwrap();
        assert_eq!(info.entity.as_deref(), Some("sip:g@h"));
        let got = info.users.unwrap().users;
        assert_eq!(got.len(), 1);
        assert_eq!((got[0].state, got[0].endpoints.len()), (State::Deleted, 0));

        let gone = parse("", &format!("<c:users state='deleted'>{users}</c:users>")).unwrap();
        let want = Users {
            state: State::Deleted,
            users: vec![],
        };
        assert_eq!(gone.users, Some(want));
        let over = parse("state='deleted'", &format!("<c:users>{users}</c:users>")).unwrap();
        assert_eq!(over.users, None);
    }
}
