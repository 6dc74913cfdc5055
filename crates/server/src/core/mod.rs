//! The embedded SIP core: shards, registrar, location, home proxy, digest.

mod abroad;
mod accounts;
mod alarms;
mod attempts;
mod auth;
mod calling;
pub(crate) mod desk;
mod dispatch;
mod gruu;
mod location;
pub(crate) mod neighbours;
pub(crate) mod proxy;
mod registrar;
mod reply;
mod shard;
mod shards;
pub(crate) mod ways;

pub(crate) use abroad::ForUser;
pub(crate) use accounts::Accounts;
pub(crate) use alarms::Alarms;
pub(crate) use auth::{Identity, Nonces, hides_sender};
pub(crate) use dispatch::ForGroup;
pub(crate) use gruu::Gruus;
pub(crate) use location::{Delta, Device, Location};
pub(crate) use neighbours::{Neighbours, NoWay};
pub(crate) use reply::{Answer, Replies, SERVER, phrase};
pub(crate) use shard::Shard;
pub(crate) use shards::{Command, Held, Inbound, ShardHandle, Shards};
