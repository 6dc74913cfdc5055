//! `tertulia config`: the default configuration.

use server::config::Config;

use crate::say;

pub(crate) fn run() {
    say(Config::commented_default().trim_end());
}
