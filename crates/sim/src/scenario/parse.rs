//! Reading a transcript.

use super::{Act, Guest, Scenario, Step};

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
            let (who, act) = step(line).map_err(mistake)?;
            scenario.steps.push(Step {
                line: index + 1,
                text: line.to_owned(),
                who,
                act,
            });
        }
        Ok(scenario)
    }
}

fn step(line: &str) -> Result<(String, Act), &'static str> {
    if line == "nothing is left" {
        return Ok((String::new(), Act::NothingLeft));
    }
    let (who, rest) = line.split_once(' ').ok_or("somebody has to do something")?;
    let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let rest = rest.trim();
    let act = match verb {
        "is" => is(rest)?,
        "creates" => creates(rest)?,
        "accepts" => Act::Accepts,
        "declines" => Act::Declines {
            status: status(
                rest.strip_prefix("with ")
                    .ok_or("declines with which status?")?,
            )?,
        },
        "gives" if rest == "up" => Act::GivesUp,
        "leaves" => Act::Leaves,
        "hears" if rest == "ringing" => Act::Rings,
        "hears" => {
            let (text, rest) = quoted(rest)?;
            let from = rest.strip_prefix("from ").ok_or("heard from whom?")?;
            Act::Hears {
                text,
                from: from.to_owned(),
            }
        }
        "says" => {
            let (text, rest) = quoted(rest)?;
            Act::Says {
                text,
                to: rest.strip_prefix("to ").map(str::to_owned),
            }
        }
        "sees" => sees(rest)?,
        _ => return Err("this verb is not known"),
    };
    Ok((who.to_owned(), act))
}

fn is(rest: &str) -> Result<Act, &'static str> {
    let words: Vec<_> = rest.split_whitespace().collect();
    Ok(match words.as_slice() {
        ["online", rest @ ..] => online(rest)?,
        ["invited", "by", "somebody"] => Act::Invited { by: None },
        ["invited", "by", by] => Act::Invited {
            by: Some((*by).to_owned()),
        },
        ["in"] => Act::In,
        ["out"] => Act::Out,
        ["refused", "with", code, ..] => {
            let warning = rest.find('"').and_then(|at| rest.get(at..));
            Act::Refused {
                status: status(code)?,
                warning: warning.map(quoted).transpose()?.map(|(text, _)| text),
            }
        }
        _ => return Err("is what? online, invited by, in, out, refused with"),
    })
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

fn creates(rest: &str) -> Result<Act, &'static str> {
    let (room, guests) = rest.split_once(" with ").ok_or("creates what with whom?")?;
    let (guests, audio) = match guests.strip_suffix(" offering audio") {
        Some(guests) => (guests, true),
        None => (guests, false),
    };
    let (guests, hidden) = match guests.strip_suffix(" anonymously") {
        Some(guests) => (guests, true),
        None => (guests, false),
    };
    let guests = guests
        .split(',')
        .map(str::trim)
        .filter(|guest| !guest.is_empty())
        .map(|guest| match guest.strip_prefix("hidden ") {
            Some(name) => Guest {
                name: name.to_owned(),
                hidden: true,
            },
            None => Guest {
                name: guest.to_owned(),
                hidden: false,
            },
        })
        .collect();
    Ok(Act::Creates {
        room: room.to_owned(),
        guests,
        hidden,
        audio,
    })
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
        .filter(|status| (300..700).contains(status))
        .ok_or("a refusal has a status from 300 to 699")
}

/// A text in quotes, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let inner = text
        .strip_prefix('"')
        .ok_or("what is said stands in quotes")?;
    let (said, rest) = inner.split_once('"').ok_or("a quote is not closed")?;
    Ok((said.to_owned(), rest.trim()))
}

#[cfg(test)]
mod tests {
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
                room: "chat".to_owned(),
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
        assert_eq!(
            scenario.steps[3].act,
            Act::Refused {
                status: 486,
                warning: Some("102 too many participants".to_owned()),
            }
        );
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
                "a refusal has a status from 300 to 699",
            ),
            ("bob says hi", 1, "what is said stands in quotes"),
            ("bob says \"hi", 1, "a quote is not closed"),
            (
                "bob sees alice dancing",
                1,
                "people are seen joined, alerting or left",
            ),
        ] {
            let mistake = text.parse::<Scenario>().unwrap_err();
            assert_eq!((mistake.line, mistake.why), (line, why), "{text}");
        }
    }
}
