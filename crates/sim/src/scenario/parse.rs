//! Reading a transcript.

use super::group::{Group, GroupChange};
use super::{Act, Call, Deed, Misfortune, Scenario, Step};

/// A line that cannot be read: where, and why.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {why}: {text}")]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: &'static str,
    /// The line's text.
    pub text: String,
}

impl std::str::FromStr for Scenario {
    type Err = Mistake;

    /// Reads a transcript.
    ///
    /// # Errors
    ///
    /// The first [`Mistake`].
    fn from_str(text: &str) -> Result<Self, Mistake> {
        let mut scenario = Self {
            settings: Vec::new(),
            groups: Vec::new(),
            neighbour: false,
            steps: Vec::new(),
        };
        for (index, raw) in text.lines().enumerate() {
            let mistake = |why| Mistake {
                line: index + 1,
                why,
                text: raw.trim().to_owned(),
            };
            let line = raw.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(setting) = line.strip_prefix("set ") {
                if !scenario.steps.is_empty() {
                    return Err(mistake("settings stand before everything that happens"));
                }
                scenario.settings.push(setting.trim().to_owned());
                continue;
            }
            if let Some(group) = line.strip_prefix("group ") {
                if !scenario.steps.is_empty() {
                    return Err(mistake("groups stand before everything that happens"));
                }
                scenario.groups.push(Group::read(group).map_err(mistake)?);
                continue;
            }
            if line == "b.example is another domain" {
                scenario.neighbour = true;
                continue;
            }
            let (who, act, room) = step(line).map_err(mistake)?;
            scenario.steps.push(Step {
                line: index + 1,
                text: line.to_owned(),
                who,
                room,
                act,
            });
        }
        Ok(scenario)
    }
}

/// Who, what, and in which conference.
type Read = (String, Act, Option<String>);

fn step(line: &str) -> Result<Read, &'static str> {
    if line == "nothing is left" {
        return Ok((String::new(), Act::NothingLeft, None));
    }
    let (who, rest) = line.split_once(' ').ok_or("somebody has to do something")?;
    match who {
        "after" => {
            let seconds = rest.strip_suffix(" s").and_then(|n| n.trim().parse().ok());
            let seconds = seconds.ok_or("after how many s?")?;
            return Ok((String::new(), Act::After { seconds }, None));
        }
        "the" => {
            if let Some(group) = rest.strip_prefix("group ") {
                let (change, group) = GroupChange::read(group)?;
                return Ok((String::new(), Act::Group(change), Some(group)));
            }
            let (who, what) = Misfortune::read(rest)?;
            return Ok((who, Act::Befalls(what), None));
        }
        _ => {}
    }
    let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let (act, room) = does(verb, rest.trim())?;
    Ok((who.to_owned(), act, room))
}

/// What somebody does, and in which conference.
fn does(verb: &str, rest: &str) -> Result<(Act, Option<String>), &'static str> {
    if let Some((deed, room)) = Deed::read(verb, rest)? {
        return Ok((Act::Imps(deed), room));
    }
    if let Some(read) = Call::read(verb, rest)? {
        return Ok(read);
    }
    // "says WHAT in ROOM", but "leaves ROOM".
    let (within, room) = match rest.rsplit_once(" in ") {
        Some((before, room)) if is_name(room) => (before.trim(), Some(room.to_owned())),
        _ => (rest, None),
    };
    let named = (!rest.is_empty()).then(|| rest.to_owned());
    Ok(match verb {
        "is" => return is(rest),
        "accepts" => (Act::Accepts, named),
        "declines" => {
            let with = rest
                .strip_prefix("with ")
                .ok_or("declines with which status?")?;
            let status = status(with)?;
            (Act::Declines { status }, None)
        }
        "gives" if rest == "up" => (Act::GivesUp, None),
        "leaves" => (Act::Leaves, named),
        "vanishes" if rest.is_empty() => (Act::Befalls(Misfortune::Vanishes), None),
        "hears" => (hears(within)?, room),
        "says" => (says(within)?, room),
        "cannot" => {
            let text = within
                .strip_prefix("say ")
                .ok_or("people cannot say, and quote")?;
            let (text, rest) = quoted(text)?;
            let to = rest.strip_prefix("to ").map(str::to_owned);
            (Act::CannotSay { text, to }, room)
        }
        "sees" => (sees(within)?, room),
        _ => return Err("this verb is not known"),
    })
}

pub(super) fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '-')
}

