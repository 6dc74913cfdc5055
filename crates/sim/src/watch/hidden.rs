//! Nobody learns who a hidden person is.
//!
//! A person is hidden in a conference by their own Privacy, or by a list of recipients that calls
//! them bcc. What tells of them is their user name, the address of their host, and what their
//! device made up for its call: tags, session ids, the Call-ID.

use std::collections::BTreeSet;
use std::net::IpAddr;

use bytes::Bytes;
use memchr::memmem::Finder;
use sip::Name;
use sip::multipart::{self, BodyHeaders};
use xdm::resource_lists::{self, CopyControl, Limits};

use super::breach::{Breach, Rule};
use super::day::Day;
use super::signal::Signal;
use super::wire::{Heard, Stamp, What};

/// Who is hidden where.
#[derive(Debug, Default)]
pub(super) struct Veils(Vec<Veil>);

/// One person is hidden in one conference, or in all.
#[derive(Debug)]
struct Veil {
    room: Option<String>,
    person: String,
    since: Stamp,
    /// Who may know, because they named the person.
    inviter: Option<String>,
}

/// What one person must not see.
struct Secret<'a> {
    veil: &'a Veil,
    traces: Vec<Finder<'a>>,
}

/// Looks into everything the server sends to anybody else in the same conference.
pub(super) fn check(day: &Day<'_>, veils: &Veils, breaches: &mut Vec<Breach>) {
    if veils.0.is_empty() {
        return;
    }
    let addresses: Vec<(IpAddr, String)> = day
        .facts
        .people
        .keys()
        .map(|ip| (*ip, ip.to_string()))
        .collect();
    let secrets: Vec<Secret<'_>> = veils
        .0
        .iter()
        .map(|veil| Secret::of(veil, day, &addresses))
        .collect();
    // Who has been told while it was no secret yet, and whose breach is known.
    let mut aware: BTreeSet<(usize, String)> = BTreeSet::new();
    for heard in day.heard.iter().filter(|h| h.from.ip() == day.facts.server) {
        let who = recipient(day, heard);
        let room = room_of(day, heard);
        for (at, secret) in secrets.iter().enumerate() {
            let concerns = secret.veil.room.is_none() || secret.veil.room.as_deref() == room;
            if !concerns || secret.may_see(day, &who) || aware.contains(&(at, who.clone())) {
                continue;
            }
            let Some(trace) = secret.betrayed_by(heard) else {
                continue;
            };
            aware.insert((at, who.clone()));
            if heard.sent >= secret.veil.since {
                breaches.push(Breach {
                    rule: Rule::Hidden,
                    at: heard.sent.at,
                    who: who.clone(),
                    what: format!(
                        "is sent '{trace}' of {}, who is hidden, in {}",
                        secret.veil.person,
                        title(heard)
                    ),
                });
            }
        }
    }
}

impl Veils {
    pub(super) fn of(day: &Day<'_>) -> Self {
        let mut veils: Vec<Veil> = day
            .facts
            .hidden
            .iter()
            .map(|(person, since)| Veil {
                room: None,
                person: person.clone(),
                since: Stamp {
                    at: *since,
                    number: 0,
                },
                inviter: None,
            })
            .collect();
        for leg in &day.legs {
            if let (Some(since), Some(_)) = (leg.hidden, &leg.room) {
                veils.push(Veil {
                    room: leg.room.clone(),
                    person: leg.person.clone(),
                    since,
                    inviter: None,
                });
            }
        }
        let invitations = day.signals.iter().filter(|s| is_invitation(s));
        for signal in invitations {
            let Some(leg) = day.leg_of(signal).filter(|leg| leg.room.is_some()) else {
                continue;
            };
            veils.extend(hidden_guests(signal).into_iter().map(|person| Veil {
                room: leg.room.clone(),
                person,
                since: signal.sent,
                inviter: Some(leg.person.clone()),
            }));
        }
        Self(veils)
    }

    /// How many people are hidden in a conference, as far as known.
    pub(super) fn count(&self, room: &str) -> usize {
        let here = self.0.iter().filter(|veil| veil.covers(room));
        here.map(|veil| &veil.person).collect::<BTreeSet<_>>().len()
    }

