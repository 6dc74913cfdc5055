//! What goes wrong in a transcript, and is well again.

use std::time::Duration;

use store::Disk;
use world::sim::Faults;

use crate::Stage;
use crate::stage::{NEIGHBOUR, bad_weather};

/// What goes wrong, or is well again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Misfortune {
    /// `WHO vanishes`: their host is switched off, and nobody is told.
    Vanishes,
    /// `the connections of WHO are reset`: all those to the server.
    Reset,
    /// `the way to b.example is cut`: nothing gets through between the two servers.
    LinkCut,
    /// `the way to b.example is free`.
    LinkFree,
    /// `the server crashes`.
    ServerCrashes,
    /// `the server restarts`: one that runs ends before, in good order.
    ServerRestarts,
    /// `the store is slow`, `the store is stuck`, `the store fails`, `the store recovers`.
    Store(Disk),
    /// `the way between WHO and the server is cut`.
    WayCut,
    /// `the way between WHO and the server is free`.
    WayFree,
    /// `the weather is bad`, `the weather is fine`: of the whole network.
    Weather {
        /// It is bad.
        bad: bool,
    },
}

/// How long a slow store takes for everything.
const SLOW: Duration = Duration::from_millis(300);

impl Misfortune {
    /// Reads what follows `the`: to whom it happens, and what.
    pub(super) fn read(rest: &str) -> Result<(String, Self), &'static str> {
        let words: Vec<_> = rest.split_whitespace().collect();
        let (who, what) = match words.as_slice() {
            ["server", "crashes"] => ("", Self::ServerCrashes),
            ["server", "restarts"] => ("", Self::ServerRestarts),
            ["server", ..] => return Err("the server crashes or restarts"),
            ["store", "is", "slow"] => ("", Self::Store(Disk::Slow { wait: SLOW })),
            ["store", "is", "stuck"] => ("", Self::Store(Disk::Stuck)),
            ["store", "fails"] => ("", Self::Store(Disk::Failing)),
            ["store", "recovers"] => ("", Self::Store(Disk::Well)),
            ["store", ..] => return Err("the store is slow, is stuck, fails or recovers"),
            ["way", "between", who, "and", "the", "server", "is", "cut"] => (*who, Self::WayCut),
            ["way", "between", who, "and", "the", "server", "is", "free"] => (*who, Self::WayFree),
            ["way", "to", NEIGHBOUR, "is", "cut"] => ("", Self::LinkCut),
            ["way", "to", NEIGHBOUR, "is", "free"] => ("", Self::LinkFree),
            ["way", "between", ..] => {
                return Err("the way between WHO and the server is cut or free");
            }
            ["way", ..] => return Err("the way between WHO and the server, or to b.example?"),
            ["connections", "of", who, "are", "reset"] => (*who, Self::Reset),
            ["connections", ..] => return Err("the connections of WHO are reset"),
            ["weather", "is", "bad"] => ("", Self::Weather { bad: true }),
            ["weather", "is", "fine"] => ("", Self::Weather { bad: false }),
            ["weather", ..] => return Err("the weather is bad or fine"),
            _ => return Err("the server, store, way, connections, weather or group?"),
        };
        Ok((who.to_owned(), what))
    }

    /// Has it happen.
    pub(super) async fn befall(self, who: &str, stage: &mut Stage) -> Result<(), String> {
        match self {
            Self::Vanishes => stage.vanish(who),
            Self::Reset => match stage.reset(who)? {
                0 => Err("there is no connection".to_owned()),
                _ => Ok(()),
            },
            Self::ServerCrashes => {
                stage.crash();
                Ok(())
            }
            Self::ServerRestarts => stage.restart().await,
            Self::Store(disk) => {
                stage.disk(disk);
                Ok(())
            }
            Self::LinkCut => stage.cut_link(),
            Self::LinkFree => stage.heal_link(),
            Self::WayCut => stage.cut(who),
            Self::WayFree => stage.heal(who),
            Self::Weather { bad: true } => stage.weather(bad_weather()),
            Self::Weather { bad: false } => stage.weather(Faults::default()),
        }
    }

    /// Whether it cannot be had over real sockets.
    pub(super) const fn needs_simulation(self) -> bool {
        match self {
            Self::ServerCrashes | Self::ServerRestarts => false,
            // A disk that fails fails anywhere; to wait for a slow one takes virtual time.
            Self::Store(disk) => !matches!(disk, Disk::Failing | Disk::Well),
            Self::LinkCut
            | Self::LinkFree
            | Self::Reset
            | Self::Vanishes
            | Self::WayCut
            | Self::WayFree
            | Self::Weather { .. } => true,
        }
    }
}
