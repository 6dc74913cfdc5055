//! What is due in a session: signs of life, polls, and to log in again.

use std::time::{Duration, Instant};

use imps::Primitive;
use imps::csp::{KeepAliveRequest, PollingRequest};
use imps::status::Code;
use tokio::sync::oneshot;

use super::answer::{Job, Purpose};
use super::cir::{Channel, Sign, Watch};
use super::config::Cir;
use super::core::Core;
use super::login::Held;

/// The first wait before the agent logs in again by itself, and the longest.
pub(super) const RELOGIN: Duration = Duration::from_secs(1);
const RELOGIN_MAX: Duration = Duration::from_secs(60);

/// The shortest time between two signs of life, whatever the server says.
const KEEP_ALIVE_MIN: Duration = Duration::from_secs(1);

/// How long to wait after a sign of life that nobody answered.
const KEEP_ALIVE_AGAIN: Duration = Duration::from_secs(5);

/// How long to wait before the next poll where the server says that more waits, and sends nothing.
const NOTHING: Duration = Duration::from_secs(1);

/// How often to ask although datagrams tell: they can be lost.
const DOUBT: Duration = Duration::from_secs(300);

/// How soon a channel is made anew because the server says that it cannot use it.
const WATCH_ANEW: Duration = Duration::from_secs(60);

impl Held {
    /// Lives from `now` on: the next sign of life is due after three quarters of the time.
    pub(super) fn keep_alive_from(&mut self, now: Instant) {
        let wait = (self.time_to_live / 4).saturating_mul(3);
        self.keep_alive_at = now + wait.max(KEEP_ALIVE_MIN);
    }

    /// Sees to it that there is a poll at `when` or before.
    fn poll_by(&mut self, when: Instant) {
        let at = self.poll_at.unwrap_or(when);
        self.poll_at = Some(at.min(when));
    }
}

