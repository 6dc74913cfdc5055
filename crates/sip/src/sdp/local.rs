//! The session descriptions we write, and the memory that offer and answer need.

use std::sync::Arc;

use bytes::Bytes;

use crate::sdp::attribute::repeated_attributes;
use crate::sdp::write::{self, Chat};
use crate::sdp::{Attribute, Description, Direction, MsrpMedia, Setup};

/// The port of a side that waits for no connection (RFC 6135 4.2.2: discard).
pub const ACTIVE_PORT: u16 = 9;

/// Our end of a chat.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalMedia {
    /// The address or name for `c=` and `o=`, without brackets.
    pub host: String,
    /// The port we listen on. Not written if we are active: then it is [`ACTIVE_PORT`], and the
    /// path should say so too.
    pub port: u16,
    /// Write `TCP/TLS/MSRP`.
    pub tls: bool,
    /// Our URI, exactly as it will stand in `From-Path`.
    pub path: String,
    /// Our role. [`Setup::ActPass`] or [`Setup::Active`] in an offer, [`Setup::negotiate`]d in an
    /// answer.
    pub setup: Setup,
    /// What we take. Always with `message/cpim` (IM-7.1.1.3-S5a).
    pub accept_types: Arc<[String]>,
    /// What we take wrapped; no line if empty.
    pub accept_wrapped_types: Arc<[String]>,
    /// Offer, or agree to, RFC 6714.
    pub cema: bool,
    /// The largest message we wish to get, in octets.
    pub max_size: Option<u64>,
    /// RFC 7701: we are a chat room, or take part in one, with these abilities.
    pub chatroom: Option<&'static [&'static str]>,
    /// Which way messages may flow, as we see it. An answer narrows it to what was offered.
    pub direction: Direction,
    /// Our certificate, as `hash-name hexadecimal`.
    pub fingerprint: Option<String>,
    /// Further attributes. One that a field above stands for is not written twice.
    pub attributes: Arc<[Attribute]>,
}

impl LocalMedia {
    /// Our end with only what the connection needs, and `message/cpim` as the one type.
    pub fn new(host: &str, port: u16, path: &str, setup: Setup) -> Self {
        Self {
            host: host.to_owned(),
            port,
            tls: false,
            path: path.to_owned(),
            setup,
            accept_types: ["message/cpim".to_owned()].into(),
            accept_wrapped_types: [].into(),
            cema: false,
            max_size: None,
            chatroom: None,
            direction: Direction::SendRecv,
            fingerprint: None,
            attributes: [].into(),
        }
    }

    /// Takes over all that a focus repeats of the inviter's offer when it makes its own
    /// (IM-7.2.2.2-S4a): every attribute except those of the connection, which stay ours, and
    /// `chatroom`, by which each side declares what it can do itself (RFC 7701 section 8).
    #[must_use]
    pub fn repeating_in_offer(self, offer: &Repeated) -> Self {
        Self {
            direction: offer.direction,
            ..self.repeating_in_answer(offer)
        }
    }

    /// The same for the answer to that offer (IM-7.2.1.2-OK-S2b). The direction stays ours, because
    /// [`LocalSession::answer`] turns the offered one around. `accept_types` still has to be
    /// narrowed by [`crate::sdp::intersection`].
    #[must_use]
    pub fn repeating_in_answer(self, offer: &Repeated) -> Self {
        Self {
            accept_types: Arc::clone(&offer.accept_types),
            accept_wrapped_types: Arc::clone(&offer.accept_wrapped_types),
            max_size: offer.max_size,
            attributes: Arc::clone(&offer.attributes),
            ..self
        }
    }

    /// The protocol of our media line.
    pub(crate) const fn proto(&self) -> &'static str {
        if self.tls { "TCP/TLS/MSRP" } else { "TCP/MSRP" }
    }
}

/// What a focus repeats of an offer (IM-7.2.2.2-S4a): read out once, and shared by all the
/// descriptions that say it again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repeated {
    /// The types of the offer.
    pub accept_types: Arc<[String]>,
    accept_wrapped_types: Arc<[String]>,
    max_size: Option<u64>,
    direction: Direction,
    attributes: Arc<[Attribute]>,
}

impl Repeated {
    /// Of this offer.
    pub fn of(offer: &MsrpMedia) -> Self {
        Self {
            accept_types: offer.accept_types.as_slice().into(),
            accept_wrapped_types: offer.accept_wrapped_types.as_slice().into(),
            max_size: offer.max_size,
            direction: offer.direction,
            attributes: repeated_attributes(offer),
        }
    }
}

