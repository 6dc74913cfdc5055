//! Playing a transcript on a stage.

mod handset;
mod heard;
mod phone;
mod seen;

use std::collections::BTreeMap;
use std::time::Duration;

use server::Leftovers;

use super::{Act, Deed, Scenario, Step};
use crate::Stage;

use handset::Handset;
use phone::Phone;

/// How long what has to happen may take, in the time of the stage: longer than a lost 180 takes to
/// come again.
const PATIENCE: Duration = Duration::from_secs(100);

/// How long whoever hears nothing listens, in milliseconds.
const SILENCE_MS: u64 = 300;

/// Plays a scenario to its end.
///
/// # Errors
///
/// The first line that did not come true, and what happened instead.
pub async fn play(scenario: &Scenario, stage: &mut Stage) -> Result<(), String> {
    if scenario.neighbour {
        stage.meet_neighbour(&scenario.settings).await?;
    }
    for group in &scenario.groups {
        let made = stage.make_group(group);
        made.map_err(|why| format!("group {}: {why}", group.name))?;
    }
    let mut cast = Cast::default();
    for step in &scenario.steps {
        cast.take(step, stage)
            .await
            .map_err(|why| format!("line {}: {}: {why}", step.line, step.text))?;
    }
    cast.people.values().try_for_each(Person::has_no_complaint)
}

/// Everybody in the transcript.
#[derive(Default)]
struct Cast {
    people: BTreeMap<String, Person>,
    /// The groups of IMPS that have a name in it, by which each is known to everybody.
    groups: Groups,
    /// The IM Session Identities of sessions that have a name in it.
    sessions: Groups,
}

/// Groups, or sessions, by their names in the transcript.
type Groups = BTreeMap<String, String>;

/// Somebody in the transcript.
enum Person {
    Handset(Handset),
    Phone(Phone),
}

impl Cast {
    async fn take(&mut self, step: &Step, stage: &mut Stage) -> Result<(), String> {
        match &step.act {
            Act::After { seconds } => {
                stage.wait(seconds.saturating_mul(1000)).await;
                return Ok(());
            }
            Act::Befalls(misfortune) => return misfortune.befall(&step.who, stage).await,
            Act::Group(change) => {
                let group = step.room.as_deref().unwrap_or_default();
                return stage.change_group(group, change);
            }
            Act::NothingLeft => return nothing_left(stage).await,
            Act::Online { udp, factory } => {
                // What a client has stored, it has when it is started again.
                let known = match self.people.get_mut(&step.who) {
                    Some(Person::Phone(phone)) => phone.known(),
                    Some(Person::Handset(_)) | None => Vec::new(),
                };
                let change = |config: &mut client::Config| {
                    if let Some(factory) = factory {
                        factory.clone_into(&mut config.factory);
                    }
                    config.sessions.clone_from(&known);
                };
                let (agent, events) = stage.online(&step.who, *udp, change).await?;
                let phone = Phone::new(agent, events, known);
                return self.enter(&step.who, Person::Phone(phone));
            }
            Act::Imps(Deed::Online(device)) => {
                let (agent, events) = stage.handset(&step.who, *device).await?;
                let handset = Handset::new(&step.who, *device, agent, events);
                return self.enter(&step.who, Person::Handset(handset));
            }
            // Whoever hears nothing has to wait for it.
            Act::HearsNothing | Act::Imps(Deed::NotAsked | Deed::SeesNobody) => {
                stage.wait(SILENCE_MS).await
            }
            _ => {}
        }
        let room = step.room.as_deref();
        match self.people.get_mut(&step.who) {
            Some(Person::Phone(phone)) => phone.take(&step.act, room, &mut self.sessions).await,
            Some(Person::Handset(handset)) => handset.take(&step.act, room, &mut self.groups).await,
            None => Err("they are not online".to_owned()),
        }
    }

    /// Somebody is online. What was refused to them before is not forgotten.
    fn enter(&mut self, who: &str, person: Person) -> Result<(), String> {
        match self.people.insert(who.to_owned(), person) {
            Some(before) => before.has_no_complaint(),
            None => Ok(()),
        }
    }
}

impl Person {
    /// Whether every refusal was spoken of.
    fn has_no_complaint(&self) -> Result<(), String> {
        match self {
            Self::Handset(handset) => handset.has_no_complaint(),
            Self::Phone(phone) => phone.has_no_complaint(),
        }
    }
}

async fn nothing_left(stage: &Stage) -> Result<(), String> {
    // A BYE or NOTIFY to somebody who is gone is given up after 64*T1.
    for _ in 0..6000 {
        let left = [stage.leftovers().await, stage.leftovers_abroad().await];
        if left == [Leftovers::default(); 2] {
            return Ok(());
        }
        stage.wait(10).await;
    }
    let (here, there) = (stage.leftovers().await, stage.leftovers_abroad().await);
    Err(format!(
        "still there: {here:?}, and in the other domain: {there:?}"
    ))
}

/// A text of so many times 1000 bytes that shows where a part of it is missing.
fn long(kilobytes: usize) -> String {
    (0..kilobytes * 125)
        .map(|part| format!("{part:07} "))
        .collect()
}
