//! What people with a handset do, and what happens to them alone, in the words of a transcript.

use imps::{Encoding, Version};

use super::call::names;
use super::parse::quoted;

/// What somebody with a handset does, or what has to happen to them. What means the same to people
/// with a phone is a plain [`Act`](super::Act).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Deed {
    /// `allows WHOM`, and blocks them no more.
    Allows {
        /// Whom.
        whom: String,
    },
    /// `answers yes|no [to ROOM]`: what nobody does whose client goes on in a group with a
    /// conversation, and what the server does not listen to then.
    Answers {
        /// Yes or no.
        yes: bool,
    },
    /// `is asked by WHOM [to ROOM]`: to go on there with a conversation.
    Asked {
        /// Who asks.
        by: String,
    },
    /// `blocks WHOM`.
    Blocks {
        /// Whom.
        whom: String,
    },
    /// `creates group ROOM [by invitation]`, and is in it.
    CreatesGroup {
        /// Only the invited may join.
        closed: bool,
    },
    /// `declines [ROOM]`: says no to an invitation, or nothing where there is no word for it.
    Declines,
    /// `deletes ROOM`.
    Deletes,
    /// `invites A, B to ROOM`.
    Invites {
        /// Whom.
        whom: Vec<String>,
    },
    /// `is in ROOM leaving out A with CODE, B with CODE`: the conversation goes on there.
    InWithout {
        /// Who is not invited, and why.
        left_out: Vec<(String, u16)>,
    },
    /// `logs out`.
    LogsOut,
    /// `is asked by WHOM no more`: the invitation is taken back.
    NoMore {
        /// Who had asked.
        by: String,
    },
    /// `is asked nothing`: not invited, but where a line has spoken of it.
    NotAsked,
    /// `is online by imps [1.1|1.2|1.3] [xml|wbxml] [polling|cir tcp|cir udp|cir http] [legacy]
    /// [without notices]`.
    Online(Device),
    /// `is refused ROOM with CODE`: the conversation does not go on there.
    RefusedRoom {
        /// Why.
        code: u16,
    },
    /// `sees nobody [in ROOM]`: come or go, that no line has spoken of.
    SeesNobody,
    /// `hears yes|no from WHOM`: the answer to an invitation.
    Told {
        /// Yes or no.
        yes: bool,
        /// Who answers.
        by: String,
    },
    /// `is in ROOM welcomed "NOTE"`.
    Welcomed {
        /// What whoever joins is told.
        note: String,
    },
    /// `writes "TEXT" to WHOM`: where the conversation with them goes on.
    Writes {
        /// What.
        text: String,
        /// To whom.
        to: String,
    },
}

/// A handset, and what its client can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Device {
    /// The version of CSP.
    pub version: Version,
    /// How documents are written.
    pub encoding: Encoding,
    /// How it hears that something waits for it.
    pub attention: Attention,
    /// It does not know ExtendConversation, and does one thing at a time.
    pub legacy: bool,
    /// It does not ask for group change notices.
    pub without_notices: bool,
}

/// How a handset hears that something waits for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attention {
    /// It polls.
    Polling,
    /// By a connection that it opens.
    Tcp,
    /// By datagrams.
    Udp,
    /// By asking a URL.
    Http,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            version: Version::V1_3,
            encoding: Encoding::Wbxml,
            attention: Attention::Tcp,
            legacy: false,
            without_notices: false,
        }
    }
}

/// What somebody does, and in which group.
type Read = (Deed, Option<String>);

impl Deed {
    /// Reads what follows a name, if it is something for a handset.
    pub(super) fn read(verb: &str, rest: &str) -> Result<Option<Read>, &'static str> {
        let words: Vec<_> = rest.split_whitespace().collect();
        let named = |room: &str| Some(room.to_owned());
        Ok(Some(match (verb, words.as_slice()) {
            ("allows", [whom]) => {
                let whom = (*whom).to_owned();
                (Self::Allows { whom }, None)
            }
            ("answers", [word]) => (Self::Answers { yes: yes(word)? }, None),
            ("answers", [word, "to", room]) => (Self::Answers { yes: yes(word)? }, named(room)),
            ("blocks", [whom]) => {
                let whom = (*whom).to_owned();
                (Self::Blocks { whom }, None)
            }
            ("creates", ["group", room]) => (Self::CreatesGroup { closed: false }, named(room)),
            ("creates", ["group", room, "by", "invitation"]) => {
                (Self::CreatesGroup { closed: true }, named(room))
            }
            ("declines", []) => (Self::Declines, None),
            ("declines", [room]) => (Self::Declines, named(room)),
            ("deletes", [room]) => (Self::Deletes, named(room)),
            ("hears", [word @ ("yes" | "no"), "from", by]) => {
                let (yes, by) = (yes(word)?, (*by).to_owned());
                (Self::Told { yes, by }, None)
            }
            ("invites", _) => invites(rest)?,
            ("is", words) => return is(words, rest),
            ("logs", ["out"]) => (Self::LogsOut, None),
            ("sees", ["nobody"]) => (Self::SeesNobody, None),
            ("sees", ["nobody", "in", room]) => (Self::SeesNobody, named(room)),
            ("writes", _) => (writes(rest)?, None),
            _ => return Ok(None),
        }))
    }
}

