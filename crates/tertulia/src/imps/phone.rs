//! An agent at work, and how people are named at a command line.

use std::process::ExitCode;

use client::imps::{Agent, Config, Events, Failure, To};
use world::World;

use super::advice::complain;
use crate::agent::{self, End, PATIENCE, Who, block_on};

/// An agent at work, and what it tells.
pub(super) struct Phone {
    pub(super) agent: Agent,
    pub(super) events: Events,
    pub(super) world: World,
    /// Our user.
    pub(super) me: String,
    domain: String,
}

/// Runs `work` with an agent of this user, and stops the agent after it. `change`: what is special
/// about this verb.
pub(super) fn run<F>(
    who: &Who,
    change: impl FnOnce(&mut Config),
    work: impl FnOnce(Phone) -> F,
) -> ExitCode
where
    F: Future<Output = End>,
{
    let config = who.start_log().and_then(|()| who.handset.config(who));
    let mut config = match config {
        Ok(config) => config,
        Err(why) => return agent::complain(&why, End::Usage),
    };
    change(&mut config);
    let me = config.user.clone();
    block_on(async {
        let world = World::os();
        let (agent, events) = match Agent::start(&world, config) {
            Ok(started) => started,
            Err(error) => {
                eprintln!("error: cannot be {me}: {error}");
                return End::Usage;
            }
        };
        let phone = Phone {
            agent: agent.clone(),
            events,
            world: world.clone(),
            me,
            domain: who.domain.clone(),
        };
        let end = work(phone).await;
        agent.stop().await;
        end
    })
}

impl Phone {
    /// Logs in; the error is what to end with.
    pub(super) async fn log_in(&self) -> Result<(), End> {
        let login = self.agent.login();
        let failure = match self.world.clock.timeout(PATIENCE, login).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Network {
                why: format!("nothing for {} seconds", PATIENCE.as_secs()),
            },
        };
        Err(complain(&failure))
    }

    /// The address of a user or of a group, as it was typed.
    pub(super) fn address(&self, name: &str) -> String {
        address(name, &self.domain)
    }

    pub(super) fn addresses<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        names.into_iter().map(|name| self.address(name)).collect()
    }

    /// The address of a group, where only a group can be meant: the slash may be missing.
    pub(super) fn group(&self, name: &str) -> String {
        let address = self.address(name);
        if address.contains('/') {
            return address;
        }
        let rest = address.strip_prefix("wv:").unwrap_or(&address);
        format!("wv:/{rest}")
    }

    /// The address of one of our contact lists: `friends`, `~friends`, or all of it.
    pub(super) fn list(&self, name: &str) -> String {
        if name.contains('/') {
            return self.address(name);
        }
        let name = name.strip_prefix('~').unwrap_or(name);
        let own = self.me.strip_prefix("wv:").unwrap_or(&self.me);
        let (user, domain) = own.split_once('@').unwrap_or((own, &self.domain));
        format!("wv:{user}/~{name}@{domain}")
    }

    /// Whom an address stands for.
    pub(super) fn to(&self, name: &str) -> To {
        if name.starts_with('~') {
            return To::ContactList(self.list(name));
        }
        let address = self.address(name);
        match address.split_once('/') {
            Some((_, list)) if list.starts_with('~') => To::ContactList(address),
            Some(_) => To::Group(address),
            None => To::User(address),
        }
    }
}

/// The address of a name: itself, with what is missing.
pub(super) fn address(name: &str, domain: &str) -> String {
    let rest = match name.get(..3) {
        Some(scheme) if scheme.eq_ignore_ascii_case("wv:") => name.get(3..).unwrap_or_default(),
        _ => name,
    };
    match rest.contains('@') {
        true => format!("wv:{rest}"),
        false => format!("wv:{rest}@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_addresses() {
        for (name, want) in [
            ("bob", "wv:bob@localhost"),
            ("bob@im.com", "wv:bob@im.com"),
            ("WV:bob", "wv:bob@localhost"),
            ("/lobby", "wv:/lobby@localhost"),
            ("alice/club@im.com", "wv:alice/club@im.com"),
        ] {
            assert_eq!(address(name, "localhost"), want);
        }
    }

    #[test]
    fn what_an_address_stands_for() {
        let world = World::os();
        let server = "127.0.0.1:1".parse().unwrap();
        let config = Config::new("wv:alice@im.com", "", server);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let _inside = runtime.enter();
        let (agent, events) = Agent::start(&world, config).unwrap();
        let phone = Phone {
            agent,
            events,
            world,
            me: "wv:alice@im.com".to_owned(),
            domain: "im.com".to_owned(),
        };
        for (name, want) in [
            ("bob", To::User("wv:bob@im.com".to_owned())),
            ("/lobby", To::Group("wv:/lobby@im.com".to_owned())),
            ("~work", To::ContactList("wv:alice/~work@im.com".to_owned())),
            (
                "wv:bob/~work",
                To::ContactList("wv:bob/~work@im.com".to_owned()),
            ),
        ] {
            assert_eq!(phone.to(name), want);
        }
        assert_eq!(phone.group("lobby"), "wv:/lobby@im.com");
        assert_eq!(phone.group("bob/club"), "wv:bob/club@im.com");
        assert_eq!(phone.list("work"), "wv:alice/~work@im.com");
    }
}
