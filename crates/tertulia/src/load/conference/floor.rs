//! Where the telephones stand: their sockets, their connections, and the clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Receiver, UnboundedReceiver, UnboundedSender};
use tokio::task::AbortHandle;
use world::World;

use super::super::tally::Fault;
use super::super::target::Ground;
use super::Place;
use super::frames::Script;
use super::hall::Hall;
use super::lines::{Heard, Line, READS, open_line};
use super::link::{Event, Link, Member};
use super::phones::{Cast, LegId, Media, News, Phones, RoomId, Wants, address, own_path};
use super::voice::Voice;
use crate::complaint::Complaint;

/// Registrations under way at a time: what a server and its store take in their stride.
const REGISTERING: u32 = 100;

/// All telephones with their sockets.
pub(super) struct Floor {
    world: World,
    target: SocketAddr,
    pub(super) phones: Phones,
    lines: Vec<Line>,
    heard: Receiver<(usize, Heard)>,
    events: UnboundedReceiver<Event>,
    tell: UnboundedSender<Event>,
    links: BTreeMap<LegId, Connected>,
    hall: Option<Arc<Hall>>,
    /// Octets of the texts that members say.
    octets: usize,
    /// What has happened since the load last looked.
    pub(super) news: Vec<News>,
}

struct Connected {
    task: AbortHandle,
    link: Option<Arc<Link>>,
}

enum Woken {
    Heard(usize, Heard),
    Event(Event),
    Time,
}

impl Floor {
    /// Opens a socket at each source.
    ///
    /// # Errors
    ///
    /// The system gives no sockets, or the server takes no connections.
    pub(super) async fn open(
        ground: &Ground,
        place: &Place,
        wants: Wants,
        hall: Option<Arc<Hall>>,
        octets: usize,
    ) -> Result<Self, Complaint> {
        let world = ground.world.clone();
        let (tell_heard, heard) = mpsc::channel(READS);
        let (mut lines, mut addresses) = (Vec::new(), Vec::new());
        for turn in 0..usize::from(ground.common.sources.max(1)) {
            let opened = open_line(ground, &world, turn, &tell_heard).await;
            let (line, at) = opened.map_err(|error| {
                let what = format!("cannot speak SIP to {}: {error}", ground.target);
                Complaint::unable(what, "see that a server listens there")
            })?;
            lines.push(line);
            addresses.push(at);
        }
        let nonce = world.rng.clone().token(64);
        let cast = Cast::new(
            &ground.common,
            &place.factory,
            place.room.as_deref(),
            wants,
            &nonce,
        );
        let (tell, events) = mpsc::unbounded_channel();
        Ok(Self {
            world,
            target: ground.target,
            phones: Phones::new(cast, addresses),
            lines,
            heard,
            events,
            tell,
            links: BTreeMap::new(),
            hall,
            octets,
            news: Vec::new(),
        })
    }

    /// What time it is.
    pub(super) fn now(&self) -> Instant {
        self.world.clock.now()
    }

    /// Waits for something to happen, or until then, and does what follows from it. Dropping the
    /// future loses nothing.
    pub(super) async fn step(&mut self, until: Instant) {
        let alarm = self
            .phones
            .poll_timeout()
            .map_or(until, |alarm| alarm.min(until));
        let woken = tokio::select! {
            biased;
            heard = self.heard.recv() => heard.map_or(Woken::Time, |(line, heard)| Woken::Heard(line, heard)),
            event = self.events.recv() => event.map_or(Woken::Time, Woken::Event),
            () = self.world.clock.sleep_until(alarm) => Woken::Time,
        };
        let now = self.now();
        self.woken(woken, now);
        // What else is there, without waiting; not for ever.
        for _ in 0..READS {
            let Ok((line, heard)) = self.heard.try_recv() else {
                break;
            };
            self.woken(Woken::Heard(line, heard), now);
        }
        while let Ok(event) = self.events.try_recv() {
            self.woken(Woken::Event(event), now);
        }
        self.phones.handle_timeout(now);
        self.settle();
    }

    fn woken(&mut self, woken: Woken, now: Instant) {
        match woken {
            Woken::Heard(line, Heard::Message(message)) => self.phones.take(line, message, now),
            Woken::Heard(_, Heard::Malformed) => self.fault(Fault::Malformed),
            Woken::Heard(_, Heard::End) => self.fault(Fault::Lost),
            Woken::Event(Event::Up(leg, link)) => {
                if let Some(connected) = self.links.get_mut(&leg) {
                    connected.link = Some(link);
                    self.phones.media(leg, Media::Up, now);
                }
            }
            Woken::Event(Event::Lost(leg)) => {
                if self.links.remove(&leg).is_some() {
                    self.phones.media(leg, Media::Lost, now);
                }
            }
            Woken::Time => {}
        }
    }