fn is(rest: &str) -> Result<(Act, Option<String>), &'static str> {
    let words: Vec<_> = rest.split_whitespace().collect();
    let named = |room: &&str| Some((*room).to_owned());
    Ok(match words.as_slice() {
        ["online", rest @ ..] => (online(rest)?, None),
        ["invited", "by", by] => (invited(by), None),
        ["invited", "by", by, "to", room] => (invited(by), named(room)),
        ["back"] => (Act::Back, None),
        ["in"] => (Act::In, None),
        ["in", room] => (Act::In, named(room)),
        ["out"] => (Act::Out, None),
        ["out", "of", room] => (Act::Out, named(room)),
        ["refused", "with", code, ..] => {
            let warning = rest.find('"').and_then(|at| rest.get(at..));
            let act = Act::Refused {
                status: status(code)?,
                warning: warning.map(quoted).transpose()?.map(|(text, _)| text),
            };
            (act, None)
        }
        _ => return Err("is what? online, back, invited by, in, out, out of, refused with"),
    })
}

fn invited(by: &str) -> Act {
    Act::Invited {
        by: (by != "somebody").then(|| by.to_owned()),
    }
}

fn hears(what: &str) -> Result<Act, &'static str> {
    match what {
        "ringing" => return Ok(Act::Rings),
        "nothing" => return Ok(Act::HearsNothing),
        _ => {}
    }
    let from = |rest: &str| {
        let from = rest.trim().strip_prefix("from ");
        from.map(str::to_owned).ok_or("heard from whom?")
    };
    if let Some(long) = what.strip_prefix(LONG) {
        let (kilobytes, rest) = kilobytes(long)?;
        return Ok(Act::HearsLong {
            kilobytes,
            from: from(rest)?,
        });
    }
    let (text, rest) = quoted(what)?;
    Ok(Act::Hears {
        text,
        from: from(rest)?,
    })
}

fn says(what: &str) -> Result<Act, &'static str> {
    if let Some(long) = what.strip_prefix(LONG) {
        let (kilobytes, _) = kilobytes(long)?;
        return Ok(Act::SaysLong { kilobytes });
    }
    let (text, rest) = quoted(what)?;
    Ok(Act::Says {
        text,
        to: rest.strip_prefix("to ").map(str::to_owned),
    })
}

/// How a text begins that is not written out.
const LONG: &str = "a text of ";

/// The longest text that is not written out, in kilobytes.
const KILOBYTES_MAX: usize = 1000;

fn kilobytes(text: &str) -> Result<(usize, &str), &'static str> {
    let (number, rest) = text.split_once(" kB").ok_or("a text of how many kB?")?;
    let number = number.trim().parse().ok();
    let number = number.filter(|number| (1..=KILOBYTES_MAX).contains(number));
    Ok((number.ok_or("a long text has 1 to 1000 kB")?, rest))
}

fn online(words: &[&str]) -> Result<Act, &'static str> {
    let (udp, rest) = match words {
        ["over", "udp", rest @ ..] => (true, rest),
        ["over", "tcp", rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let factory = match rest {
        [] => None,
        ["factory", uri] => Some((*uri).to_owned()),
        _ => return Err("online how? over udp or tcp, factory URI"),
    };
    Ok(Act::Online { udp, factory })
}

fn sees(rest: &str) -> Result<Act, &'static str> {
    let (whom, presence) = rest.rsplit_once(' ').ok_or("sees whom how?")?;
    let presence = match presence {
        "joined" => "joined",
        "alerting" => "alerting",
        "left" => "left",
        _ => return Err("people are seen joined, alerting or left"),
    };
    Ok(Act::Sees {
        whom: whom.to_owned(),
        presence,
    })
}

fn status(text: &str) -> Result<u16, &'static str> {
    text.trim()
        .parse()
        .ok()
        .filter(|status| (300..1000).contains(status))
        .ok_or("a refusal has a status from 300 to 999")
}

