//! `tertulia load baseline`: the least that a fan-out can cost, as a process of its own.
//!
//! A relay without a protocol: who connects says a number, `F` and so many octets is a message and
//! goes to all others with one write each, `A` and so many octets is an answer and is dropped.
//! Nothing is coalesced and nothing is understood. A server that coalesces can be cheaper.

use std::io::{self, IoSlice, Read};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, BytesMut};
use clap::Args;
use tokio::runtime;
use world::{Stream, World};

use super::super::arguments::Common;
use crate::complaint::{Complaint, Exit};
use crate::say;

/// Relays until its standard input ends.
#[derive(Args)]
pub(in super::super) struct Baseline {
    /// Of no use here: all verbs beside this one have them.
    #[command(flatten)]
    common: Common,
    /// Octets of a message, with the first.
    #[arg(long)]
    frame: usize,
    /// Octets of an answer, with the first.
    #[arg(long)]
    answer: usize,
}

type Members = Arc<Mutex<Vec<Arc<Member>>>>;

struct Member {
    stream: Stream,
    /// Held while a message is written that the socket did not take at once.
    writing: tokio::sync::Mutex<()>,
}

impl Baseline {
    pub(super) fn common(&self) -> Common {
        self.common.clone()
    }

    pub(super) fn run(&self) -> Result<Exit, Complaint> {
        let unable = |error: io::Error| Complaint::unable(format!("no baseline: {error}"), "");
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(unable)?;
        runtime.block_on(self.serve()).map_err(unable)?;
        Ok(Exit::Done)
    }

    async fn serve(&self) -> io::Result<()> {
        let world = World::os();
        let listener = world.net.listen(([127, 0, 0, 1], 0).into())?;
        say(&listener.local_addr()?.to_string());
        world.tasks.thread("parent", || {
            // Until the end, or an error, which is one too.
            let _end = io::stdin().read(&mut [0]);
            process::exit(0);
        })?;
        let members = Members::default();
        loop {
            let (stream, _) = listener.accept().await?;
            let member = Arc::new(Member {
                stream,
                writing: tokio::sync::Mutex::new(()),
            });
            list(&members).push(Arc::clone(&member));
            let relaying = relay(member, Arc::clone(&members), self.frame, self.answer);
            world.tasks.spawn("member", relaying);
        }
    }
}

fn list(members: &Members) -> MutexGuard<'_, Vec<Arc<Member>>> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn relay(member: Arc<Member>, members: Members, frame: usize, answer: usize) {
    let mut inbox = BytesMut::new();
    let mut others: Vec<Arc<Member>> = Vec::new();
    while matches!(member.stream.read(&mut inbox).await, Ok(1..)) {
        loop {
            let length = match inbox.first() {
                Some(b'F') => frame,
                Some(b'A') => answer,
                // The number in the first line.
                Some(_) => match memchr::memchr(b'\n', &inbox) {
                    Some(end) => end + 1,
                    None => break,
                },
                None => break,
            };
            let Some(octets) = inbox.get(..length) else {
                break;
            };
            if octets.first() == Some(&b'F') {
                if others.is_empty() {
                    let is_other = |other: &&Arc<Member>| !Arc::ptr_eq(other, &member);
                    others = list(&members).iter().filter(is_other).cloned().collect();
                }
                for other in &others {
                    other.write(octets).await;
                }
            }
            inbox.advance(length);
        }
    }
}

impl Member {
    /// One write, unless the socket is full.
    async fn write(&self, octets: &[u8]) {
        let _writing = self.writing.lock().await;
        let written = match self.stream.try_write_vectored(&[IoSlice::new(octets)]) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return,
        };
        let rest = octets.get(written..).unwrap_or_default();
        // A member that has gone is none of our business: the load counts what is lost.
        let _gone = self.stream.write_all(rest).await;
    }
}