    /// Carries out what the phones want.
    pub(super) fn settle(&mut self) {
        for (line, bytes) in std::mem::take(&mut self.phones.out) {
            if let Some(line) = self.lines.get(line) {
                line.send(self.target, bytes);
            }
        }
        for news in std::mem::take(&mut self.phones.news) {
            match news {
                News::Connect(leg) => self.connect(leg),
                News::Close(leg) => {
                    if let Some(connected) = self.links.remove(&leg) {
                        connected.task.abort();
                    }
                }
                News::Ready(_) | News::Failed(..) | News::Registered | News::Noticed(..) => {
                    self.news.push(news);
                }
            }
        }
    }

    fn connect(&mut self, id: LegId) {
        let found = self.phones.leg(id).zip(self.phones.address_of(id));
        let Some((leg, at)) = found else { return };
        let (Some(to), Some(room)) = (address(&leg.path), self.phones.room(leg.room)) else {
            return;
        };
        let cast = &self.phones.cast;
        let own = own_path(at, id.0, &cast.nonce);
        let seat = room.seats.place(leg.user).unwrap_or_default();
        let script = Script::new(
            &leg.path,
            &own,
            &cast.aor(leg.user),
            &leg.focus,
            self.octets,
        );
        let member = Member {
            leg: id,
            seat: usize::try_from(seat).unwrap_or_default(),
            from: Some(at.ip()),
            to,
            hall: self.hall.clone(),
        };
        let voice = Voice::Msrp { script, own };
        let running = member.run(self.world.clone(), voice, self.tell.clone());
        let task = self.world.tasks.spawn("member", running).abort_handle();
        self.links.insert(id, Connected { task, link: None });
    }

    /// The connections of a room by seat; `None` where there is none.
    pub(super) fn links(&self, room: RoomId) -> Vec<Option<Arc<Link>>> {
        let Some(room) = self.phones.room(room) else {
            return Vec::new();
        };
        let mut links = vec![None; usize::try_from(room.seats.size).unwrap_or_default()];
        for id in &room.legs {
            let seat = self
                .phones
                .leg(*id)
                .and_then(|leg| room.seats.place(leg.user));
            let seat = seat.and_then(|seat| links.get_mut(usize::try_from(seat).ok()?));
            let link = self
                .links
                .get(id)
                .and_then(|connected| connected.link.clone());
            if let Some(seat) = seat {
                *seat = link;
            }
        }
        links
    }

    /// Something is wrong that belongs to no operation.
    pub(super) fn fault(&mut self, fault: Fault) {
        *self.phones.faults.entry(fault).or_default() += 1;
    }

    /// Registers the first `users`, all within `patience`.
    ///
    /// # Errors
    ///
    /// Not all could be registered: there is no load without them.
    pub(super) async fn register(
        &mut self,
        users: u32,
        patience: Duration,
    ) -> Result<(), Complaint> {
        let mut deadline = self.now() + patience;
        let (mut begun, mut done) = (0, 0);
        while done < users {
            while begun < users && begun - done < REGISTERING {
                let now = self.now();
                self.phones.register(begun, now);
                begun += 1;
            }
            self.settle();
            self.step(deadline).await;
            let before = done;
            for news in self.news.drain(..) {
                done += u32::from(news == News::Registered);
            }
            // As long as it goes on, however slowly.
            if done > before {
                deadline = self.now() + patience;
            } else if self.now() >= deadline {
                break;
            }
        }
        let missing = (0..users)
            .filter(|user| !self.phones.is_registered(*user))
            .count();
        if missing == 0 {
            return Ok(());
        }
        let why = self.phones.faults.iter().next();
        let why = why.map_or("no answer".to_owned(), |(fault, _)| fault.to_string());
        let what = format!("{missing} of {users} users could not be registered: {why}");
        let remedy = "see that they exist on the server: --user, --password, --domain";
        Err(Complaint::wrong(what, remedy))
    }

    /// Ends all sessions, and waits a little until that has gone out.
    pub(super) async fn close(&mut self, rooms: &[RoomId], patience: Duration) {
        let deadline = self.now() + patience;
        for room in rooms {
            let now = self.now();
            self.phones.hang_up(*room, now);
            self.settle();
            // A breath for the server: a thousand BYEs at once would only be said again.
            if now < deadline {
                self.step(now + Duration::from_millis(1)).await;
            }
        }
        while self
            .phones
            .poll_timeout()
            .is_some_and(|alarm| alarm < deadline)
        {
            self.step(deadline).await;
            if self.phones.is_quiet() {
                break;
            }
        }
    }
}