fn is(words: &[&str], rest: &str) -> Result<Option<Read>, &'static str> {
    let named = |room: &str| Some(room.to_owned());
    let asked = |by: &str| Deed::Asked { by: by.to_owned() };
    Ok(Some(match words {
        ["asked", "nothing"] => (Deed::NotAsked, None),
        ["asked", "by", by] => (asked(by), None),
        ["asked", "by", by, "no", "more"] => {
            let by = (*by).to_owned();
            (Deed::NoMore { by }, None)
        }
        ["asked", "by", by, "to", room] => (asked(by), named(room)),
        ["in", room, "leaving", "out", ..] => {
            let (_, list) = rest.split_once(" leaving out ").ok_or(LEFT_OUT)?;
            let left_out = list.split(',').map(left_out).collect::<Result<_, _>>()?;
            (Deed::InWithout { left_out }, named(room))
        }
        ["in", room, "welcomed", ..] => {
            let (_, note) = rest.split_once(" welcomed ").unwrap_or_default();
            let (note, _) = quoted(note)?;
            (Deed::Welcomed { note }, named(room))
        }
        ["online", "by", "imps", how @ ..] => (Deed::Online(device(how)?), None),
        ["refused", room, "with", code] => {
            let code = code.parse().map_err(|_| "refused with which code?")?;
            (Deed::RefusedRoom { code }, named(room))
        }
        _ => return Ok(None),
    }))
}

const LEFT_OUT: &str = "leaving out WHOM with CODE, ...";

fn left_out(text: &str) -> Result<(String, u16), &'static str> {
    let (who, code) = text.trim().split_once(" with ").ok_or(LEFT_OUT)?;
    let code = code.trim().parse().map_err(|_| LEFT_OUT)?;
    Ok((who.to_owned(), code))
}

fn yes(word: &str) -> Result<bool, &'static str> {
    match word {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("yes or no?"),
    }
}

fn invites(rest: &str) -> Result<Read, &'static str> {
    let (whom, room) = rest
        .rsplit_once(" to ")
        .ok_or("invites WHOM, ... to ROOM")?;
    let whom = names(whom);
    Ok((Deed::Invites { whom }, Some(room.trim().to_owned())))
}

fn writes(rest: &str) -> Result<Deed, &'static str> {
    let (text, rest) = quoted(rest)?;
    let to = rest.strip_prefix("to ").ok_or("writes to whom?")?;
    let to = to.trim().to_owned();
    Ok(Deed::Writes { text, to })
}

fn device(words: &[&str]) -> Result<Device, &'static str> {
    let mut device = Device::default();
    let mut rest = words;
    while !rest.is_empty() {
        rest = match rest {
            ["1.1", rest @ ..] => {
                device.version = Version::V1_1;
                rest
            }
            ["1.2", rest @ ..] => {
                device.version = Version::V1_2;
                rest
            }
            ["1.3", rest @ ..] => rest,
            ["xml", rest @ ..] => {
                device.encoding = Encoding::Xml;
                rest
            }
            ["wbxml", rest @ ..] => rest,
            ["polling", rest @ ..] => {
                device.attention = Attention::Polling;
                rest
            }
            ["cir", "tcp", rest @ ..] => rest,
            ["cir", "udp", rest @ ..] => {
                device.attention = Attention::Udp;
                rest
            }
            ["cir", "http", rest @ ..] => {
                device.attention = Attention::Http;
                rest
            }
            ["legacy", rest @ ..] => {
                device.legacy = true;
                rest
            }
            ["without", "notices", rest @ ..] => {
                device.without_notices = true;
                rest
            }
            _ => return Err("by imps how? 1.1 to 1.3, xml or wbxml, polling or cir, legacy"),
        };
    }
    Ok(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Read>, &'static str> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        Deed::read(verb, rest)
    }

    #[test]
    fn what_is_for_handsets() {
        let text = |text: &str| text.to_owned();
        let room = |name: &str| Some(name.to_owned());
        let chat = || room("chat");
        #[rustfmt::skip]
        let rows = [
            ("answers no to chat", Deed::Answers { yes: false }, chat()),
            ("is asked by alice to chat", Deed::Asked { by: text("alice") }, chat()),
            ("creates group book by invitation", Deed::CreatesGroup { closed: true }, room("book")),
            ("declines", Deed::Declines, None),
            ("is in chat leaving out dave with 410, erin with 546",
                Deed::InWithout { left_out: vec![(text("dave"), 410), (text("erin"), 546)] }, chat()),
            ("is in chat welcomed \"hello\"", Deed::Welcomed { note: text("hello") }, chat()),
            ("invites bob to book", Deed::Invites { whom: vec![text("bob")] }, room("book")),
            ("is refused chat with 410", Deed::RefusedRoom { code: 410 }, chat()),
            ("hears yes from bob", Deed::Told { yes: true, by: text("bob") }, None),
            ("writes \"hi\" to bob", Deed::Writes { text: text("hi"), to: text("bob") }, None),
        ];
        for (line, deed, room) in rows {
            assert_eq!(read(line), Ok(Some((deed, room))), "{line}");
        }
        for other in [
            "creates chat with bob",
            "declines with 486",
            "is in chat",
            "is refused with 486 \"102 too many participants\"",
            "hears \"yes\" from bob",
            "sees bob joined",
        ] {
            assert_eq!(read(other), Ok(None), "{other}");
        }
    }

    #[test]
    fn handsets_of_all_kinds() {
        let Ok(Some((Deed::Online(device), None))) = read("is online by imps") else {
            panic!("a handset");
        };
        assert_eq!(device, Device::default());
        let line = "is online by imps 1.1 xml polling legacy without notices";
        let want = Device {
            version: Version::V1_1,
            encoding: Encoding::Xml,
            attention: Attention::Polling,
            legacy: true,
            without_notices: true,
        };
        assert_eq!(read(line), Ok(Some((Deed::Online(want), None))));
        for wrong in [
            "is online by imps 1.4",
            "is online by imps cir sms",
            "is in chat leaving out dave",
            "answers perhaps",
            "writes \"hi\"",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
