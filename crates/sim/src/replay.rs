//! A transcript in a universe of a seed, watched.

use std::io;
use std::time::Duration;

use world::sim::{Keep, Universe};

use crate::storm::{NAMES, Outcome, Tally, Trace};
use crate::watch::Breach;
use crate::{Scenario, Stage, play};

/// After this all is quiet: what nobody answers is given up after 64*T1.
const QUIET: Duration = Duration::from_secs(40);

/// Plays a scenario in a universe of this seed. A line that does not come true is a breach.
///
/// # Errors
///
/// When there is no runtime to play it in.
pub fn replay(scenario: &Scenario, seed: u64, trace: Trace) -> io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(run(scenario, seed, trace)))
}

async fn run(scenario: &Scenario, seed: u64, trace: Trace) -> Outcome {
    let universe = Universe::new(seed);
    universe.keep(match trace {
        Trace::Digest => Keep::Digest,
        Trace::Wire => Keep::All,
    });
    let mut breaches = Vec::new();
    let mut breach = |what: String| {
        breaches.push(Breach::day(universe.age(), "the scenario", what));
    };
    match Stage::simulated(universe.clone(), &scenario.settings, NAMES).await {
        Err(why) => breach(why),
        Ok(mut stage) => {
            if let Err(why) = play(scenario, &mut stage).await {
                breach(why);
            }
            universe.clock().sleep(QUIET).await;
            if stage.panicked() > 0 {
                breach(format!("{} tasks panicked", stage.panicked()));
            }
            breaches.append(&mut stage.verdict());
            stage.close().await;
        }
    }
    Outcome {
        digest: universe.digest(),
        tally: Tally::default(),
        breaches,
        acts: Vec::new(),
        trace: universe.trace(),
    }
}