    /// Whether somebody was hidden in a conference at any time.
    pub(super) fn is_hidden(&self, room: &str, person: &str) -> bool {
        self.0
            .iter()
            .filter(|veil| veil.covers(room))
            .any(|veil| veil.person == person)
    }
}

impl Veil {
    fn covers(&self, room: &str) -> bool {
        self.room.as_deref().is_none_or(|at| at == room)
    }
}

fn is_invitation(signal: &Signal<'_>) -> bool {
    !signal.from_server && signal.asks("INVITE") && signal.to_tag.is_empty()
}

/// Whom the list of recipients hides.
fn hidden_guests(signal: &Signal<'_>) -> Vec<String> {
    let headers = BodyHeaders {
        content_type: signal.fields.raw(Name::ContentType).unwrap_or_default(),
        disposition: signal.fields.raw(Name::ContentDisposition),
        ..BodyHeaders::default()
    };
    let parts = multipart::parts(&headers, &signal.fields.body()).unwrap_or_default();
    let list = multipart::find(
        &parts,
        "application/resource-lists+xml",
        Some("recipient-list"),
    );
    let Some(Ok(lists)) = list.map(|part| resource_lists::read(&part.body, Limits::default()))
    else {
        return Vec::new();
    };
    lists
        .entries()
        .filter(|entry| entry.copy_control == Some(CopyControl::Bcc) || entry.anonymize)
        .map(|entry| entry.uri.clone())
        .collect()
}

impl<'a> Secret<'a> {
    fn of(veil: &'a Veil, day: &'a Day<'_>, addresses: &'a [(IpAddr, String)]) -> Self {
        let theirs = |ip: &IpAddr| day.facts.people.get(ip) == Some(&veil.person);
        let addresses = addresses.iter().filter(|(ip, _)| theirs(ip));
        let user = veil.person.split(['@', ':']).nth(1).unwrap_or(&veil.person);
        let legs = day.legs.iter().filter(|leg| {
            leg.person == veil.person && (veil.room.is_none() || veil.room == leg.room)
        });
        let traces = legs
            .flat_map(|leg| {
                leg.traces
                    .iter()
                    .map(String::as_str)
                    .chain([leg.call.as_str()])
            })
            .chain([user])
            .chain(addresses.map(|(_, text)| text.as_str()));
        Self {
            veil,
            traces: traces.map(Finder::new).collect(),
        }
    }

    fn may_see(&self, day: &Day<'_>, who: &str) -> bool {
        self.veil.inviter.as_deref() == Some(who) || day.facts.may_know(who, &self.veil.person)
    }

    /// What a message says of the person.
    fn betrayed_by(&self, heard: &Heard) -> Option<String> {
        let none = Bytes::new();
        let (head, body) = match &heard.what {
            What::Sip(message) => (message.fields().wire(), &none),
            What::Msrp(frame) => (frame.head.as_bytes(), &frame.body),
            What::Ended | What::Garbage(_) | What::Taken(_) => return None,
        };
        let trace = self
            .traces
            .iter()
            .find(|trace| has_token(head, trace) || has_token(body, trace))?;
        Some(String::from_utf8_lossy(trace.needle()).into_owned())
    }
}

