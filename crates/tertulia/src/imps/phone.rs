//! An agent at work.

use std::process::ExitCode;

use client::imps::{Agent, Config, Events, Failure};
use world::World;

use super::advice::complain;
use super::names::Names;
use crate::agent::{self, End, PATIENCE, Who, block_on};

/// An agent at work, and what it tells.
pub(super) struct Phone {
    pub(super) agent: Agent,
    pub(super) events: Events,
    pub(super) world: World,
    pub(super) names: Names,
}

/// Runs `work` with an agent of this user, and stops the agent after it. `change`: what is special
/// about this verb.
pub(super) fn run<F>(
    who: &Who,
    change: impl FnOnce(&mut Config),
    work: impl FnOnce(Phone) -> F,
) -> ExitCode
where
    F: Future<Output = End>,
{
    let config = who.start_log().and_then(|()| who.handset.config(who));
    let mut config = match config {
        Ok(config) => config,
        Err(why) => return agent::complain(&why, End::Usage),
    };
    change(&mut config);
    let me = config.user.clone();
    block_on(async {
        let world = World::os();
        let (agent, events) = match Agent::start(&world, config) {
            Ok(started) => started,
            Err(error) => {
                eprintln!("error: cannot be {me}: {error}");
                return End::Usage;
            }
        };
        let phone = Phone {
            agent: agent.clone(),
            events,
            world: world.clone(),
            names: Names {
                me,
                domain: who.domain.clone(),
            },
        };
        let end = work(phone).await;
        agent.stop().await;
        end
    })
}

impl Phone {
    /// Logs in; the error is what to end with.
    pub(super) async fn log_in(&self) -> Result<(), End> {
        let login = self.agent.login();
        let failure = match self.world.clock.timeout(PATIENCE, login).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Network {
                why: format!("nothing for {} seconds", PATIENCE.as_secs()),
            },
        };
        Err(complain(&failure))
    }
}
