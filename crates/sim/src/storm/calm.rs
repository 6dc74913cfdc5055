//! A calm day: one thing after the other, and each time it is known exactly what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use client::{Agent, Saying, SessionId};

use super::Director;
use super::crowd::{Answer, Person, Seat};

/// A conference as it has to be.
#[derive(Clone, Debug)]
struct Conference {
    identity: String,
    /// Who is in, by which session.
    members: BTreeMap<&'static str, SessionId>,
    /// Who is not to be known by the others.
    hidden: BTreeSet<&'static str>,
    /// It was made for two, and ends with either.
    is_pair: bool,
}

/// Everything a calm day knows.
#[derive(Default)]
struct Known {
    conferences: Vec<Conference>,
}

/// After this everybody has been asked, has answered or was rung long enough, and all is told.
const ANSWERED: Duration = Duration::from_secs(14);

/// After this what was said is heard, and who left is told.
const HEARD: Duration = Duration::from_secs(2);

/// How invitations are answered on a calm day.
const ANSWERS: &[Answer] = &[
    Answer::Accept,
    Answer::Accept,
    Answer::Accept,
    Answer::Accept,
    Answer::Decline(603),
    Answer::Decline(486),
    Answer::Ignore,
];

impl Director {
    pub(super) async fn calm_day(&mut self) {
        let mut known = Known::default();
        let acts = 8 + self.below(13);
        for _ in 0..acts {
            match self.below(10) {
                0..3 => self.calm_create(&mut known).await,
                3..6 => self.calm_say(&known, false).await,
                6 => self.calm_say(&known, true).await,
                7 => self.calm_leave(&mut known).await,
                8 => self.calm_refresh(&known).await,
                _ => self.calm_register().await,
            }
            self.compare(&known).await;
        }
    }

    async fn calm_create(&mut self, known: &mut Known) {
        let Some(host) = self.one_of(&self.crowd.who(Person::is_up)) else {
            return;
        };
        let mut guests = self.guests_of(host);
        guests.retain(|(name, _)| self.crowd.get(name).is_some());
        let anonymous = self.percent(10);
        let mut coming = BTreeSet::new();
        for (name, _) in &guests {
            let Some(answer) = self.one_of(ANSWERS) else {
                return;
            };
            if answer == Answer::Accept {
                coming.insert(*name);
            }
            if let Some(person) = self.crowd.get(name) {
                person.book.read().next = Some(answer);
            }
            self.note(format_args!("{name} will answer: {answer:?}"));
        }
        if guests.is_empty() {
            return;
        }
        let before = self.seats_of(host);
        self.create(host, &guests, anonymous);
        self.pause(ANSWERED).await;
        let failed = self.calls.failed();
        if coming.is_empty() {
            // Nobody came: the call to `create` says so, and nothing else went wrong.
            if failed.len() > 1 || failed.iter().any(|(what, _)| !what.ends_with("creates")) {
                self.breach(host, format_args!("nobody came, and then: {failed:?}"));
            }
            return;
        }
        for (what, failure) in failed {
            self.breach(host, format_args!("failed: {what}: {failure}"));
        }
        let after = self.seats_of(host);
        let Some((identity, _)) = after.iter().find(|(id, _)| !before.contains_key(*id)) else {
            return self.breach(host, format_args!("is not in, though {coming:?} accepted"));
        };
        coming.insert(host);
        let members = coming.iter().filter_map(|name| {
            let session = self.seats_of(name).get(identity).copied();
            session.map(|session| (*name, session))
        });
        let members: BTreeMap<_, _> = members.collect();
        if members.len() != coming.len() {
            let missing = format!("{:?} are in, not {coming:?}", members.keys());
            self.breach(host, missing);
        }
        let hidden = guests.iter().filter(|(_, hidden)| *hidden);
        let mut hidden: BTreeSet<_> = hidden.map(|(name, _)| *name).collect();
        if anonymous {
            hidden.insert(host);
        }
        known.conferences.push(Conference {
            identity: identity.clone(),
            members,
            hidden,
            is_pair: guests.len() == 1,
        });
    }

    async fn calm_say(&mut self, known: &Known, aside: bool) {
        let Some(conference) = self.one_of(&known.conferences) else {
            return;
        };
        let names: Vec<_> = conference.members.keys().copied().collect();
        let Some((name, session, agent)) = self
            .one_of(&names)
            .and_then(|name| self.member(&conference, name))
        else {
            return;
        };
        let seen = |other: &&str| **other != *name && !conference.hidden.contains(*other);
        let others: Vec<_> = names.iter().copied().filter(|other| seen(other)).collect();
        let to = if aside { self.one_of(&others) } else { None };
        let bytes = self.one_of(&[20, 20, 20, 5_000]).unwrap_or(20);
        let text = self.text(bytes);
        let said = self.said;
        self.note(format_args!("{name} says {said} to {to:?}"));
        let saying = match to {
            Some(to) => Saying::text(&text).to(&format!("sip:{to}@localhost")),
            None => Saying::text(&text),
        };
        self.calls.start(format!("{name} says {said}"), async move {
            agent.send(session, saying).await
        });
        self.pause(HEARD).await;
        self.all_went_well();
        let meant: Vec<_> = match to {
            Some(to) => vec![to],
            None => names
                .iter()
                .copied()
                .filter(|other| *other != name)
                .collect(),
        };
        let heard = self.crowd.iter().map(|person| {
            let times = person.book.read().heard.get(&text).copied();
            (person.name, times.unwrap_or(0))
        });
        for (other, times) in heard.collect::<Vec<_>>() {
            if times != u32::from(meant.contains(&other)) {
                let said = self.said;
                self.breach(
                    other,
                    format_args!("heard {times} times what {name} said: {said}"),
                );
            }
        }
    }