/// A text in quotes, and what follows it.
pub(super) fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let inner = text
        .strip_prefix('"')
        .ok_or("what is said stands in quotes")?;
    let (said, rest) = inner.split_once('"').ok_or("a quote is not closed")?;
    Ok((said.to_owned(), rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::super::Guest;
    use super::*;

    #[test]
    fn a_transcript_is_read_line_by_line() {
        let text = "# a comment\nset focus.ring_s = 5\n\nalice is online over udp\n\
            alice creates chat with bob, hidden carol anonymously\nbob hears \"hi there\" from alice\n\
            alice is refused with 486 \"102 too many participants\"\nbob sees self joined\nnothing is left\n";
        let scenario: Scenario = text.parse().unwrap();
        assert_eq!(scenario.settings, ["focus.ring_s = 5"]);
        let lines: Vec<_> = scenario.steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [4, 5, 6, 7, 8, 9]);
        assert_eq!(
            scenario.steps[1].act,
            Act::Creates {
                guests: vec![
                    Guest {
                        name: "bob".to_owned(),
                        hidden: false
                    },
                    Guest {
                        name: "carol".to_owned(),
                        hidden: true
                    },
                ],
                hidden: true,
                audio: false,
            }
        );
        assert_eq!(scenario.steps[1].room.as_deref(), Some("chat"));
        assert_eq!(
            scenario.steps[3].act,
            Act::Refused {
                status: 486,
                warning: Some("102 too many participants".to_owned()),
            }
        );
    }

    #[test]
    fn a_line_may_name_its_conference_and_what_goes_wrong() {
        let befalls = |misfortune| Act::Befalls(misfortune);
        #[rustfmt::skip]
        let table = [
            ("bob is invited by alice to work", "bob", Act::Invited { by: Some("alice".to_owned()) }, Some("work")),
            ("bob is in work", "bob", Act::In, Some("work")),
            ("bob is in", "bob", Act::In, None),
            ("bob is out of work", "bob", Act::Out, Some("work")),
            ("bob leaves work", "bob", Act::Leaves, Some("work")),
            ("bob leaves", "bob", Act::Leaves, None),
            ("bob accepts work", "bob", Act::Accepts, Some("work")),
            ("bob hears nothing in work", "bob", Act::HearsNothing, Some("work")),
            ("bob says \"see you in paris\"", "bob", Act::Says { text: "see you in paris".to_owned(), to: None }, None),
            ("bob says \"a\" to eve in work", "bob", Act::Says { text: "a".to_owned(), to: Some("eve".to_owned()) }, Some("work")),
            ("bob hears \"a\" from eve in work", "bob", Act::Hears { text: "a".to_owned(), from: "eve".to_owned() }, Some("work")),
            ("bob says a text of 40 kB in work", "bob", Act::SaysLong { kilobytes: 40 }, Some("work")),
            ("bob hears a text of 40 kB from eve", "bob", Act::HearsLong { kilobytes: 40, from: "eve".to_owned() }, None),
            ("bob cannot say \"a\" in work", "bob", Act::CannotSay { text: "a".to_owned(), to: None }, Some("work")),
            ("after 30 s", "", Act::After { seconds: 30 }, None),
            ("bob vanishes", "bob", befalls(Misfortune::Vanishes), None),
            ("the connections of bob are reset", "bob", befalls(Misfortune::Reset), None),
            ("the way between bob and the server is cut", "bob", befalls(Misfortune::WayCut), None),
            ("the way between bob and the server is free", "bob", befalls(Misfortune::WayFree), None),
            ("the way to b.example is cut", "", befalls(Misfortune::LinkCut), None),
            ("the way to b.example is free", "", befalls(Misfortune::LinkFree), None),
            ("the server crashes", "", befalls(Misfortune::ServerCrashes), None),
            ("the weather is bad", "", befalls(Misfortune::Weather { bad: true }), None),
            ("the store is stuck", "", befalls(Misfortune::Store(store::Disk::Stuck)), None),
        ];
        for (line, who, act, room) in table {
            let scenario: Scenario = line.parse().unwrap();
            let step = &scenario.steps[0];
            let got = (step.who.as_str(), &step.act, step.room.as_deref());
            assert_eq!(got, (who, &act, room), "{line}");
        }
    }

    #[test]
    fn a_mistake_gives_line_and_reason() {
        for (text, line, why) in [
            ("alice", 1, "somebody has to do something"),
            ("\nalice dances", 2, "this verb is not known"),
            (
                "alice leaves\nset a = b",
                2,
                "settings stand before everything that happens",
            ),
            (
                "bob declines with 99",
                1,
                "a refusal has a status from 300 to 999",
            ),
            ("bob says hi", 1, "what is said stands in quotes"),
            ("bob says \"hi", 1, "a quote is not closed"),
            (
                "bob sees alice dancing",
                1,
                "people are seen joined, alerting or left",
            ),
            ("the server sings", 1, "the server crashes or restarts"),
            (
                "the store explodes",
                1,
                "the store is slow, is stuck, fails or recovers",
            ),
            (
                "the way between bob and alice is cut",
                1,
                "the way between WHO and the server is cut or free",
            ),
            (
                "the way to a.example is cut",
                1,
                "the way between WHO and the server, or to b.example?",
            ),
            (
                "the moon rises",
                1,
                "the server, store, way, connections, weather or group?",
            ),
            ("after a while", 1, "after how many s?"),
            (
                "alice leaves\ngroup a for everybody",
                2,
                "groups stand before everything that happens",
            ),
            ("bob says a text of 0 kB", 1, "a long text has 1 to 1000 kB"),
            ("bob cannot dance", 1, "people cannot say, and quote"),
        ] {
            let mistake = text.parse::<Scenario>().unwrap_err();
            assert_eq!((mistake.line, mistake.why), (line, why), "{text}");
        }
    }
}
