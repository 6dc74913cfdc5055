//! Phones at the server, over sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail, and waits by the machine's clock"
)]

#[path = "../lab/mod.rs"]
mod lab;

mod anonymity;
mod bad_input;
mod bad_peers;
mod conference;
mod direct;
mod domains;
mod domains_tcp;
mod domains_ways;
mod groups;
mod hardening;
mod im_7_2_1_2;
mod im_7_2_1_2_answers;
mod im_7_2_1_5;
mod im_7_2_2_10;
mod im_7_2_2_2;
mod im_rules;
mod interop_facts;
mod proxy;
mod refer;
mod registrar;
mod replaces;
mod rfc_7701;
mod schemas;
mod subscriptions;
mod timers;
