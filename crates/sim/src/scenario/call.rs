//! What people do with calls, in the words of a transcript: those of people with a phone, and
//! those that a handset has as well.

use super::parse::{is_name, quoted};
use super::{Act, Guest};

/// What somebody with a phone does, or what has to happen to them, beside the plain [`Act`]s.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Call {
    /// `calls WHOM directly [in ROOM]`: without a conference.
    Calls {
        /// Whom.
        whom: String,
    },
    /// `cannot go back to ROOM`: their client knows no such session, and sends nothing.
    CannotGoBack,
    /// `goes back to ROOM`: rejoins a session of which their client knows.
    GoesBack,
    /// `goes on in ROOM`: this session has taken the place of another.
    GoesOn,
    /// `refers A, hidden B to ROOM`: the conference is asked to invite them.
    Refers {
        /// Whom; a hidden guest is tagged bcc.
        whom: Vec<Guest>,
    },
    /// `removes WHOM [from ROOM]`: the conference is asked to let somebody go.
    Removes {
        /// Whom.
        whom: String,
    },
}

/// What somebody does, and in which conference.
type Read = (Act, Option<String>);

impl Call {
    /// Reads what follows a name, if it is about a call.
    pub(super) fn read(verb: &str, rest: &str) -> Result<Option<Read>, &'static str> {
        let words: Vec<_> = rest.split_whitespace().collect();
        let named = |room: &str| Some(room.to_owned());
        let calls = |whom: &str| {
            let whom = whom.to_owned();
            Act::Sip(Self::Calls { whom })
        };
        let removes = |whom: &str| {
            let whom = whom.to_owned();
            Act::Sip(Self::Removes { whom })
        };
        Ok(Some(match (verb, words.as_slice()) {
            ("calls", [whom, "directly"]) => (calls(whom), None),
            ("calls", [whom, "directly", "in", room]) => (calls(whom), named(room)),
            ("calls", _) => return Err("calls WHOM directly [in ROOM]"),
            ("cannot", ["go", "back", "to", room]) => (Act::Sip(Self::CannotGoBack), named(room)),
            ("creates", _) => creates(rest)?,
            ("extends", _) => extends(rest)?,
            ("goes", ["back", "to", room]) => (Act::Sip(Self::GoesBack), named(room)),
            ("goes", ["on", "in", room]) => (Act::Sip(Self::GoesOn), named(room)),
            ("goes", _) => return Err("goes back to ROOM, or on in ROOM"),
            ("joins", [room]) => (Act::Joins, named(room)),
            ("joins", _) => return Err("joins ROOM"),
            ("refers", _) => refers(rest)?,
            ("removes", [whom]) => (removes(whom), None),
            ("removes", [whom, "from", room]) => (removes(whom), named(room)),
            ("removes", _) => return Err("removes WHOM [from ROOM]"),
            _ => return Ok(None),
        }))
    }
}

fn creates(rest: &str) -> Result<Read, &'static str> {
    let (room, list) = rest.split_once(" with ").ok_or("creates what with whom?")?;
    let (list, audio) = match list.strip_suffix(" offering audio") {
        Some(list) => (list, true),
        None => (list, false),
    };
    let (list, hidden) = match list.strip_suffix(" anonymously") {
        Some(list) => (list, true),
        None => (list, false),
    };
    let act = Act::Creates {
        guests: guests(list),
        hidden,
        audio,
    };
    Ok((act, Some(room.to_owned())))
}

fn extends(rest: &str) -> Result<Read, &'static str> {
    const HOW: &str = "extends ROOM with PEER by WHOM, ...";
    let (rest, welcome) = match rest.split_once(" welcoming ") {
        Some((rest, note)) => (rest, Some(quoted(note)?.0)),
        None => (rest, None),
    };
    let (room, rest) = rest.split_once(" with ").ok_or(HOW)?;
    let (peer, others) = rest.split_once(" by ").ok_or(HOW)?;
    let act = Act::Extends {
        peer: peer.trim().to_owned(),
        others: names(others),
        welcome,
    };
    Ok((act, Some(room.trim().to_owned())))
}

fn refers(rest: &str) -> Result<Read, &'static str> {
    const HOW: &str = "refers WHOM, ... to ROOM";
    let (list, room) = rest.rsplit_once(" to ").ok_or(HOW)?;
    let whom = guests(list);
    if whom.is_empty() || !is_name(room) {
        return Err(HOW);
    }
    Ok((Act::Sip(Call::Refers { whom }), Some(room.to_owned())))
}

fn guests(list: &str) -> Vec<Guest> {
    let guest = |name: String| match name.strip_prefix("hidden ") {
        Some(name) => Guest {
            name: name.to_owned(),
            hidden: true,
        },
        None => Guest {
            name,
            hidden: false,
        },
    };
    names(list).into_iter().map(guest).collect()
}

/// The names of a list.
pub(super) fn names(list: &str) -> Vec<String> {
    let names = list.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Read>, &'static str> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        Call::read(verb, rest)
    }

    #[test]
    fn what_is_done_with_calls() {
        let text = |text: &str| text.to_owned();
        let room = |name: &str| Some(name.to_owned());
        let guest = |name: &str, hidden| Guest {
            name: name.to_owned(),
            hidden,
        };
        #[rustfmt::skip]
        let rows = [
            ("calls bob directly", Act::Sip(Call::Calls { whom: text("bob") }), None),
            ("calls bob directly in talk", Act::Sip(Call::Calls { whom: text("bob") }), room("talk")),
            ("cannot go back to chat", Act::Sip(Call::CannotGoBack), room("chat")),
            ("extends chat with bob by carol, dave welcoming \"to all by all\"",
                Act::Extends {
                    peer: text("bob"),
                    others: vec![text("carol"), text("dave")],
                    welcome: room("to all by all"),
                }, room("chat")),
            ("goes back to chat", Act::Sip(Call::GoesBack), room("chat")),
            ("goes on in chat", Act::Sip(Call::GoesOn), room("chat")),
            ("joins friends", Act::Joins, room("friends")),
            ("refers carol, hidden dave to chat",
                Act::Sip(Call::Refers { whom: vec![guest("carol", false), guest("dave", true)] }),
                room("chat")),
            ("removes bob", Act::Sip(Call::Removes { whom: text("bob") }), None),
            ("removes bob from chat", Act::Sip(Call::Removes { whom: text("bob") }), room("chat")),
        ];
        for (line, act, room) in rows {
            assert_eq!(read(line), Ok(Some((act, room))), "{line}");
        }
        for wrong in [
            "calls bob",
            "creates chat",
            "extends chat with bob",
            "goes home",
            "joins",
            "refers carol",
            "refers to chat",
            "removes bob in chat",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        for other in ["cannot say \"hello\"", "leaves chat"] {
            assert_eq!(read(other), Ok(None), "{other}");
        }
    }
}
