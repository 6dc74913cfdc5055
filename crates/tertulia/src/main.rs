//! The one binary. Each verb of its command line has a file of its name.

mod agent;
mod chat;
mod check;
mod complaint;
mod config;
mod dev;
mod group;
mod imps;
mod load;
mod output;
mod ready;
mod script;
mod send;
mod serve;
mod sessions;
mod settings;
mod signals;
mod user;
mod watch;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use complaint::Exit;

/// An open instant-messaging server: OMA SIMPLE IM over SIP and MSRP, and IMPS over HTTP.
#[derive(Parser)]
#[command(version, after_help = Exit::HELP)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the server.
    Serve(serve::Serve),
    /// Add, list and change the users of a server.
    User(user::User),
    /// Add, list and change the stored groups of a server.
    Group(group::Group),
    /// Print the default configuration, with what each key means.
    Config,
    /// Say what is wrong with a configuration.
    Check(check::Check),
    /// Talk to people, line by line.
    Chat(chat::Chat),
    /// Send one message, and say with the exit code what became of it.
    Send(send::Send),
    /// Run a client for a script: commands in, events out.
    Watch(watch::Watch),
    /// Measure a server: what it does a second, how fast, at what cost.
    Load(load::Load),
}

fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Serve(verb) => verb.run(),
        Verb::User(verb) => verb.run(),
        Verb::Group(verb) => verb.run(),
        Verb::Config => {
            config::run();
            Ok(())
        }
        Verb::Check(verb) => verb.run(),
        // The client's verbs have exit codes of their own.
        Verb::Chat(verb) => return verb.run(),
        Verb::Send(verb) => return verb.run(),
        Verb::Watch(verb) => return verb.run(),
        Verb::Load(verb) => return verb.run(),
    };
    match result {
        Ok(()) => Exit::Done.into(),
        Err(complaint) => {
            eprintln!("{complaint}");
            complaint.exit().into()
        }
    }
}

/// Prints text for people and scripts. A reader that has gone, such as `head`, is no error.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}
