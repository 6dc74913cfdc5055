//! A session description that a peer sent, be it offer or answer.

use sdp_types::Session;

use crate::sdp::{Attribute, MsrpMedia, media::Inherited, normalise::normalise};

/// The longest description read, in octets. A chat needs 400; a full audio and video offer with ICE
/// candidates stays below 8 KiB.
pub const MAX_LEN: usize = 16 * 1024;

/// The most `m=` lines read: each is answered, so the answer is bounded by it too.
const MAX_MEDIA: usize = 32;

/// A parsed session description: every `m=` line in its order, the MSRP ones understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The media lines, in the order in which the answer has to repeat them (RFC 3264 section 6).
    pub media: Vec<Media>,
    /// The version in the peer's `o=` line: the same as before means that nothing changed.
    pub version: u64,
}

/// One `m=` line.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// `message`, `audio`, `video`, ...
    pub kind: String,
    /// 0 means refused, or no longer used.
    pub port: u16,
    /// For example `TCP/MSRP`.
    pub proto: String,
    /// The formats, verbatim.
    pub fmt: String,
    /// The chat it describes, or why it describes none.
    pub msrp: Result<MsrpMedia, NoMsrp>,
}

impl Description {
    /// Reads the body of an `application/sdp`, with the tolerance that real peers need.
    ///
    /// # Errors
    ///
    /// [`SdpError`] if it is too large or not SDP. The request is answered with 400 or 488.
    pub fn parse(text: &[u8]) -> Result<Self, SdpError> {
        if text.len() > MAX_LEN {
            return Err(SdpError::TooLong);
        }
        let text = normalise(text)?;
        let session = Session::parse(text.as_bytes()).map_err(|error| {
            // The message may quote the peer: keep it short.
            SdpError::Grammar(error.to_string().chars().take(120).collect())
        })?;
        if session.medias.len() > MAX_MEDIA {
            return Err(SdpError::TooManyMedia);
        }
        let inherited = Inherited {
            attributes: session.attributes.iter().map(Attribute::from).collect(),
            connection: session.connection.map(|line| line.connection_address),
        };
        Ok(Self {
            media: session
                .medias
                .into_iter()
                .map(|media| Media::new(media, &inherited))
                .collect(),
            version: session.origin.sess_version,
        })
    }

    /// The first media line that can be a chat with us, and its index.
    ///
    /// # Errors
    ///
    /// Why the most promising line is none: a reason found in an `m=message` line is preferred to
    /// [`NoMsrp::NotMessage`].
    pub fn msrp(&self) -> Result<(usize, &MsrpMedia), NoMsrp> {
        let mut why = NoMsrp::NotMessage;
        for (index, media) in self.media.iter().enumerate() {
            match &media.msrp {
                Ok(msrp) => return Ok((index, msrp)),
                Err(reason) if why == NoMsrp::NotMessage => why = reason.clone(),
                Err(_) => {}
            }
        }
        Err(why)
    }
}

impl Media {
    fn new(media: sdp_types::Media, inherited: &Inherited) -> Self {
        Self {
            msrp: MsrpMedia::new(&media, inherited),
            kind: media.media,
            port: media.port,
            proto: media.proto,
            fmt: media.fmt,
        }
    }
}

/// Why a body is not a session description we read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpError {
    /// It breaks the grammar of RFC 8866.
    #[error("malformed session description: {0}")]
    Grammar(String),
    /// Larger than [`MAX_LEN`].
    #[error("the session description is longer than {MAX_LEN} octets")]
    TooLong,
    /// More lines than any real one.
    #[error("the session description has too many lines")]
    TooManyLines,
    /// More than 32 media lines.
    #[error("the session description has more than {MAX_MEDIA} media")]
    TooManyMedia,
}

