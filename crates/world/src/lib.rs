//! The outside, as one value: network, clock, chance, names and tasks.
//!
//! Server and client are handed a [`World`] at start and reach everything outside through it.
//! [`World::os`] is the machine they run on. A [`sim::Universe`] makes worlds whose network is a
//! seeded simulation in virtual time: the same seed gives the same run, byte for byte.
//!
//! The seam is bytes: a datagram socket with batches, a listener, a stream. TLS and WebSocket
//! stand above it.

#![forbid(unsafe_code)]

mod alarm;
mod clock;
mod dns;
mod net;
mod rng;
pub mod sim;
mod tasks;

pub use alarm::Alarm;
pub use clock::{Clock, Elapsed};
pub use dns::{Dns, NameServer, Naptr, Records, Resolver, Srv, Table};
pub use net::{
    BATCH_MAX, Batch, DATAGRAM_MAX, Datagram, Datagrams, Listener, Net, READ_MAX, Stream,
};
pub use rng::Rng;
pub use tasks::Tasks;

/// Everything a program of ours can reach outside itself.
///
/// The value made by [`World::os`] or [`sim::Universe::host`] owns its tasks: dropping it aborts
/// them all. A clone can do everything else, and keeps nothing alive (see [`Tasks`]), so tasks
/// may hold clones freely.
#[derive(Clone, Debug)]
pub struct World {
    /// Sockets.
    pub net: Net,
    /// What time it is, and waiting.
    pub clock: Clock,
    /// Chance. Cloning it forks it: no two values draw the same numbers.
    pub rng: Rng,
    /// Names to addresses.
    pub dns: Dns,
    /// What runs here.
    pub tasks: Tasks,
}

impl World {
    /// The machine this process runs on.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its I/O and time drivers on, and on a machine whose kernel
    /// gives no random bytes: nothing of ours may run on guessable chance.
    #[must_use]
    pub fn os() -> Self {
        Self {
            net: Net::Os,
            clock: Clock::Os,
            rng: Rng::from_os(),
            dns: Dns::of_system(),
            tasks: Tasks::os(),
        }
    }
}