/// Whether a word stands in a text by itself.
fn has_token(text: &[u8], word: &Finder<'_>) -> bool {
    let is_inside = |at: Option<usize>| {
        at.and_then(|at| text.get(at))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    word.find_iter(text)
        .any(|at| !is_inside(at.checked_sub(1)) && !is_inside(Some(at + word.needle().len())))
}

/// For whom a message of the server is. Behind the server of another domain there are several: each
/// is meant by what belongs to their call, or else is addressed to them.
fn recipient(day: &Day<'_>, heard: &Heard) -> String {
    let host = heard.to.ip();
    if let Some(who) = day.facts.people.get(&host) {
        return who.clone();
    }
    let party = match &heard.what {
        What::Msrp(frame) => {
            let at = day.leg_at(frame.head.from_path_text());
            let leg = at.and_then(|at| day.legs.get(at));
            leg.map(|leg| leg.person.clone())
        }
        What::Sip(_) => {
            let signal = Signal::of(heard, day.facts.server);
            signal.and_then(|signal| match day.leg_of(&signal) {
                Some(leg) => Some(leg.person.clone()),
                None => signal.other_end(),
            })
        }
        What::Ended | What::Garbage(_) | What::Taken(_) => None,
    };
    party.unwrap_or_else(|| day.facts.name(host))
}

/// The conference that a message of the server belongs to.
fn room_of<'a>(day: &'a Day<'_>, heard: &'a Heard) -> Option<&'a str> {
    match &heard.what {
        What::Sip(_) => {
            let signal = Signal::of(heard, day.facts.server)?;
            let leg = day.leg_of(&signal).and_then(|leg| leg.room.as_deref());
            leg.or_else(|| signal.focus())
        }
        What::Msrp(frame) => {
            let at = day.leg_at(frame.head.from_path_text())?;
            day.legs.get(at)?.room.as_deref()
        }
        What::Ended | What::Garbage(_) | What::Taken(_) => None,
    }
}

/// A message in a few words.
fn title(heard: &Heard) -> String {
    let (wire, end) = match &heard.what {
        What::Sip(message) => (message.fields().wire(), b'\r'),
        What::Msrp(frame) => (frame.head.as_bytes(), b'\r'),
        What::Ended | What::Garbage(_) | What::Taken(_) => return String::new(),
    };
    let line = wire.split(|byte| *byte == end).next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    fn judge(stage: &Stage) -> Vec<String> {
        stage.judge(|day, out| check(day, &Veils::of(day), out))
    }

    #[test]
    fn a_word_is_found_by_itself_only() {
        for (text, want) in [
            ("<sip:carol@h>", true),
            ("carol", true),
            ("carola", false),
            ("x-carol", false),
            ("a1carol carol", true),
        ] {
            let got = has_token(text.as_bytes(), &Finder::new("carol"));
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn what_the_others_are_told_must_not_betray_a_hidden_guest() {
        // (what stands in the message, whether that betrays carol)
        for (text, want) in [
            ("<sip:anonymous1@anonymous.invalid>", 0),
            ("<sip:carol@localhost>", 1),
            ("10.0.1.3", 1),
            ("10.0.1.33", 0),
            ("carol-session", 1),
            ("carol-tag", 1),
        ] {
            let mut stage = Stage::hiding("carol", &["alice", "bob", "carol"]);
            stage.hears("bob", "m1", "anonymous1", text);
            let found = judge(&stage);
            assert_eq!(found.len(), want, "{text}: {found:?}");
        }
    }

    #[test]
    fn the_inviter_and_the_guest_themselves_may_know() {
        let mut stage = Stage::hiding("carol", &["alice", "bob", "carol"]);
        for who in ["alice", "carol"] {
            stage.hears(who, "m1", "bob", "<sip:carol@localhost>");
        }
        assert_eq!(judge(&stage), [""; 0]);
    }

    #[test]
    fn behind_another_server_each_is_told_what_is_for_them() {
        for (who, want) in [("alice", 0), ("bob", 1), ("carol", 0)] {
            let mut stage = Stage::hiding("carol", &["alice", "bob", "carol"]);
            for name in ["alice", "bob", "carol"] {
                stage.is_elsewhere(name);
            }
            stage.notifies(who, "full", 0, &["carol"]);
            let found = judge(&stage);
            assert_eq!(found.len(), want, "{who}: {found:?}");
        }
    }

    #[test]
    fn who_is_hidden_by_the_day_is_hidden_everywhere() {
        let mut stage = Stage::conference(&["alice", "bob", "carol"]);
        stage.hears("bob", "m1", "alice", "<sip:carol@localhost>");
        assert_eq!(judge(&stage), [""; 0]);
        stage.hides("carol");
        stage.hears("alice", "m2", "bob", "<sip:carol@localhost>");
        let found = judge(&stage);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("alice@localhost: is sent 'carol'"),
            "{found:?}"
        );
    }
}
