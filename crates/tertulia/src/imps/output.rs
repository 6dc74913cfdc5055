//! Events in words, for chat, and for watch without JSON.

use client::imps::{Event, Heard, Member, Presence};

use super::advice::{named, of_code};

/// An event as a line for a person; `None` if it is of no interest to one. `here`: the group in
/// which the conversation is, whose name needs not be said.
pub(super) fn line(event: &Event, here: Option<&str>) -> Option<String> {
    let line = match event {
        Event::Delivered { to, code, .. } if *code < 300 => {
            format!("* {} has it", shorts(to))
        }
        Event::Delivered { to, code, .. } => {
            let why = refusal(*code);
            format!("! not delivered to {}: {why}", shorts(to))
        }
        Event::Disconnected { code } => {
            format!("! the server has ended the session: {}", named(*code))
        }
        Event::Fault { why } => format!("! {why}"),
        Event::Message(heard) => return said(heard, here),
        Event::Missed { count } => format!("! {count} events were lost"),
        Event::Offline { why } => format!("! no session: {why}"),
        Event::Presence(seen) => format!("* {} {}", short(&seen.user), state(&seen.presence)),
        Event::PresenceAsked { user } => {
            format!("* {} wants to see whether you are there", short(user))
        }
        Event::SystemMessage { text, .. } => {
            format!("* the server says: {}", text.as_deref().unwrap_or_default())
        }
        // That a message waits is followed by the message.
        _ => return gathering(event, here),
    };
    Some(printable(&line))
}

/// Who comes together, and who does not.
fn gathering(event: &Event, here: Option<&str>) -> Option<String> {
    let line = match event {
        Event::Extended {
            group, left_out, ..
        } => {
            let mut line = format!("* it goes on in {}", short(group));
            for (who, code) in left_out {
                line.push_str(&format!(", without {}: {}", short(who), named(*code)));
            }
            line
        }
        Event::Extending { from, group, .. } => {
            let from = from.as_deref().map_or("somebody", short);
            format!("* {from} goes on with others in {}", short(group))
        }
        Event::GroupChanged {
            group,
            joined,
            left,
            ..
        } => return changed(group, joined, left, here),
        Event::InviteAnswered {
            from,
            accepted,
            note,
            ..
        } => {
            let from = from.as_deref().map_or("somebody", short);
            let answer = if *accepted { "accepts" } else { "declines" };
            format!("* {from} {answer} the invitation{}", quoted(note))
        }
        Event::InviteCancelled { from, .. } => {
            let from = from.as_deref().map_or("somebody", short);
            format!("* {from} invites no longer")
        }
        Event::Invited {
            from, group, note, ..
        } => {
            let from = from.as_deref().map_or("somebody", short);
            let group = group
                .as_deref()
                .map(|group| format!(" into {}", short(group)));
            let group = group.unwrap_or_default();
            format!("* {from} invites you{group}{}", quoted(note))
        }
        Event::Joined {
            group,
            members,
            welcome,
            ..
        } => {
            let who = names(members);
            let who = if who.is_empty() {
                who
            } else {
                format!(": {who}")
            };
            format!("* you are in {}{who}{}", short(group), quoted(welcome))
        }
        Event::NotExtended { code, .. } => {
            format!("! it stays a conversation of two: {}", refusal(*code))
        }
        Event::OutOfGroup { group, code } => {
            format!("* you are not in {}: {}", short(group), named(*code))
        }
        _ => return None,
    };
    Some(printable(&line))
}

/// A message as a line; `None` for what is not for reading.
fn said(heard: &Heard, here: Option<&str>) -> Option<String> {
    let media_type = heard.content_type.split(';').next().unwrap_or_default();
    if !media_type.trim().to_ascii_lowercase().starts_with("text/") {
        return None;
    }
    let user = heard.from.as_deref().map(short);
    let who = heard.screen_name.as_deref().or(user).unwrap_or("somebody");
    let elsewhere = heard.group.as_deref().filter(|group| !is_same(here, group));
    let place = match (elsewhere, heard.to_me && heard.group.is_some()) {
        (Some(group), true) => format!(" [{}, to you alone]", short(group)),
        (Some(group), false) => format!(" [{}]", short(group)),
        (None, true) => " [to you alone]".to_owned(),
        (None, false) => String::new(),
    };
    Some(printable(&format!("{who}{place}: {}", heard.text)))
}

fn changed(group: &str, joined: &[Member], left: &[Member], here: Option<&str>) -> Option<String> {
    let mut news = Vec::new();
    for (people, what) in [(joined, "joined"), (left, "left")] {
        if !people.is_empty() {
            news.push(format!("{} {what}", names(people)));
        }
    }
    if news.is_empty() {
        return None;
    }
    let mut line = format!("* {}", news.join(", "));
    if !is_same(here, group) {
        line.push_str(&format!(" [{}]", short(group)));
    }
    Some(printable(&line))
}

