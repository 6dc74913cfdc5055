//! `tertulia load imps-poll`: is there anything for me? There is not.

use clap::Args;

use super::Handsets;
use super::crew::{self, Hand};
use super::handset::Handset;
use crate::complaint::Complaint;
use crate::load::arguments::Common;
use crate::load::report::Report;
use crate::load::tally::Fault;
use crate::load::target::Ground;

/// Polls in WBXML over connections that stay, each answered with nothing: what handsets do most of
/// the time.
#[derive(Args)]
pub(in crate::load) struct Poll {
    #[command(flatten)]
    handsets: Handsets,
}

/// Polls per second, unless asked for otherwise.
const RATE: f64 = 1000.0;

impl Poll {
    pub(super) fn common(&self) -> Common {
        self.handsets.common(1)
    }

    pub(super) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let (mut hands, mut fault) = (Vec::new(), None);
        for user in 0..self.handsets.handsets {
            match Handset::log_in(ground, user).await {
                Ok(handset) => hands.push(handset),
                Err(why) => {
                    fault = Some(why);
                    break;
                }
            }
        }
        crew::run(ground, "imps-poll", RATE, hands, fault).await
    }
}

impl Hand for Handset {
    async fn work(&mut self) -> Result<(), Fault> {
        self.poll_in_vain().await
    }
}
