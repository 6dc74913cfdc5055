//! A seeded network in virtual time.
//!
//! A [`Universe`] holds hosts by IP address and carries bytes between their sockets. Everything
//! that happens on the network is an event in one queue, ordered by time of arrival and then by
//! the order of sending; one task, the pump, waits for each and delivers it. Chance comes from the
//! seed. So two runs of one program under one seed are the same, and [`Universe::digest`] tells
//! whether they were.
//!
//! ```text
//!   socket ──send──▶ faults ──▶ schedule (time, sequence) ──pump──▶ socket ──wake──▶ reader
//!                    loss, delay,                            └────▶ trace, observers
//!                    duplicates
//! ```
//!
//! It takes a tokio runtime with one thread and a paused clock
//! (`#[tokio::test(start_paused = true)]`): time then moves on only when nobody has anything left
//! to do. `select!` must be `biased` there, or tokio's own dice come into it.
//!
//! ```
//! use std::time::Duration;
//! use world::{Batch, sim::{Faults, Universe}};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let universe = Universe::new(7);
//! universe.set_faults(Faults { latency: Duration::from_secs(3600), ..Faults::default() });
//! let (alice, bob) = (universe.host("10.0.0.1".parse()?), universe.host("10.0.0.2".parse()?));
//! let near = alice.net.bind_udp("10.0.0.1:5060".parse()?)?;
//! let far = bob.net.bind_udp("10.0.0.2:5060".parse()?)?;
//!
//! let begin = alice.clock.now();
//! near.try_send(far.local_addr()?, b"hello")?;
//! let mut batch = Batch::new();
//! far.recv(&mut batch).await?;
//! assert_eq!(alice.clock.now() - begin, Duration::from_secs(3600));
//! # Ok(())
//! # }
//! ```

mod connection;
mod datagram;
mod faults;
mod host;
mod listener;
mod schedule;
mod state;
mod stream;
mod trace;
mod universe;

pub use faults::{Connect, Faults};
pub use host::Machine;
pub use trace::{Delivery, Keep, Kind, Moment};
pub use universe::Universe;

pub(crate) use datagram::SimDatagrams;
pub(crate) use listener::SimListener;
pub(crate) use stream::SimStream;
