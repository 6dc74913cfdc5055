//! Handsets at the server, over sockets.

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

mod bad_input;
mod between;
mod blocks;
mod cir;
mod contacts;
mod faces;
mod false_domain;
mod forward;
mod found;
mod group_talk;
mod groups;
mod http;
mod imps_9_1_11;
mod invite;
mod login;
mod mail;
mod names;
mod notice;
mod places;
mod presence;
mod presence_auth;
mod profile;
mod search;
mod seats_away;
mod session;
mod smoke;
mod tls;