/// Our side of one dialog's descriptions.
///
/// It remembers what was said last, so that saying the same again gives the same octets and any
/// change raises the version (RFC 3264 section 8, RFC 4975 8.4), and which media lines exist,
/// because their number and order stay for the life of the session.
#[derive(Clone, Debug)]
pub struct LocalSession {
    id: u64,
    version: u64,
    /// What was said last. The text takes a third of what it is made of.
    said: Option<Bytes>,
    layout: Vec<Line>,
}

/// One media line of the session as agreed so far.
#[derive(Clone, Debug)]
enum Line {
    Chat,
    /// As it is written.
    Refused(Box<str>),
}

impl LocalSession {
    /// A session about which nothing has been said. `id` is a random number, one per dialog.
    pub fn new(id: u64) -> Self {
        Self {
            id,
            version: 1,
            said: None,
            layout: vec![Line::Chat],
        }
    }

    /// Our offer, first or new. Refused media of earlier rounds keep their place with port 0.
    pub fn offer(&mut self, local: &LocalMedia) -> Bytes {
        self.say(&Chat {
            local,
            direction: local.direction,
            cema: local.cema,
            proto: local.proto(),
        })
    }

    /// Our answer to an offer of which we take the media line at index `chosen`. All others are
    /// refused with port 0, in their order (RFC 3264 section 6).
    pub fn answer(&mut self, offer: &Description, chosen: usize, local: &LocalMedia) -> Bytes {
        let lines = offer.media.iter().enumerate();
        self.layout = lines
            .map(|(index, line)| match index == chosen {
                true => Line::Chat,
                false => {
                    let mut refused = String::new();
                    write::media(&mut refused, &line.kind, 0, &line.proto, &line.fmt);
                    Line::Refused(refused.into_boxed_str())
                }
            })
            .collect();
        let taken = offer.media.get(chosen);
        let (direction, cema) = match taken.and_then(|line| line.msrp.as_ref().ok()) {
            Some(offered) => (
                offered.direction.mirrored().limited_to(local.direction),
                local.cema && cema_possible(offered),
            ),
            None => (local.direction, false),
        };
        self.say(&Chat {
            local,
            direction,
            cema,
            // The protocol of the line is the offerer's to choose.
            proto: taken.map_or(local.proto(), |line| &line.proto),
        })
    }

    /// What was said last, octet for octet: the body of a refresh that changes nothing.
    pub fn current(&self) -> Option<Bytes> {
        self.said.clone()
    }

    fn say(&mut self, chat: &Chat<'_>) -> Bytes {
        let mut text = self.text(chat);
        if self.said.as_ref().is_some_and(|said| *said != text) {
            // Wrapping would take one change a nanosecond for centuries.
            self.version = self.version.saturating_add(1);
            text = self.text(chat);
        }
        // It is kept as long as the dialog, and takes no more than it has to.
        let text = Bytes::from(text.into_boxed_str().into_boxed_bytes());
        self.said = Some(text.clone());
        text
    }

    fn text(&self, chat: &Chat<'_>) -> String {
        let mut text = write::head(self.id, self.version, &chat.local.host);
        for line in &self.layout {
            match line {
                Line::Chat => write::chat(&mut text, chat),
                Line::Refused(line) => text.push_str(line),
            }
        }
        text
    }
}

/// The body of a 488: what we would have taken (IM-7.2.1.2-S7a), written as RFC 3264 section 9
/// writes capabilities, with port 0 and no path.
pub fn capabilities(local: &LocalMedia) -> Bytes {
    let mut text = write::head(0, 0, &local.host);
    write::capability(&mut text, local);
    Bytes::from(text)
}

