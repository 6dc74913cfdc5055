//! Everything bad that can happen to a connection, in any order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{
    io::IoSlice,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::BytesMut;
use proptest::prelude::*;
use world::sim::{Faults, Universe};

const A: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const B: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const AT_B: SocketAddr = SocketAddr::new(B, 5060);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whatever_happens_bytes_stay_in_order_and_the_day_can_be_repeated(
        seed: u64,
        deeds in proptest::collection::vec(deed(), 0..80),
    ) {
        let (written, read, digest) = paused().block_on(ordeal(seed, &deeds));
        prop_assert!(written.starts_with(&read));
        let again = paused().block_on(ordeal(seed, &deeds));
        prop_assert_eq!(again, (written, read, digest));
    }
}

/// Does all that to one connection. Gives back what was written, what was read, the digest.
async fn ordeal(seed: u64, deeds: &[Deed]) -> (Vec<u8>, BytesMut, u64) {
    let universe = Universe::new(seed);
    let mut faults = Faults {
        jitter: Duration::from_millis(30),
        split: true,
        give_up: Some(Duration::from_secs(20)),
        ..Faults::default()
    };
    universe.set_faults(faults.clone());
    let (a, b) = (universe.host(A), universe.host(B));
    let listener = b.net.listen(AT_B).unwrap();
    let (near, far) = tokio::join!(a.net.connect(None, AT_B), listener.accept());
    let (near, (far, _)) = (near.unwrap(), far.unwrap());
    drop(listener);
    let (mut written, mut read) = (Vec::new(), BytesMut::new());
    for deed in deeds {
        match *deed {
            Deed::Write(length) => {
                let start = written.len();
                let bytes: Vec<u8> = (start..start + length).map(|n| (n % 251) as u8).collect();
                if let Ok(count) = near.try_write_vectored(&[IoSlice::new(&bytes)]) {
                    written.extend_from_slice(&bytes[..count]);
                }
            }
            Deed::Read(times) => {
                for _ in 0..times {
                    let _maybe = far.try_read(&mut read);
                }
            }
            Deed::Wait(wait) => a.clock.sleep(Duration::from_millis(wait)).await,
            Deed::Block(true) => universe.block(A, B),
            Deed::Block(false) => universe.block(B, A),
            Deed::Heal => universe.heal_all(),
            Deed::Unplug(near) => universe.unplug(if near { A } else { B }),
            Deed::Plug => {
                universe.plug(A);
                universe.plug(B);
            }
            Deed::Reset => assert!(universe.reset(A, B) <= 1),
            Deed::Shutdown => drop(near.shutdown().await),
            Deed::Crash => universe.crash(B),
            Deed::Vanish => universe.vanish(A),
            Deed::Window(window) => {
                faults.window = window;
                universe.set_faults(faults.clone());
            }
        }
    }
    drop((near, far));
    a.clock.sleep(Duration::from_secs(3600)).await;
    assert_eq!(universe.sockets(A) + universe.sockets(B), 0);
    (written, read, universe.digest())
}

/// Something done to the network.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Write(usize),
    Read(usize),
    Wait(u64),
    Block(bool),
    Heal,
    Unplug(bool),
    Plug,
    Reset,
    Shutdown,
    Crash,
    Vanish,
    Window(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => (0..5000_usize).prop_map(Deed::Write),
        8 => (0..9_usize).prop_map(Deed::Read),
        8 => (0..2000_u64).prop_map(Deed::Wait),
        1 => any::<bool>().prop_map(Deed::Block),
        3 => Just(Deed::Heal),
        1 => any::<bool>().prop_map(Deed::Unplug),
        2 => Just(Deed::Plug),
        1 => Just(Deed::Reset),
        1 => Just(Deed::Shutdown),
        1 => Just(Deed::Crash),
        1 => Just(Deed::Vanish),
        2 => (0..9000_usize).prop_map(Deed::Window),
    ]
}

fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}
