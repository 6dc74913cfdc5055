//! What happens to somebody with a handset, and which line speaks of it.

use client::imps::{Event, Heard, Member};

use super::super::{Act, Deed};
use super::handset::address;
use super::long;

/// What a line speaks of.
pub(super) struct Wanted<'a> {
    pub(super) act: &'a Act,
    /// The group that the line names, if anybody knows it.
    pub(super) group: Option<String>,
    /// The conversation that is to go on there, by the id of the request.
    pub(super) extension: Option<String>,
}

impl Wanted<'_> {
    /// Whether the line speaks of this.
    pub(super) fn is(&self, event: &Event) -> bool {
        if let (Some(group), Some(of)) = (self.group.as_deref(), group_of(event))
            && group != of
        {
            return false;
        }
        match (self.act, event) {
            (Act::Imps(deed), event) => self.is_deed(deed, event),
            (Act::Back, Event::Online { .. }) => true,
            (Act::In, Event::Extended { id, left_out, .. }) => {
                left_out.is_empty() && self.is_extension(id)
            }
            (Act::In, Event::Joined { .. }) => true,
            (Act::Out, Event::OutOfGroup { .. }) => true,
            (Act::Invited { by }, Event::Invited { kind, from, .. }) => {
                kind == "GR" && by.as_deref().is_none_or(|by| is(from.as_deref(), by))
            }
            (Act::Hears { text, from }, Event::Message(heard)) => {
                heard.text == *text && is_said_by(heard, from)
            }
            (Act::HearsLong { kilobytes, from }, Event::Message(heard)) => {
                heard.text == long(*kilobytes) && is_said_by(heard, from)
            }
            (Act::Sees { whom, presence }, Event::GroupChanged { joined, left, .. }) => {
                let seen = if *presence == "joined" { joined } else { left };
                // Who leaves is told by the screen name alone.
                seen.iter()
                    .any(|member| is(member.user.as_deref(), whom) || member.screen_name == *whom)
            }
            _ => false,
        }
    }

    fn is_deed(&self, deed: &Deed, event: &Event) -> bool {
        match (deed, event) {
            (Deed::Asked { by }, Event::Extending { from, .. }) => is(from.as_deref(), by),
            (
                Deed::InWithout { left_out },
                Event::Extended {
                    id, left_out: told, ..
                },
            ) => {
                let mut named: Vec<_> = left_out
                    .iter()
                    .map(|(who, code)| (address(who), *code))
                    .collect();
                let mut told = told.clone();
                named.sort();
                told.sort();
                named == told && self.is_extension(id)
            }
            (Deed::NoMore { by }, Event::InviteCancelled { from, .. }) => is(from.as_deref(), by),
            (Deed::RefusedRoom { code }, Event::NotExtended { id, code: told }) => {
                code == told && self.is_extension(id)
            }
            (Deed::Told { yes, by }, Event::InviteAnswered { from, accepted, .. }) => {
                yes == accepted && is(from.as_deref(), by)
            }
            (Deed::Welcomed { note }, Event::Joined { welcome, .. }) => {
                welcome.as_ref() == Some(note)
            }
            _ => false,
        }
    }

    /// Whether it is about the conversation for which this person has asked by the name of the
    /// group.
    fn is_extension(&self, id: &str) -> bool {
        self.extension.as_deref() == Some(id)
    }
}

fn is(who: Option<&str>, name: &str) -> bool {
    who == Some(address(name).as_str())
}

/// In a group people are known by their screen names, which are those of the transcript.
fn is_said_by(heard: &Heard, name: &str) -> bool {
    is(heard.from.as_deref(), name) || heard.screen_name.as_deref() == Some(name)
}

/// Whether it may be a group that nobody has named before.
pub(super) fn names_group(act: &Act) -> bool {
    match act {
        Act::In | Act::Invited { .. } => true,
        Act::Imps(deed) => matches!(
            deed,
            Deed::Asked { .. } | Deed::InWithout { .. } | Deed::Welcomed { .. }
        ),
        _ => false,
    }
}

/// The group that something happened in.
pub(super) fn group_of(event: &Event) -> Option<&str> {
    match event {
        Event::Extended { group, .. }
        | Event::Extending { group, .. }
        | Event::GroupChanged { group, .. }
        | Event::Joined { group, .. }
        | Event::OutOfGroup { group, .. } => Some(group),
        Event::Invited { group, .. } => group.as_deref(),
        Event::Message(heard) => heard.group.as_deref(),
        _ => None,
    }
}

/// An event as several, each of which a line can speak of: who comes and goes is told of many at
/// once.
pub(super) fn each(event: Event) -> Vec<Event> {
    let Event::GroupChanged {
        group,
        joined,
        left,
        properties,
    } = event
    else {
        return vec![event];
    };
    let change = |joined: Vec<Member>, left: Vec<Member>| Event::GroupChanged {
        group: group.clone(),
        joined,
        left,
        properties: Vec::new(),
    };
    let joined = joined.into_iter().map(|one| change(vec![one], Vec::new()));
    let left = left.into_iter().map(|one| change(Vec::new(), vec![one]));
    let mut all: Vec<_> = joined.chain(left).collect();
    if !properties.is_empty() {
        all.push(Event::GroupChanged {
            group: group.clone(),
            joined: Vec::new(),
            left: Vec::new(),
            properties,
        });
    }
    all
}
