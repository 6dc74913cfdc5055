//! `tertulia send`: one message to some people, and what became of it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use client::{Event, Failure, Options, Saying, SessionId};

use crate::agent::{Client, End, Who};
use crate::imps;

/// Invites the people, says the text once one of them has joined, and leaves. Over IMPS the text
/// is sent to each of them, or said in the groups that are named.
#[derive(Args)]
#[command(after_help = End::HELP)]
pub(crate) struct Send {
    #[command(flatten)]
    who: Who,
    /// How long somebody may take to join, in seconds; with --report, to have the text.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
    /// Wait until the text is delivered, and say so.
    #[arg(long, requires = "imps", help_heading = imps::HEADING)]
    report: bool,
    /// To whom; cc:NAME and bcc:NAME say how visibly. Over IMPS also a group such as /lobby.
    #[arg(value_name = "WHO", required = true)]
    people: Vec<String>,
    /// What to say, after two dashes.
    #[arg(last = true, required = true, value_name = "TEXT")]
    text: Vec<String>,
}

impl Send {
    pub(crate) fn run(self) -> ExitCode {
        if self.who.handset.imps {
            let wait = self.report.then(|| Duration::from_secs(self.wait));
            return imps::send(&self.who, &self.people, &self.text.join(" "), wait);
        }
        self.who.run(|client| self.send(client))
    }

    async fn send(&self, mut client: Client) -> End {
        if let Err(end) = client.register().await {
            return end;
        }
        let people = client.guests(self.people.iter().map(String::as_str));
        let invitee = client::Invitee::Guests(people);
        let invited = client.agent.invite(invitee, Options::default()).await;
        let session = match invited {
            Ok(session) => session,
            Err(failure) => return complain(&failure),
        };
        let clock = client.world.clock;
        let deadline = clock.now() + Duration::from_secs(self.wait);
        let joined = joined(&mut client, session);
        match clock.timeout_at(deadline, joined).await {
            Ok(Ok(())) => {}
            Ok(Err(end)) => return end,
            Err(_) => {
                eprintln!("error: nobody joined");
                return End::Nobody;
            }
        }
        let text = self.text.join(" ");
        match client.agent.send(session, Saying::text(&text)).await {
            Ok(_) => End::Done,
            Err(failure) => complain(&failure),
        }
        // The agent leaves the session as it stops.
    }
}

/// Waits until something can be said and somebody is there to hear it.
async fn joined(client: &mut Client, session: SessionId) -> Result<(), End> {
    let (mut is_up, mut is_somebody) = (false, false);
    while !(is_up && is_somebody) {
        let Some(event) = client.events.recv().await else {
            return Err(End::Network);
        };
        match event {
            Event::MediaUp { session: of } if of == session => is_up = true,
            // With one other person there is nobody else to wait for.
            Event::Established {
                session: of,
                is_focus: false,
                ..
            } if of == session => {
                is_somebody = true;
            }
            Event::Joined {
                session: of,
                person,
            } if of == session && !person.is_own => {
                is_somebody = true;
            }
            Event::Refused {
                session: of,
                refused,
            } if of == session => {
                return Err(complain(&Failure::Refused(refused)));
            }
            Event::SessionEnded { session: of, why } if of == session => {
                eprintln!("error: {why}");
                return Err(End::Nobody);
            }
            _ => {}
        }
    }
    Ok(())
}

fn complain(failure: &Failure) -> End {
    eprintln!("error: {failure}");
    End::of(failure)
}
