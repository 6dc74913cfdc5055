//! chat, send and watch over IMPS: the options that make them a handset of one kind or another,
//! and what each of them does.

mod advice;
mod chat;
mod handset;
mod names;
mod output;
mod phone;
mod send;
mod table;
mod watch;

pub(crate) use advice::advice;
pub(crate) use chat::chat;
pub(crate) use handset::{HEADING, Handset};
pub(crate) use send::send;
pub(crate) use watch::watch;
