//! What a session of IMPS says, to other sessions and to devices.

use std::sync::Arc;

use imps::csp::{ContentData, Group, MessageInfo, Participant, ScreenName, Sender};
use msrp::cpim::{IMDN_NS, NewCpim};
use room::{Address, Audience, LegId, Nick, PersonId, Refusal, Seat};

use super::{Place, RoomTask};
use crate::imps::{Item, Letter, Wanted, cir};
use crate::rooms::handset::Speak;
use crate::rooms::observers::anonymous;
use crate::rooms::task::SLOW;

/// The media type of a message that names none.
const TEXT: &str = "text/plain";

/// By which URI and name somebody is known to devices.
pub(super) struct Known {
    pub(super) uri: String,
    pub(super) name: Option<String>,
}

impl RoomTask {
    pub(super) fn speak(&mut self, speak: Speak) {
        let Speak {
            leg,
            to,
            info,
            content,
            report,
            answer,
        } = speak;
        let heard = self.hearers(leg, to.as_ref());
        // Nobody waits any more for an answer that is not wanted.
        let (heard, one) = match heard {
            Ok(heard) => heard,
            Err(refusal) => {
                let _ = answer.send(Err(refusal));
                return;
            }
        };
        let by = self.room.owner(leg);
        if let Some(by) = by.and_then(|who| self.room.seat(who)) {
            let (by, shown, known) = (by.id, self.participant(&by), known(&by));
            let wanted = report.then(|| Wanted {
                room: Arc::clone(&self.handle.identity),
                by,
                id: info.id.clone().unwrap_or_default(),
                date_time: self.date_time(),
            });
            let said = Said {
                info,
                content,
                wanted,
            };
            self.say_to_devices(&said, &known, one, &heard);
            let letter = self.letter(said, shown, to.map(|nick| nick.as_str().to_owned()));
            for leg in heard {
                self.hand_over(leg, &letter);
            }
        }
        let _ = answer.send(Ok(()));
    }

    /// Those who hear it, and the one person whom it is for if it is not for all.
    fn hearers(
        &self,
        from: LegId,
        to: Option<&Nick>,
    ) -> Result<(Vec<LegId>, Option<PersonId>), Refusal> {
        let mut heard = Vec::new();
        let Some(nick) = to else {
            self.room.audience(from, &Audience::Everyone, &mut heard)?;
            return Ok((heard, None));
        };
        let named = self.named(nick).and_then(|who| self.room.seat(who));
        let nobody = Address::new("");
        let audience = match &named {
            None => Audience::Address(&nobody),
            Some(seat) => match seat.hidden {
                Some(alias) => Audience::Alias(alias),
                None => Audience::Address(seat.address),
            },
        };
        self.room.audience(from, &audience, &mut heard)?;
        // RFC 7701 6.2: no device shows it as if it were for all.
        heard.retain(|leg| self.voices.whispers(*leg));
        match heard.is_empty() {
            true => Err(Refusal::NoWhispering),
            false => Ok((heard, named.map(|seat| seat.id))),
        }
    }

    /// The person whom handsets know by this name.
    fn named(&self, nick: &Nick) -> Option<PersonId> {
        let goes_by = |seat: &Seat<'_>| {
            let shown = self.participant(seat).screen_name;
            !seat.legs.is_empty() && Nick::new(&shown).folded() == nick.folded()
        };
        self.room.people().find(goes_by).map(|seat| seat.id)
    }

    fn say_to_devices(&mut self, said: &Said, by: &Known, one: Option<PersonId>, heard: &[LegId]) {
        let to = one.and_then(|who| self.room.seat(who));
        let to = to.map_or(self.handle.identity.to_string(), |seat| known(&seat).uri);
        let id = said.info.id.clone().unwrap_or_default();
        let content_type = said.info.content_type.as_deref().unwrap_or_default();
        let content_type = match (content_type.trim(), &said.content) {
            // What a client of IMPS writes is UTF-8 by the time it is here.
            ("" | TEXT, ContentData::Text(_)) => "text/plain;charset=UTF-8",
            ("", ContentData::Octets(_)) => "application/octet-stream",
            (named, _) => named,
        };
        let mut headers = vec![("imdn.Message-ID", id.as_str())];
        if said.wanted.is_some() {
            headers.push(("imdn.Disposition-Notification", "positive-delivery"));
        }
        let cpim = NewCpim {
            from: (by.name.as_deref(), &by.uri),
            to: (None, &to),
            date_time: Some(&self.date_time()),
            namespaces: &[("imdn", IMDN_NS)],
            headers: &headers,
            content_type,
            mime_headers: &[],
        };
        self.utter(&cpim, said.content.as_bytes(), heard.to_vec());
    }

    /// Says something of our own to devices.
    pub(super) fn utter(&mut self, cpim: &NewCpim<'_>, body: &[u8], to: Vec<LegId>) {
        let slow = self
            .speech
            .utter(cpim, body, to, &self.voices, &mut self.rng);
        for leg in slow {
            self.lose(leg, SLOW);
        }
    }

    /// What was said, as handsets get it. `to`: by name the one whom it is for, if it is for one.
    pub(super) fn letter(&self, said: Said, by: Participant, to: Option<String>) -> Arc<Letter> {
        let group = self.group().to_string();
        let name = |name: String| ScreenName {
            name,
            group: group.clone(),
        };
        let Said {
            mut info,
            content,
            wanted,
        } = said;
        info.sender = Some(Sender::Group(Group::ScreenName(name(by.screen_name))));
        info.recipient.groups = vec![match to {
            Some(one) => Group::ScreenName(name(one)),
            None => Group::Id(group.clone()),
        }];
        Arc::new(Letter {
            info,
            content,
            kept_for: None,
            wanted,
        })
    }

    pub(super) fn hand_over(&mut self, leg: LegId, letter: &Arc<Letter>) {
        let Some(Place::Handset(handset)) = self.seats.get(&leg) else {
            return;
        };
        let session = Arc::clone(&handset.session);
        let now = self.house.world.clock.now();
        match session.put(Item::Letter(Arc::clone(letter)), now) {
            Ok(true) => cir::ring(&self.house, &session),
            Ok(false) => {}
            Err(_) => self.lose(leg, "too much waits for it"),
        }
    }

    /// Now, in the form of RFC 3339.
    pub(super) fn date_time(&self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.house.unix_ms());
        at.unwrap_or_default().to_string()
    }
}

/// A message before it is known how its sender is called by whoever gets it.
pub(super) struct Said {
    pub(super) info: MessageInfo,
    pub(super) content: ContentData,
    pub(super) wanted: Option<Wanted>,
}

/// By which URI and name a person is known to devices. IM-7.2.2.2-OK-S3c: the hidden are
/// anonymous.
pub(super) fn known(seat: &Seat<'_>) -> Known {
    match seat.hidden {
        Some(alias) => Known {
            uri: anonymous(alias),
            name: None,
        },
        None => Known {
            uri: seat.address.to_string(),
            name: seat.nick.or(seat.display).map(str::to_owned),
        },
    }
}
