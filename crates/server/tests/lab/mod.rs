//! A server on loopback and phones made of plain sockets: nothing of ours between test and wire
//! but the parsers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "a test may fail, and not every test uses every tool"
)]

pub mod ask;
mod chat;
pub mod club;
pub mod domain;
pub mod handset;
pub mod http;
mod phone;
pub mod place;
pub mod presence;
pub mod sim;
mod socket;
pub mod story;
pub mod tls;
pub mod two;
pub mod watch;

pub use ask::Ask;
pub use chat::Chat;
pub use handset::Handset;
pub use phone::{Incoming, Phone};
pub use place::Place;
pub use sim::SimLab;
pub use story::{Conference, Guest};

use server::{Addresses, Policy, SealKey, Server, Setup};
use sip::digest::{Algorithm, ha1};
use store::{Account, Credentials, Fence, Store, Write};
use tokio::runtime::Runtime;
use world::World;

/// How long a test waits for what must come.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// The users of every lab; each has the password `password`. Only erin's account has a name.
pub const USERS: &[&str] = &["alice", "bob", "carol", "dave", "erin"];

/// The key under which their passwords are sealed.
pub const SEAL: SealKey = SealKey::new([7; 32]);

/// A running server.
pub struct Lab {
    // Dropped before the runtime it lives in.
    pub server: Option<Server>,
    pub runtime: Runtime,
    pub at: Addresses,
}

impl Lab {
    /// A server with free ports and the default rules.
    pub fn start() -> Self {
        Self::with(|_, _| {})
    }

    /// A server with other rules.
    pub fn with(change: impl FnOnce(&mut Setup, &mut Policy)) -> Self {
        Self::on(store(), change)
    }

    /// A server on a store that is there already.
    pub fn on(store: Store, change: impl FnOnce(&mut Setup, &mut Policy)) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        let mut setup = Setup {
            sip_udp: Some(any),
            sip_tcp: Some(any),
            msrp_tcp: any,
            http: Some(any),
            cir_tcp: Some(any),
            cir_udp: Some(any),
            seal: Some(SEAL),
            shards: 2,
            ..Setup::default()
        };
        let mut policy = Policy {
            notify_min_interval: std::time::Duration::from_millis(50),
            ..Policy::default()
        };
        change(&mut setup, &mut policy);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let server =
            runtime.block_on(async { Server::start(World::os(), store, setup, policy).await });
        let server = server.unwrap();
        Self {
            at: server.addresses(),
            server: Some(server),
            runtime,
        }
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Waits until nothing is held on behalf of anybody.
    pub fn settled(&self) {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let left = self.runtime.block_on(self.server().leftovers());
            if left == server::Leftovers::default() {
                return;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "still there: {left:?}"
            );
            std::thread::yield_now();
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        self.server = None;
    }
}

/// Is somebody named in a text? Random tokens are passed over, in which three letters turn up by
/// chance sooner or later.
pub fn names(text: &str, who: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word == who)
}

/// A store in memory with the users.
pub fn store() -> Store {
    store_of(|_| {})
}

/// A store in memory with users of these names in another domain.
pub fn store_of_domain(domain: &str) -> Store {
    store_with(domain, |_| {})
}

/// A store in memory with the users, otherwise.
pub fn store_of(change: impl Fn(&mut Account)) -> Store {
    store_with("localhost", change)
}

fn store_with(domain: &str, change: impl Fn(&mut Account)) -> Store {
    let mut store = Store::memory();
    for user in USERS {
        let digest = |algorithm| Some(ha1(user, domain, "password", algorithm));
        let mut account = Account {
            name: (*user).to_owned(),
            domain: domain.to_owned(),
            display_name: (*user == "erin").then(|| "Erin of the Account".to_owned()),
            msisdn: None,
            credentials: Credentials {
                ha1_md5: digest(Algorithm::Md5),
                ha1_sha256: digest(Algorithm::Sha256),
                imps_secret: SEAL.seal(user, domain, "password", [1; 24]),
            },
            enabled: true,
            created_at_ms: 0,
        };
        change(&mut account);
        store
            .commit(&[Write::AddAccount(account)], Fence::Unfenced)
            .unwrap();
    }
    store
}
