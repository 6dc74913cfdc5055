//! Who is in a conference: the subscription to its state (IM 7.1.1.11, RFC 4575).

use std::time::Instant;

use sip::header::{Contact, Expires};
use sip::subscription::{End, Identity, Next, Subscriber, Wanted};
use sip::transaction::ServerId;
use sip::{Method, Name, Request, Response, Uri};
use xdm::conference_info::{self, Change, Member, NotApplied, Presence, Roster};

use crate::core::Core;
use crate::event::{Event, Person, SessionId};
use crate::failure::Failure;
use crate::post::{Outcome, Purpose};
use crate::request;

/// How long a subscription is asked for, in seconds.
const EXPIRES_S: u32 = 3600;

/// The type of the documents that tell.
const INFO: &str = "application/conference-info+xml";

/// A subscription, and what it has told so far.
pub(crate) struct Watch {
    subscriber: Subscriber,
    roster: Roster,
    anonymous: bool,
    /// The call of the subscription that the roster follows.
    call: String,
    /// The Contact of the other side (IM-7.1.1.11-OK-S1).
    contact: Option<String>,
}

impl Watch {
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.subscriber.poll_timeout()
    }
}

impl Core {
    /// Subscribes to the state of a conference (IM-7.1.1.11-S0).
    pub(crate) fn watch(&mut self, id: SessionId, now: Instant) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let anonymous = session.anonymous;
        let me = self.me(anonymous);
        // IM-7.1.1.11-S2: the Request-URI is the IM Session Identity.
        let target = session.identity.as_str();
        let wanted = Wanted {
            from: me.from().into(),
            to: format!("<{target}>").into(),
            target: target.into(),
            route: Vec::new(),
            contact: me.contact().into(),
            package: "conference".into(),
            accept: INFO.into(),
            expires: EXPIRES_S,
        };
        // IM-7.1.1.11-NTFY-S2b: without a mark we know ourselves by our address.
        let mut own = vec![self.config.aor.clone()];
        own.extend(
            self.config
                .aor
                .strip_prefix("sip:")
                .map(|rest| format!("sips:{rest}")),
        );
        let watch = Watch {
            subscriber: Subscriber::new(wanted, self.config.timers.patience()),
            roster: Roster::new(own),
            anonymous,
            call: String::new(),
            contact: None,
        };
        self.watches.insert(id, watch);
        self.watch_next(id, Next::Subscribe, now);
    }

    /// Does what the subscription wants done.
    fn watch_next(&mut self, id: SessionId, next: Next, now: Instant) {
        match next {
            Next::Wait => {}
            Next::Subscribe => self.send_subscribe(id, now),
            Next::Over(end) => self.watch_over(id, end),
        }
    }

    fn send_subscribe(&mut self, id: SessionId, now: Instant) {
        let (branch, via) = self.via();
        // IM-7.1.1.11-S1: a new dialog of its own.
        let fresh = Identity {
            call_id: self.rng.token128().into(),
            tag: self.rng.token(64).into(),
        };
        let Some(watch) = self.watches.get_mut(&id) else {
            return;
        };
        let Some(draft) = watch.subscriber.request(|| fresh, &via, now) else {
            return;
        };
        let call = watch.subscriber.call_id().unwrap_or_default().to_owned();
        if watch.call != call {
            // Versions are counted for each subscription (RFC 4575 section 5.2).
            watch.roster.resubscribed();
            watch.call.clone_from(&call);
        }
        let anonymous = watch.anonymous;
        let dialog = watch.subscriber.dialog();
        let target = dialog.map(|dialog| dialog.remote_target().to_owned());
        let target = target.or_else(|| Some(self.sessions.get(&id)?.identity.clone()));
        let letter = request::subscribe(&self.me(anonymous));
        let credentials = self.sign(&Method::Subscribe, &target.unwrap_or_default());
        let bytes = letter.finish(draft, &credentials);
        let purpose = Purpose::Subscribe(id, call.into());
        // IM-7.1.1.11-S3: as every request, by way of the outbound proxy.
        self.post(
            (&branch, bytes),
            Method::Subscribe,
            (purpose, credentials, 0),
            now,
        );
    }

    /// IM-7.1.1.11-RSP: the subscription knows what each response means.
    pub(crate) fn subscribe_outcome(
        &mut self,
        id: SessionId,
        call: &str,
        outcome: &Outcome<'_>,
        now: Instant,
    ) {
        let Some(watch) = self.watches.get_mut(&id) else {
            return;
        };
        let next = match outcome {
            Outcome::Response(response) => {
                let next = watch.subscriber.response(response, now);
                if response.is_success() {
                    self.subscribed(id, response);
                }
                next
            }
            Outcome::Lost(_) => watch.subscriber.failed(call, now),
        };
        self.watch_next(id, next, now);
    }

    fn subscribed(&mut self, id: SessionId, response: &Response) {
        let Some(watch) = self.watches.get_mut(&id) else {
            return;
        };
        // IM-7.1.1.11-OK-S1: the Contact of a 200 or 202 is stored.
        if let Ok(Some(contact)) = response.first::<Contact<'_>>() {
            watch.contact = Some(contact.uri.as_str().to_owned());
        }
        let expires_s = response.get::<Expires>().ok().flatten().map(|Expires(s)| s);
        if expires_s != Some(0) {
            let contact = watch.contact.clone();
            self.tell(Event::Subscribed {
                session: id,
                contact,
                expires_s,
            });
        }
    }

    pub(crate) fn asked_notify(&mut self, id: ServerId, request: &Request, now: Instant) {
        let call = request.raw(Name::CallId);
        let mut all = self.watches.iter_mut();
        let found = all.find(|(_, watch)| watch.subscriber.call_id() == call);
        let Some((session, watch)) = found else {
            self.refuse(id, request, 481, "Subscription does not exist", now);
            return;
        };
        let session = *session;
        // IM-7.1.1.11-NTFY-S1: the order, and what it says of the subscription.
        match watch.subscriber.notify(request, now) {
            Ok(notice) => {
                let next = notice.next;
                let draft = self.response(request, 200, "OK");
                self.respond(id, 200, draft.finish(), now);
                let applied = self.take_state(session, request);
                self.watch_next(session, next, now);
                if applied.is_err() && next == Next::Wait {
                    // RFC 4575 section 4.6: something was missed; a refresh brings it all.
                    self.watch_next(session, Next::Subscribe, now);
                }
            }
            Err(refusal) => {
                self.fault(format_args!("a NOTIFY was refused: {refusal}"));
                self.refuse(id, request, refusal.status(), "Not Acceptable", now);
            }
        }
    }

    /// Merges the document of a NOTIFY, and tells what changed (IM-7.1.1.11-NTFY-S2).
    fn take_state(&mut self, id: SessionId, request: &Request) -> Result<(), NotApplied> {
        let body = request.body();
        let content_type = request.raw(Name::ContentType).unwrap_or_default();
        let is_info = content_type.split(';').next().unwrap_or_default().trim();
        if body.is_empty() || !is_info.eq_ignore_ascii_case(INFO) {
            return Ok(());
        }
        let document = match conference_info::read(&body, conference_info::MAX_BYTES) {
            Ok(document) => document,
            Err(error) => {
                self.fault(format_args!(
                    "the state of session {id} cannot be read: {error}"
                ));
                return Ok(());
            }
        };
        let Some(watch) = self.watches.get_mut(&id) else {
            return Ok(());
        };
        let changes = watch.roster.apply(document)?;
        if changes.is_empty() {
            return Ok(());
        }
        for change in changes {
            let event = self.change(id, change);
            self.tell_some(event);
        }
        if let Ok(members) = self.members(id) {
            self.tell(Event::Roster {
                session: id,
                members,
            });
        }
        Ok(())
    }

    fn tell_some(&mut self, event: Option<Event>) {
        if let Some(event) = event {
            self.tell(event);
        }
    }

    fn change(&self, session: SessionId, change: Change) -> Option<Event> {
        let event = match change {
            Change::Alerting(member) => Event::Alerting {
                session,
                person: self.person(member),
            },
            // The server ends the session as well, and that is told.
            Change::Ended => return None,
            Change::Joined(member) => Event::Joined {
                session,
                person: self.person(member),
            },
            // Who has gone on with us in another session has not left.
            Change::Left(_) if self.is_being_replaced(session) => return None,
            Change::Left(member) => Event::Left {
                session,
                person: self.person(member),
            },
            Change::Updated(member) => Event::Renamed {
                session,
                person: self.person(member),
            },
        };
        Some(event)
    }

    fn person(&self, member: Member) -> Person {
        Person {
            // IM-7.1.1.11-NTFY-S3: compared with the block list, and shown as such.
            blocked: !member.is_own && self.is_blocked(&member.entity),
            display: member.display_text,
            is_own: member.is_own,
            presence: match member.presence {
                Presence::Left => "left",
                Presence::Alerting => "alerting",
                Presence::Joined => "joined",
            },
            entity: member.entity,
        }
    }

    /// Is the address on the user's block list? IM-7.1.1.11-NTFY-S3a: the list is kept here.
    pub(crate) fn is_blocked(&self, uri: &str) -> bool {
        let key = |uri: &str| Uri::parse(uri).map_or_else(|_| uri.to_owned(), |uri| uri.aor());
        let uri = key(uri);
        self.config
            .block_list
            .iter()
            .any(|blocked| key(blocked) == uri)
    }

    /// Everybody known in a conference.
    pub(crate) fn members(&self, id: SessionId) -> Result<Vec<Person>, Failure> {
        match self.watches.get(&id) {
            Some(watch) => Ok(watch.roster.members().map(|m| self.person(m)).collect()),
            None if self.sessions.contains_key(&id) => Ok(Vec::new()),
            None => Err(Failure::NoSuchSession),
        }
    }

    /// Subscribes, or asks for the whole state again.
    pub(crate) fn resubscribe(&mut self, id: SessionId, now: Instant) -> Result<(), Failure> {
        if !self.sessions.contains_key(&id) {
            return Err(Failure::NoSuchSession);
        }
        match self.watches.get(&id).map(|watch| &watch.subscriber) {
            // RFC 6665 section 4.1.2.4: the first NOTIFY is still to come, and brings all. Before
            // it there is no dialog to ask in, and to ask outside is to subscribe twice.
            Some(asked) if asked.call_id().is_some() && asked.dialog().is_none() => {}
            Some(_) => self.send_subscribe(id, now),
            None => self.watch(id, now),
        }
        Ok(())
    }

    /// Ends the subscription of a session that goes on.
    pub(crate) fn unsubscribe(&mut self, id: SessionId, now: Instant) -> Result<(), Failure> {
        if !self.watches.contains_key(&id) {
            return Err(Failure::NotNow {
                why: "there is no subscription",
            });
        }
        self.leave_watch(id, now);
        Ok(())
    }

    /// IM-7.1.1.11-TERM: a SUBSCRIBE with Expires 0 ends it (RFC 6665 section 4.1.2.3).
    pub(crate) fn leave_watch(&mut self, id: SessionId, now: Instant) {
        if let Some(watch) = self.watches.get_mut(&id) {
            let next = watch.subscriber.leave();
            self.watch_next(id, next, now);
        }
    }

    fn watch_over(&mut self, id: SessionId, end: End) {
        self.watches.remove(&id);
        let why = match end {
            End::Left => "we ended it".to_owned(),
            End::Refused(status) => format!("refused with {status}"),
            End::Silent => "the server is silent".to_owned(),
            End::Told(reason) => match reason.as_str() {
                Some(reason) => format!("the server ended it: {reason}"),
                None => "the server ended it".to_owned(),
            },
        };
        self.tell(Event::SubscriptionEnded { session: id, why });
    }

    pub(crate) fn watch_timeouts(&mut self, now: Instant) {
        let due = |watch: &Watch| watch.poll_timeout().is_some_and(|at| at <= now);
        let due: Vec<_> = self
            .watches
            .iter()
            .filter(|(_, w)| due(w))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            if let Some(watch) = self.watches.get_mut(&id) {
                let next = watch.subscriber.handle_timeout(now);
                self.watch_next(id, next, now);
            }
        }
    }
}