/// What is known of somebody.
pub(super) fn state(presence: &Presence) -> String {
    let mut state = match presence.online {
        Some(true) => "is there".to_owned(),
        Some(false) => "is away".to_owned(),
        None => "shows nothing of themselves".to_owned(),
    };
    let more = [
        &presence.availability,
        &presence.mood,
        &presence.status_text,
    ];
    for text in more.into_iter().flatten() {
        state.push_str(", ");
        state.push_str(text);
    }
    printable(&state)
}

/// Somebody in a group.
pub(super) fn name(member: &Member) -> String {
    let user = member.user.as_deref().map(short);
    let name = match user {
        Some(user) if user != member.screen_name => format!("{} ({user})", member.screen_name),
        Some(_) | None => member.screen_name.clone(),
    };
    printable(&name)
}

fn names(members: &[Member]) -> String {
    let names: Vec<String> = members.iter().map(name).collect();
    names.join(", ")
}

fn shorts(addresses: &[String]) -> String {
    let shorts: Vec<&str> = addresses.iter().map(|address| short(address)).collect();
    shorts.join(", ")
}

/// What people call a user or a group: the address without scheme and domain.
pub(super) fn short(address: &str) -> &str {
    let rest = address.split_once(':').map_or(address, |(_, rest)| rest);
    rest.split('@').next().unwrap_or(rest)
}

/// Is it the group? Letter case makes no difference in addresses.
pub(super) fn is_same(here: Option<&str>, group: &str) -> bool {
    here.is_some_and(|here| here.eq_ignore_ascii_case(group))
}

fn quoted(text: &Option<String>) -> String {
    match text.as_deref() {
        Some("") | None => String::new(),
        Some(text) => format!(", \"{text}\""),
    }
}

/// A refusal, and what to do about it.
fn refusal(code: u16) -> String {
    match of_code(code) {
        Some(advice) => format!("{}; {advice}", named(code)),
        None => named(code),
    }
}

/// Text without what would steer a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUB: &str = "wv:/club@localhost";

    fn heard(screen_name: Option<&str>, group: Option<&str>, to_me: bool) -> Event {
        Event::Message(Heard {
            from: screen_name.is_none().then(|| "wv:bob@localhost".to_owned()),
            screen_name: screen_name.map(str::to_owned),
            group: group.map(str::to_owned),
            to_me,
            content_type: "text/plain; charset=utf-8".to_owned(),
            text: "a\x1b[2Jb".to_owned(),
            ..Heard::default()
        })
    }

    #[test]
    fn who_says_what_where() {
        #[rustfmt::skip]
        let rows = [
            (heard(None, None, true),             None,                        "bob: a[2Jb"),
            (heard(Some("Bob"), Some(CLUB), false), None,                      "Bob [/club]: a[2Jb"),
            (heard(Some("Bob"), Some(CLUB), false), Some("wv:/Club@localhost"), "Bob: a[2Jb"),
            (heard(Some("Bob"), Some(CLUB), true),  None,       "Bob [/club, to you alone]: a[2Jb"),
            (heard(Some("Bob"), Some(CLUB), true),  Some(CLUB),        "Bob [to you alone]: a[2Jb"),
        ];
        for (event, here, want) in rows {
            assert_eq!(line(&event, here).as_deref(), Some(want));
        }
        let picture = Event::Message(Heard {
            content_type: "image/png".to_owned(),
            ..Heard::default()
        });
        assert_eq!(line(&picture, None), None);
    }

    #[test]
    fn what_a_person_reads() {
        let member = |name: &str, user: Option<&str>| Member {
            screen_name: name.to_owned(),
            user: user.map(str::to_owned),
        };
        let group = || CLUB.to_owned();
        let changed = |joined, left| Event::GroupChanged {
            group: group(),
            joined,
            left,
            properties: Vec::new(),
        };
        let id = String::new();
        let ann = member("Ann", Some("wv:alice@localhost"));
        #[rustfmt::skip]
        let rows = [
            (changed(vec![ann.clone()], vec![member("bob", None)]),
             Some("* Ann (alice) joined, bob left")),
            (changed(vec![], vec![]), None),
            (Event::Extended { id: id.clone(), group: group(), left_out: vec![("wv:dave".to_owned(), 546)] },
             Some("* it goes on in /club, without dave: 546 Recipient does not support the requested functionality")),
            (Event::NotExtended { id, code: 999 },
             Some("! it stays a conversation of two: 999")),
            (Event::Joined { group: group(), screen_name: None, members: vec![ann], welcome: Some("hello".to_owned()) },
             Some("* you are in /club: Ann (alice), \"hello\"")),
            (Event::Delivered { message_id: None, to: vec!["wv:bob@im.com".to_owned()], code: 538 },
             Some("! not delivered to bob: 538 Message has been rejected")),
            (Event::Online { session: String::new(), functions: Vec::new() }, None),
        ];
        for (event, want) in rows {
            assert_eq!(line(&event, Some(CLUB)).as_deref(), want);
        }
    }
}