/// RFC 6714 4.3: whether we may agree to connect by the `c=` and `m=` lines.
fn cema_possible(offered: &MsrpMedia) -> bool {
    let relayed = offered.path.len() > 1;
    let offerer_connects = !matches!(offered.setup, Some(Setup::ActPass | Setup::Passive));
    offered.cema && !(relayed && offerer_connects)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sdp::chatroom;

    const PATH: &str = "msrp://192.0.2.1:2855/s1;tcp";

    fn ours() -> LocalMedia {
        LocalMedia::new("192.0.2.1", 2855, PATH, Setup::ActPass)
    }

    fn text(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    fn description(media: &str) -> Description {
        let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n";
        Description::parse((head.to_owned() + media).as_bytes()).unwrap()
    }

    /// Abilities as constants: ours are.
    fn leaked(abilities: Vec<String>) -> &'static [&'static str] {
        let leak = |one: String| -> &'static str { one.leak() };
        abilities.into_iter().map(leak).collect::<Vec<_>>().leak()
    }

    #[test]
    fn an_offer() {
        let mut local = ours();
        local.accept_wrapped_types = ["text/plain", "*"].map(str::to_owned).into();
        local.max_size = Some(1_048_576);
        local.attributes = [Attribute::new("x", "y"), Attribute::new("Max-Size", "1")].into();
        let want = "v=0\r\no=- 42 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
            m=message 2855 TCP/MSRP *\r\na=accept-types:message/cpim\r\n\
            a=accept-wrapped-types:text/plain *\r\na=path:msrp://192.0.2.1:2855/s1;tcp\r\n\
            a=setup:actpass\r\na=max-size:1048576\r\na=sendrecv\r\na=x:y\r\n";
        assert_eq!(text(&LocalSession::new(42).offer(&local)), want);
    }

    #[test]
    fn the_version_follows_the_content() {
        let mut session = LocalSession::new(1);
        assert_eq!(session.current(), None);
        let first = session.offer(&ours());
        assert_eq!(session.offer(&ours()), first);
        assert_eq!(session.current(), Some(first));

        let mut changed = ours();
        changed.direction = Direction::Inactive;
        let second = session.offer(&changed);
        assert!(text(&second).contains("o=- 1 2 IN"), "{second:?}");
        assert_eq!(session.offer(&changed), second);
        // Going back is a change too.
        assert!(text(&session.offer(&ours())).contains("o=- 1 3 IN"));
    }

    /// IM-7.2.1.2-OK-S2: as many media lines as offered, in their order.
    #[test]
    fn an_answer_refuses_what_is_no_chat() {
        let offer = description(
            "m=audio 4000/2 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n\
            m=message 2855 TCP/TLS/MSRP *\r\na=path:msrps://192.0.2.9:2855/p;tcp\r\na=sendonly\r\n\
            m=message 2857 TCP/MSRP *\r\na=path:msrp://192.0.2.9:2857/q;tcp\r\n",
        );
        let (chosen, media) = offer.msrp().unwrap();
        let mut local = ours();
        local.setup = Setup::negotiate(media.setup, true);
        let mut session = LocalSession::new(1);
        let answer = session.answer(&offer, chosen, &local);
        let lines: Vec<&str> = text(&answer).lines().skip(5).collect();
        let want = [
            "m=audio 0 RTP/AVP 0 8",
            "m=message 2855 TCP/TLS/MSRP *",
            "a=accept-types:message/cpim",
            "a=path:msrp://192.0.2.1:2855/s1;tcp",
            "a=setup:passive",
            "a=recvonly",
            "m=message 0 TCP/MSRP *",
        ];
        assert_eq!(lines, want);
        // A later offer of ours keeps the lines (RFC 3264 section 8).
        let again = session.offer(&local);
        let kinds: Vec<&str> = text(&again)
            .lines()
            .filter(|l| l.starts_with("m="))
            .collect();
        assert_eq!(kinds[0], "m=audio 0 RTP/AVP 0 8");
        assert_eq!(kinds[2], "m=message 0 TCP/MSRP *");
    }

    #[test]
    fn nothing_chosen_refuses_all() {
        let offer = description("m=audio 4000 RTP/AVP 0\r\n");
        let answer = LocalSession::new(1).answer(&offer, 7, &ours());
        assert!(text(&answer).ends_with("t=0 0\r\nm=audio 0 RTP/AVP 0\r\n"));
    }

    #[test]
    fn cema_is_agreed_only_if_possible() {
        let one = "msrp://192.0.2.9:1/p;tcp";
        let two = "msrp://192.0.2.8:1;tcp msrp://192.0.2.9:1/p;tcp";
        // (path, offered attributes, we want it, agreed)
        let table = [
            (one, "a=msrp-cema\r\n", true, true),
            (one, "a=msrp-cema\r\n", false, false),
            (one, "", true, false),
            (two, "a=msrp-cema\r\na=setup:actpass\r\n", true, true),
            (two, "a=msrp-cema\r\na=setup:active\r\n", true, false),
            (two, "a=msrp-cema\r\n", true, false),
        ];
        for (path, attributes, want_it, agreed) in table {
            let media = format!("m=message 1 TCP/MSRP *\r\na=path:{path}\r\n{attributes}");
            let mut local = ours();
            local.cema = want_it;
            let answer = LocalSession::new(1).answer(&description(&media), 0, &local);
            assert_eq!(text(&answer).contains("a=msrp-cema"), agreed, "{media}");
        }
    }

    #[test]
    fn the_active_side_has_no_port() {
        let mut local = ours();
        local.setup = Setup::Active;
        let offer = LocalSession::new(1).offer(&local);
        assert!(text(&offer).contains("m=message 9 TCP/MSRP *\r\n"));
    }

    #[test]
    fn ipv6() {
        let local = LocalMedia::new(
            "2001:db8::1",
            1,
            "msrp://[2001:db8::1]:1/s;tcp",
            Setup::ActPass,
        );
        let offer = LocalSession::new(1).offer(&local);
        assert!(text(&offer).contains("o=- 1 1 IN IP6 2001:db8::1\r\n"));
        assert!(text(&offer).contains("c=IN IP6 2001:db8::1\r\n"));
    }

    /// IM-7.2.1.2-S7a
    #[test]
    fn what_we_would_have_taken() {
        let mut local = ours();
        local.max_size = Some(10);
        let want = "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
            m=message 0 TCP/MSRP *\r\na=accept-types:message/cpim\r\na=max-size:10\r\n";
        assert_eq!(text(&capabilities(&local)), want);
    }

    /// IM-7.2.2.2-S4a and IM-7.2.1.2-OK-S2b
    #[test]
    fn a_focus_repeats_the_offer_with_its_own_connection() {
        let offer = description(
            "m=message 4000 TCP/MSRP *\r\na=accept-types:message/cpim text/plain\r\n\
            a=accept-wrapped-types:*\r\na=path:msrp://192.0.2.9:4000/p;tcp\r\na=setup:active\r\n\
            a=max-size:500\r\na=sendonly\r\na=x-vendor:1\r\na=chatroom:com.example.foo\r\na=x-flag\r\n",
        );
        let (_, media) = offer.msrp().unwrap();
        let focus = || LocalMedia {
            chatroom: Some(chatroom(true)),
            ..ours()
        };
        let invite = LocalSession::new(1).offer(&focus().repeating_in_offer(&Repeated::of(media)));
        let mut local = focus().repeating_in_answer(&Repeated::of(media));
        local.setup = Setup::negotiate(media.setup, true);
        let answer = LocalSession::new(1).answer(&offer, 0, &local);
        for (said, setup, direction) in [
            (invite, "a=setup:actpass", "a=sendonly"),
            (answer, "a=setup:passive", "a=recvonly"),
        ] {
            let lines: Vec<&str> = text(&said).lines().skip(5).collect();
            let want = [
                "m=message 2855 TCP/MSRP *",
                "a=accept-types:message/cpim text/plain",
                "a=accept-wrapped-types:*",
                "a=path:msrp://192.0.2.1:2855/s1;tcp",
                setup,
                "a=max-size:500",
                // RFC 7701 section 8: each says what it can itself.
                "a=chatroom:nickname private-messages",
                direction,
                "a=x-vendor:1",
                "a=x-flag",
            ];
            assert_eq!(lines, want);
        }
    }

    proptest! {
        #[test]
        fn what_we_write_we_read(
            port in 1_u16..,
            types in proptest::collection::vec("[a-z]{1,8}/[a-z+]{1,8}", 1..6),
            max_size in proptest::option::of(any::<u64>()),
            cema: bool,
            tls: bool,
            chatroom in proptest::option::of(proptest::collection::vec("[a-z-]{1,9}", 0..3)),
            extra in "[a-z]{1,9}",
        ) {
            let mut local = ours();
            local.port = port;
            local.accept_types = types.into();
            local.max_size = max_size;
            local.cema = cema;
            local.tls = tls;
            local.chatroom = chatroom.clone().map(leaked);
            local.attributes = [Attribute::new(&format!("x-{extra}"), &extra)].into();
            let description = Description::parse(&LocalSession::new(1).offer(&local)).unwrap();
            let (_, media) = description.msrp().unwrap();
            prop_assert_eq!(media.port, port);
            prop_assert_eq!(&*media.accept_types, &*local.accept_types);
            prop_assert_eq!(media.max_size, max_size);
            prop_assert_eq!(media.cema, cema);
            prop_assert_eq!(media.tls, tls);
            prop_assert_eq!(&media.chatroom, &chatroom);
            prop_assert_eq!(media.setup, Some(Setup::ActPass));
            prop_assert!(media.attributes.contains(&local.attributes[0]));
        }

        #[test]
        fn nothing_escapes_its_line(value in any::<String>()) {
            let mut local = ours();
            let lines = text(&LocalSession::new(1).offer(&local)).lines().count();
            local.attributes = [Attribute::new("x", &value)].into();
            let offer = LocalSession::new(1).offer(&local);
            prop_assert_eq!(text(&offer).split("\r\n").count(), lines + 2);
        }
    }
}
