//! `tertulia load imps-message`: one handset to another, and the other's word that it has come.

use clap::Args;

use super::Handsets;
use super::crew::{self, Hand};
use super::handset::Handset;
use crate::complaint::Complaint;
use crate::load::arguments::Common;
use crate::load::report::Report;
use crate::load::tally::Fault;
use crate::load::target::Ground;

/// Messages of 200 letters in WBXML from one user to another: sent and stored, fetched by a poll,
/// and taken out of the store by the word that it has come. Three POSTs are one operation.
#[derive(Args)]
pub(in crate::load) struct Message {
    #[command(flatten)]
    handsets: Handsets,
}

/// Messages per second, unless asked for otherwise.
const RATE: f64 = 200.0;

/// What is said.
const LETTERS: usize = 200;

impl Message {
    /// Each handset that sends has one that listens.
    pub(super) fn common(&self) -> Common {
        self.handsets.common(2)
    }

    pub(super) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let (mut pairs, mut fault) = (Vec::new(), None);
        for turn in 0..self.handsets.handsets {
            match Pair::meet(ground, turn * 2).await {
                Ok(pair) => pairs.push(pair),
                Err(why) => {
                    fault = Some(why);
                    break;
                }
            }
        }
        crew::run(ground, "imps-message", RATE, pairs, fault).await
    }
}

/// Two handsets: one speaks, the other listens.
struct Pair {
    speaker: Handset,
    listener: Handset,
    text: String,
}

impl Pair {
    async fn meet(ground: &Ground, first: u32) -> Result<Self, Fault> {
        Ok(Self {
            speaker: Handset::log_in(ground, first).await?,
            listener: Handset::log_in(ground, first + 1).await?,
            text: "Shall we meet? ".chars().cycle().take(LETTERS).collect(),
        })
    }
}

impl Hand for Pair {
    async fn work(&mut self) -> Result<(), Fault> {
        let id = self.speaker.send(&self.listener.wv, &self.text).await?;
        let message = self.listener.receive().await?;
        let content = message.content.unwrap_or_default();
        match (message.info.id == Some(id), content.as_text()) {
            (true, Some(text)) if text == self.text => Ok(()),
            (true, _) => Err(Fault::Other("another text")),
            (false, _) => Err(Fault::Other("another message")),
        }
    }
}
