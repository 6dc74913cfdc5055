//! `tertulia chat --imps`: a conversation at the command line, line by line.

use std::process::ExitCode;

use client::imps::{Agent, Saying};
use tokio::sync::mpsc;

use super::advice::{advice, complain};
use super::phone::{self, Phone};
use super::table::{Table, WAITING_MAX};
use crate::agent::{End, Who, lines};
use crate::say;
use crate::signals::Signals;

/// Talks to the first of the people, with whoever else is named, or in a group; without anybody
/// named waits until somebody says something.
pub(crate) fn chat(who: &Who, people: &[String], auto_accept: bool) -> ExitCode {
    phone::run(
        who,
        |config| config.auto_join_ec = auto_accept,
        async |phone| {
            if let Err(end) = phone.log_in().await {
                return end;
            }
            talk(phone, people, auto_accept, who.handset.notices()).await
        },
    )
}

async fn talk(phone: Phone, people: &[String], auto_accept: bool, notices: bool) -> End {
    let Phone { agent, world, .. } = &phone;
    let (agent, world) = (agent.clone(), world.clone());
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("error: cannot wait for signals: {error}");
            return End::Network;
        }
    };
    let (say, sayings) = mpsc::channel(WAITING_MAX);
    let mut speaker = world
        .tasks
        .spawn("chat speaker", speak(agent.clone(), sayings));
    let mut typed = lines(&world);
    let mut table = Table::new(phone, say, auto_accept, notices);
    let work = async {
        if let Err(failure) = table.begin(people).await {
            return complain(&failure);
        }
        table.work(&mut typed).await
    };
    let end = tokio::select! {
        biased;
        () = signals.stop() => return End::Done,
        end = work => end,
    };
    // What was said before the end is delivered, or known not to be.
    drop(table);
    tokio::select! {
        biased;
        () = signals.stop() => {}
        _said = &mut speaker => {}
    }
    end
}

/// Says things one after the other.
async fn speak(agent: Agent, mut sayings: mpsc::Receiver<Saying>) {
    while let Some(saying) = sayings.recv().await {
        if let Err(failure) = agent.send(saying).await {
            say(&format!("! {failure}"));
            if let Some(advice) = advice(&failure) {
                say(&format!("! {advice}"));
            }
        }
    }
}