impl Core {
    pub(super) fn next_due(&self) -> Option<Instant> {
        let held = self.held.as_ref();
        let keep_alive = held.filter(|_| !self.waits(|p| matches!(p, Purpose::KeepAlive)));
        let poll = held.filter(|_| !self.is_polling());
        let keep_alive = keep_alive.map(|held| held.keep_alive_at);
        let poll = poll.and_then(|held| held.poll_at);
        [keep_alive, poll, self.relogin_at]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn due(&mut self, now: Instant) {
        if self.relogin_at.is_some_and(|at| at <= now) {
            self.enter(None);
        }
        let is_polling = self.is_polling();
        let keeps_alive = self.waits(|purpose| matches!(purpose, Purpose::KeepAlive));
        let Some(held) = &mut self.held else {
            return;
        };
        let seconds = self.config.time_to_live.as_secs();
        if held.keep_alive_at <= now && !keeps_alive {
            // Set anew by the answer; this is for the case that none comes.
            held.keep_alive_from(now);
            let request = KeepAliveRequest {
                time_to_live_s: u32::try_from(seconds).ok(),
            };
            self.ask(request, Purpose::KeepAlive);
        }
        let Some(held) = &mut self.held else {
            return;
        };
        if held.poll_at.is_some_and(|at| at <= now) && !is_polling {
            held.poll_at = None;
            self.ask(PollingRequest {}, Purpose::Poll);
        }
    }

    /// Is a poll under way, or about to be?
    fn is_polling(&self) -> bool {
        let flies = self.flight.as_ref().is_some_and(|flight| flight.is_poll());
        flies || self.waits(|purpose| matches!(purpose, Purpose::Poll))
    }

    fn waits(&self, is_it: impl Fn(&Purpose) -> bool) -> bool {
        self.queue.iter().any(|job| match job {
            Job::Send(letter) => is_it(&letter.purpose),
            Job::Discover(_) => false,
        })
    }

    pub(super) fn kept_alive(&mut self, answer: &Primitive, now: Instant) {
        let Some(held) = &mut self.held else {
            return;
        };
        if let Primitive::KeepAliveResponse(response) = answer
            && let Some(seconds) = response.keep_alive_s
            // 605: the time stays as it was.
            && response.outcome.code != Code::VALUE_NOT_ACCEPTED
        {
            held.time_to_live = Duration::from_secs(u64::from(seconds));
        }
        held.keep_alive_from(now);
    }

    pub(super) fn not_kept_alive(&mut self, now: Instant) {
        if let Some(held) = &mut self.held {
            held.keep_alive_at = now + KEEP_ALIVE_AGAIN;
        }
    }

    /// A document of the server's came in. `more`: it says that more waits. `empty`: it brought
    /// nothing.
    pub(super) fn polled(&mut self, more: bool, empty: bool, now: Instant) {
        let pause = self.pause();
        let Some(held) = self.held.as_mut().filter(|_| self.entering.is_none()) else {
            return;
        };
        match (more, empty, pause) {
            (true, false, _) => held.poll_by(now),
            // It must not keep us busy with nothing.
            (true, true, _) => held.poll_by(now + NOTHING.max(held.agreed.poll_min)),
            (false, _, Some(pause)) => held.poll_by(now + pause),
            (false, _, None) => {}
        }
    }

    /// The time until the next poll when nothing is known to wait; `None`: the channel will tell.
    fn pause(&self) -> Option<Duration> {
        let held = self.held.as_ref()?;
        let pause = match self.config.cir {
            Cir::Poll { every } => every,
            Cir::Udp { .. } if held.is_watched => DOUBT,
            Cir::Tcp | Cir::Http if held.is_watched => return None,
            Cir::Tcp | Cir::Udp { .. } | Cir::Http => self.config.poll,
        };
        Some(pause.max(held.agreed.poll_min).max(NOTHING))
    }

    /// What a document says besides its transactions.
    pub(super) fn flags(&mut self, poll: bool, cir: bool, now: Instant) {
        let Some(held) = self.held.as_mut().filter(|_| cir) else {
            return;
        };
        // The server cannot use the channel: it is made anew, and polling has to do meanwhile.
        held.is_watched = false;
        if held.watch_anew_at <= now {
            self.watch(now);
        }
        if !poll {
            self.polled(false, true, now);
        }
    }

    /// Nobody has answered a poll: what it was for still waits.
    pub(super) fn not_polled(&mut self, now: Instant) {
        let pause = self.config.poll.max(NOTHING);
        if let Some(held) = &mut self.held {
            held.poll_by(now + pause);
        }
    }

    /// Watches the channel on which the server will say that something waits.
    pub(super) fn watch(&mut self, now: Instant) {
        let Some(held) = &mut self.held else {
            return;
        };
        held.watch_anew_at = now + WATCH_ANEW;
        held.is_watched = false;
        held.watch = None;
        let channel = match self.config.cir {
            Cir::Poll { .. } => return,
            Cir::Tcp => held.agreed.tcp.clone().map(|(host, port)| Channel::Tcp {
                host: host.unwrap_or_else(|| self.config.server.ip().to_string()),
                port,
            }),
            Cir::Udp { .. } => self.udp.clone().map(Channel::Udp),
            Cir::Http => held.agreed.http.clone().map(|url| Channel::Http {
                url,
                every: self.config.poll.max(held.agreed.poll_min).max(NOTHING),
            }),
        };
        // Without one the agent polls.
        let Some(channel) = channel else {
            return;
        };
        let watch = Watch {
            world: self.world.clone(),
            from: self.config.local,
            session: held.session.clone(),
            news: self.news.clone(),
        };
        let (end, ended) = oneshot::channel();
        held.watch = Some(end);
        self.world
            .tasks
            .spawn("client imps cir", watch.run(channel, ended));
    }

    /// The channel says something.
    pub(super) fn sign(&mut self, session: &str, sign: Sign, now: Instant) {
        let Some(held) = self.held.as_mut().filter(|held| held.session == session) else {
            return; // It was about an earlier session.
        };
        match sign {
            Sign::Up => {
                held.is_watched = true;
                // What came before the channel was there has told nobody.
                held.poll_at = Some(now);
            }
            Sign::Down(why) => {
                tracing::debug!(why, "the channel for attention broke");
                held.is_watched = false;
                self.polled(false, true, now);
            }
            Sign::Waiting(Some(cookie)) if cookie != held.cookie => {
                tracing::debug!("a request for attention with a foreign cookie");
            }
            Sign::Waiting(_) => held.poll_by(now),
        }
    }

    /// Sets out to log in again, a little later each time.
    pub(super) fn relogin(&mut self, now: Instant) {
        if self.config.relogin {
            self.relogin_at = Some(now + self.relogin_wait);
            self.relogin_wait = (self.relogin_wait * 2).min(RELOGIN_MAX);
        }
    }

    /// A session that has lasted was no failure: the next wait is short again.
    pub(super) fn settle(&mut self, since: Instant, now: Instant) {
        if now.saturating_duration_since(since) > RELOGIN_MAX {
            self.relogin_wait = RELOGIN;
        }
    }
}