/// Why a media line is no chat that we can join. The words fit a Warning beside a 488.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoMsrp {
    /// No line is `m=message`.
    #[error("no m=message line")]
    NotMessage,
    /// There is no `a=path`, or a URI in it lacks host, port, session id or transport.
    #[error("no usable a=path")]
    Path,
    /// Port 0: refused or switched off by the peer.
    #[error("m=message has port 0")]
    Port,
    /// A transport we do not speak.
    #[error("the protocol of m=message is neither TCP/MSRP nor TCP/TLS/MSRP")]
    Protocol,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 7 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    const PATH: &str = "a=path:msrp://192.0.2.1:2855/s1;tcp\r\n";

    #[test]
    fn the_first_chat_is_found() {
        let good = format!("m=message 2855 TCP/MSRP *\r\n{PATH}");
        let tls = "m=message 2856 tcp/tls/msrp *\r\na=path:msrps://192.0.2.1:2856/s2;tcp\r\n";
        let audio = "m=audio 4000 RTP/AVP 0\r\n";
        let table = [
            (good.clone(), Ok(0)),
            (format!("{audio}{good}"), Ok(1)),
            (format!("{good}{tls}"), Ok(0)),
            (format!("{audio}{tls}"), Ok(1)),
            (good.replace("2855 TCP", "0 TCP") + tls, Ok(1)),
            (String::new(), Err(NoMsrp::NotMessage)),
            (audio.to_owned(), Err(NoMsrp::NotMessage)),
            (good.replace("2855 TCP", "0 TCP") + audio, Err(NoMsrp::Port)),
            (good.replace("TCP/MSRP", "UDP/MSRP"), Err(NoMsrp::Protocol)),
            (good.replace("a=path", "a=way"), Err(NoMsrp::Path)),
            (
                audio.to_owned() + &good.replace(":2855/s1", "/s1"),
                Err(NoMsrp::Path),
            ),
        ];
        for (media, want) in table {
            let description = Description::parse((HEAD.to_owned() + &media).as_bytes()).unwrap();
            assert_eq!(description.version, 7);
            assert_eq!(description.msrp().map(|(index, _)| index), want, "{media}");
        }
    }

    #[test]
    fn as_the_oma_text_prints_it() {
        let text = "v=0\no = - 1 1 IN IP4 h.example\ns= \nt=0 0\n\
            m = message 2855 TCP/MSRP *\n\
            a = accept-types : message/cpim\n\
            a = path : msrp://h.example:2855/x;tcp\n";
        let description = Description::parse(text.as_bytes()).unwrap();
        let (_, msrp) = description.msrp().unwrap();
        assert!(msrp.accepts("message/cpim"));
        assert_eq!(msrp.path, ["msrp://h.example:2855/x;tcp"]);
    }

    #[test]
    fn refusals() {
        let long = format!("{HEAD}a={}\r\n", "x".repeat(MAX_LEN));
        let many = HEAD.to_owned() + &"m=audio 0 RTP/AVP 0\r\n".repeat(MAX_MEDIA + 1);
        assert_eq!(Description::parse(long.as_bytes()), Err(SdpError::TooLong));
        let got = Description::parse(many.as_bytes());
        assert_eq!(got, Err(SdpError::TooManyMedia));
        for text in [
            "",
            "s=-\r\n",
            "v=1\r\n",
            "v=0\r\nm=message x TCP/MSRP *\r\n",
        ] {
            let got = Description::parse(text.as_bytes());
            assert!(matches!(got, Err(SdpError::Grammar(_))), "{text} {got:?}");
        }
    }

    proptest! {
        #[test]
        fn anything_at_all(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Description::parse(&text);
        }

        #[test]
        fn any_lines_at_all(lines in proptest::collection::vec("[vosctma] ?=[ -~]{0,40}", 0..20)) {
            let _ = Description::parse(format!("{HEAD}{}", lines.join("\n")).as_bytes());
        }

        #[test]
        fn any_value_of_what_we_read(
            name in "path|setup|max-size|accept-types|chatroom|msrp-cema|fingerprint",
            value in "\\PC{0,60}",
        ) {
            let text = format!("{HEAD}m=message 1 TCP/MSRP *\r\n{PATH}a={name}:{value}\r\n");
            if let Ok(description) = Description::parse(text.as_bytes()) {
                for media in description.media {
                    if let Ok(msrp) = media.msrp {
                        let _ = (msrp.connect_to(true), msrp.connect_to(false));
                        let _ = msrp.path_matches_connection();
                    }
                }
            }
        }
    }
}