    async fn calm_leave(&mut self, known: &mut Known) {
        let at = self.below(known.conferences.len());
        let Some(conference) = known.conferences.get(at).cloned() else {
            return;
        };
        let names: Vec<_> = conference.members.keys().copied().collect();
        let Some(member) = self.one_of(&names) else {
            return;
        };
        let Some((name, session, agent)) = self.member(&conference, member) else {
            return;
        };
        self.hang_up(name, session, agent);
        self.pause(HEARD).await;
        self.all_went_well();
        if let Some(conference) = known.conferences.get_mut(at) {
            conference.members.remove(name);
            if conference.is_pair || conference.members.is_empty() {
                known.conferences.remove(at);
            }
        }
    }

    async fn calm_refresh(&mut self, known: &Known) {
        let Some(conference) = self.one_of(&known.conferences) else {
            return;
        };
        let names: Vec<_> = conference.members.keys().copied().collect();
        let member = self.one_of(&names);
        let Some((name, session, agent)) = member.and_then(|name| self.member(&conference, name))
        else {
            return;
        };
        self.note(format_args!("{name} refreshes {session}"));
        self.calls.start(format!("{name} refreshes"), async move {
            agent.refresh(session).await
        });
        self.pause(HEARD).await;
        self.all_went_well();
    }

    async fn calm_register(&mut self) {
        if let Some(name) = self.one_of(&self.crowd.who(Person::is_up)) {
            self.register(name);
        }
        let pause = self.profile.pause(&mut self.rng);
        self.pause(HEARD + pause).await;
        self.all_went_well();
    }

    /// No call to an agent failed, or is still under way.
    fn all_went_well(&mut self) {
        for (what, failure) in self.calls.failed() {
            self.breach("an agent", format_args!("{what}: {failure}"));
        }
        for what in self.calls.open() {
            self.breach("an agent", format_args!("does not come to an end: {what}"));
        }
    }

    /// Everybody is where they have to be, and sees it.
    async fn compare(&mut self, known: &Known) {
        let mut want = BTreeSet::new();
        for conference in &known.conferences {
            for name in conference.members.keys() {
                want.insert((*name, conference.identity.clone()));
            }
        }
        let mut is = BTreeSet::new();
        for name in self.crowd.who(Person::is_up) {
            is.extend(
                self.seats_of(name)
                    .into_keys()
                    .map(|identity| (name, identity)),
            );
        }
        for (name, identity) in want.symmetric_difference(&is) {
            let (which, place) = match is.contains(&(*name, identity.clone())) {
                true => ("is", identity),
                false => ("is not", identity),
            };
            self.breach(name, format_args!("{which} in {place}"));
        }
        let unsettled = self.crowd.seats(|seat| !matches!(seat, Seat::In(_)));
        for (name, session, _) in unsettled {
            self.breach(name, format_args!("still waits in {session}"));
        }
        for conference in &known.conferences {
            for (name, session) in &conference.members {
                self.sees_everybody(conference, name, *session).await;
            }
        }
    }

    async fn sees_everybody(
        &mut self,
        conference: &Conference,
        name: &'static str,
        session: SessionId,
    ) {
        let agent = self.crowd.get(name).and_then(|person| person.agent.clone());
        let Some(agent) = agent else { return };
        let roster = match agent.roster(session).await {
            Ok(roster) => roster,
            Err(failure) => return self.breach(name, format_args!("knows nobody: {failure}")),
        };
        let joined: Vec<_> = roster.iter().filter(|p| p.presence == "joined").collect();
        let mut wrong = joined.len() != conference.members.len();
        for member in conference.members.keys() {
            let aor = format!("sip:{member}@localhost");
            let shown = joined.iter().any(|person| person.entity == aor);
            // Whoever is hidden may see themselves by their own name.
            wrong |= match conference.hidden.contains(member) {
                true => shown && *member != name,
                false => !shown,
            };
        }
        if wrong {
            let seen: Vec<_> = joined.iter().map(|p| p.entity.as_str()).collect();
            let seen = format!("sees {seen:?} in {conference:?}");
            self.breach(name, seen);
        }
    }

    fn member(
        &self,
        conference: &Conference,
        name: &'static str,
    ) -> Option<(&'static str, SessionId, Agent)> {
        let session = conference.members.get(name)?;
        let agent = self.crowd.get(name)?.agent.clone()?;
        Some((name, *session, agent))
    }

    /// The conferences somebody is in.
    fn seats_of(&self, name: &str) -> BTreeMap<String, SessionId> {
        let Some(person) = self.crowd.get(name) else {
            return BTreeMap::new();
        };
        let pages = person.book.read();
        let seats = pages.sessions.iter();
        seats
            .filter_map(|(session, seat)| match seat {
                Seat::In(identity) => Some((identity.clone(), *session)),
                Seat::Calling | Seat::Ringing => None,
            })
            .collect()
    }
}
