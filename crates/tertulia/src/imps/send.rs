//! `tertulia send --imps`: one message to users, contact lists and groups, and what became of it.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use client::imps::{Event, Failure, Saying, To};

use super::advice::{complain, named, of_code};
use super::phone::{self, Phone};
use crate::agent::{End, Who};

/// Sends the text to each of the people. `wait`: how long to wait until they have it.
pub(crate) fn send(who: &Who, people: &[String], text: &str, wait: Option<Duration>) -> ExitCode {
    phone::run(
        who,
        |config| config.relogin = false,
        async |mut phone| {
            if let Err(end) = phone.log_in().await {
                return end;
            }
            let mut end = End::Done;
            let mut sent = HashSet::new();
            for name in people {
                match say(&phone, name, text, wait.is_some()).await {
                    Ok(id) => {
                        sent.extend(id);
                    }
                    Err(failure) => {
                        let own = complain(&failure);
                        end = if end == End::Done { own } else { end };
                    }
                }
            }
            match (end, wait) {
                (End::Done, Some(wait)) => delivered(&mut phone, sent, wait).await,
                (end, _) => end,
            }
        },
    )
}

/// Sends the text to one of them. Returns the id of the message, if there will be a report on it.
async fn say(
    phone: &Phone,
    name: &str,
    text: &str,
    report: bool,
) -> Result<Option<String>, Failure> {
    let agent = &phone.agent;
    let to = phone.names.to(name);
    // What is said in a group is said by one who is in it, and nobody reports on it.
    let group = match &to {
        To::Group(group) => Some(group.clone()),
        _ => None,
    };
    if let Some(group) = &group {
        agent.join(group, None, false).await?;
    }
    let saying = Saying::text(to, text);
    let saying = match report && group.is_none() {
        true => saying.reported(),
        false => saying,
    };
    let id = agent.send(saying).await?;
    if let Some(group) = &group {
        agent.leave(group).await?;
    }
    Ok(Some(id).filter(|_| report && group.is_none()))
}

/// Waits until everything that was sent is reported on.
async fn delivered(phone: &mut Phone, mut sent: HashSet<String>, wait: Duration) -> End {
    let clock = phone.world.clock;
    let deadline = clock.now() + wait;
    let mut end = End::Done;
    while !sent.is_empty() {
        match clock.timeout_at(deadline, phone.events.recv()).await {
            Ok(Some(Event::Delivered {
                message_id: Some(id),
                to,
                code,
            })) => {
                if sent.remove(&id) && code >= 300 {
                    eprintln!("error: not delivered to {}: {}", to.join(", "), named(code));
                    if let Some(advice) = of_code(code) {
                        eprintln!("help: {advice}");
                    }
                    end = End::Refused;
                }
            }
            Ok(Some(Event::Disconnected { code })) => {
                return complain(&Failure::SessionLost { code });
            }
            Ok(Some(_)) => {}
            Ok(None) => return complain(&Failure::Stopped),
            Err(_) => {
                eprintln!("error: nobody has taken it; it waits for them at the server");
                return End::Nobody;
            }
        }
    }
    end
}
