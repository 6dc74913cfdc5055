//! Events in words, for chat and send.

use client::{Event, Heard, Person};

/// An event as a line for a person; `None` if it is of no interest to one.
pub(crate) fn line(event: &Event) -> Option<String> {
    let line = match event {
        Event::Alerting { person, .. } => format!("* {} is being rung", name(person)),
        Event::Delivery {
            failure: Some(why), ..
        } => format!("! not delivered: {why}"),
        Event::Established {
            is_focus: true,
            identity,
            ..
        } => format!("* connected to {identity}"),
        Event::Established { .. } => "* connected".to_owned(),
        Event::Fault { why } => format!("! {why}"),
        Event::Invited {
            session,
            from,
            display,
            blocked,
            others,
            replaces,
            ..
        } => {
            let who = display.as_deref().unwrap_or(from);
            let mark = if *blocked { " [blocked]" } else { "" };
            let others = match others.len() {
                0 => String::new(),
                _ => format!(" with {}", others.join(", ")),
            };
            match replaces {
                // It is accepted already.
                Some(_) => format!("* {who}{mark} goes on with you{others} in a conference"),
                None => format!(
                    "* {who}{mark} invites you{others}: /accept {session} or /decline {session}"
                ),
            }
        }
        Event::Joined { person, .. } => format!("* {} joined", name(person)),
        Event::Left { person, .. } => format!("* {} left", name(person)),
        Event::Message(heard) => return said(heard),
        Event::Missed { count } => format!("! {count} events were lost"),
        Event::Offline { why } => format!("! no connection to the server: {why}"),
        Event::ReferProgress {
            status: Some(status),
            reason,
            ..
        } => format!("* the invitation: {status} {}", printable(reason)),
        Event::Replaced { by, .. } => format!("* it goes on in conversation {by}"),
        Event::Renamed { person, .. } => format!("* {} has a new name", name(person)),
        Event::Ringing { .. } => "* ringing".to_owned(),
        Event::SessionEnded { why, .. } => format!("* over: {why}"),
        Event::SubscriptionEnded { why, .. } if why != "we ended it" => {
            format!("* nobody tells any more who is here: {why}")
        }
        // Refused is followed by the end of the session, which says the same.
        _ => return None,
    };
    Some(line)
}

/// A message as a line; `None` for what is not for reading.
fn said(heard: &Heard) -> Option<String> {
    let media_type = heard
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !media_type.to_ascii_lowercase().starts_with("text/") {
        return None;
    }
    let who = heard
        .display
        .as_deref()
        .unwrap_or_else(|| short(&heard.from));
    let mark = if heard.blocked { " [blocked]" } else { "" };
    Some(format!(
        "{}{mark}: {}",
        printable(who),
        printable(&heard.text)
    ))
}

/// A participant, with what is to be known of them.
pub(crate) fn name(person: &Person) -> String {
    let mut name = printable(
        person
            .display
            .as_deref()
            .unwrap_or_else(|| short(&person.entity)),
    );
    if person.is_own {
        name.push_str(" (you)");
    }
    if person.blocked {
        name.push_str(" [blocked]");
    }
    name
}

/// The user part of an address.
fn short(address: &str) -> &str {
    let rest = address.split_once(':').map_or(address, |(_, rest)| rest);
    rest.split('@').next().unwrap_or(rest)
}

/// Text without what would steer a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .collect()
}

#[cfg(test)]
mod tests {
    use client::SessionId;

    use super::*;

    #[test]
    fn what_a_person_reads() {
        let person = |entity: &str, is_own, blocked| Person {
            entity: entity.to_owned(),
            display: None,
            is_own,
            blocked,
            presence: "joined",
        };
        let session = SessionId(1);
        let heard = |content_type: &str, text: &str| Heard {
            session: Some(session),
            from: "sip:bob@localhost".to_owned(),
            display: None,
            to: None,
            content_type: content_type.to_owned(),
            text: text.to_owned(),
            date_time: None,
            imdn_id: None,
            blocked: true,
        };
        let alice = person("sip:alice@localhost", true, false);
        let bob = person("sip:bob@localhost", false, true);
        for (event, want) in [
            (
                Event::Joined {
                    session,
                    person: alice,
                },
                Some("* alice (you) joined"),
            ),
            (
                Event::Left {
                    session,
                    person: bob,
                },
                Some("* bob [blocked] left"),
            ),
            (
                Event::Message(heard("text/plain", "a\x1b[2Jb")),
                Some("bob [blocked]: a[2Jb"),
            ),
            (
                Event::Message(heard("application/im-iscomposing+xml", "<x/>")),
                None,
            ),
            (Event::MediaUp { session }, None),
        ] {
            assert_eq!(line(&event).as_deref(), want);
        }
    }
}
