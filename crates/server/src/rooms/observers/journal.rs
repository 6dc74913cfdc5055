//! Who is shown in a room, in the order of change.
//!
//! Every change of a person gets the next number, and a person stands at the number of the latest
//! one. So what somebody does not know who was told up to a number is what stands behind it, and
//! any part of that, from its beginning, can be told by itself.

use std::collections::BTreeMap;

use room::{Seat, Visible};
use xdm::conference_info::{Status, UserXml};

/// The people of one room, as observers see them.
#[derive(Default)]
pub(super) struct Journal {
    /// Each person as shown now, by their number in the room; `None` for those not shown.
    people: Vec<Option<Shown>>,
    /// Since when each person is shown by address, by their number in the room.
    exposed: Vec<Option<Exposed>>,
    /// The number in the room of each person who is shown, by the latest change.
    order: BTreeMap<u64, usize>,
    /// The number of the latest change.
    changes: u64,
}

/// A person as shown now.
pub(super) struct Shown {
    /// Serialised once, and copied into the documents of all who are told.
    pub(super) xml: UserXml,
    pub(super) status: Visible,
    change: u64,
}

/// A person is shown by address.
#[derive(Clone, Copy)]
struct Exposed {
    /// The change that first showed them.
    first: u64,
    /// The change that showed them when they came last.
    since: u64,
    /// The latest change that showed them so.
    last: u64,
    /// That change showed them gone.
    gone: bool,
}

/// An address that was shown and is not any more.
pub(super) struct Concealed {
    /// That it is gone, to be told to those who know it and to nobody else.
    pub(super) xml: UserXml,
    exposed: Exposed,
}

/// Does somebody know an address?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Knows {
    Yes,
    No,
    /// It was shown more than once, and which of that they were told is not kept.
    Unclear,
}

impl Journal {
    /// The number of the latest change.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Notes how a person is seen now.
    pub(super) fn changed(&mut self, seat: &Seat<'_>) {
        self.changes = self.changes.saturating_add(1);
        let index = seat.id.index();
        if self.people.len() <= index {
            self.people.resize_with(index.saturating_add(1), || None);
            self.exposed.resize(index.saturating_add(1), None);
        }
        if let (Some(exposed), None, Some(visible)) =
            (self.exposed.get_mut(index), seat.hidden, seat.visible)
        {
            let earlier = *exposed;
            // Shown anew after they had gone, they are news to whoever was told nothing between.
            let stayed = earlier.filter(|earlier| !earlier.gone);
            *exposed = Some(Exposed {
                first: earlier.map_or(self.changes, |earlier| earlier.first),
                since: stayed.map_or(self.changes, |earlier| earlier.since),
                last: self.changes,
                gone: visible == Visible::Disconnected,
            });
        }
        let Some(place) = self.people.get_mut(index) else {
            return;
        };
        if let Some(before) = place.take() {
            self.order.remove(&before.change);
        }
        if let Some(visible) = seat.visible {
            *place = Some(Shown {
                xml: user_xml(seat, visible),
                status: visible,
                change: self.changes,
            });
            self.order.insert(self.changes, index);
        }
    }

    /// A person who was shown by address is hidden from now on: that address has gone. `None` if
    /// they hid before anybody was told: then there is nothing to take back.
    pub(super) fn concealed(&mut self, seat: &Seat<'_>) -> Option<Concealed> {
        let exposed = self.exposed.get_mut(seat.id.index())?.take()?;
        self.changes = self.changes.saturating_add(1);
        Some(Concealed {
            xml: UserXml::new(seat.address.as_str(), None, Status::Disconnected),
            exposed,
        })
    }

    /// How many are shown and have not gone.
    pub(super) fn present(&self) -> usize {
        let shown = self.people.iter().flatten();
        let present = shown.filter(|shown| shown.status != Visible::Disconnected);
        present.count()
    }

    /// Those who have changed after `told`, with the change and their number in the room.
    pub(super) fn after(&self, told: u64) -> impl Iterator<Item = (u64, usize, &Shown)> {
        self.order
            .range(told.saturating_add(1)..)
            .filter_map(|(change, index)| {
                let shown = self.people.get(*index)?.as_ref()?;
                Some((*change, *index, shown))
            })
    }
}

impl Concealed {
    /// Does it matter to somebody who was told all up to `base`, and of what came after it those
    /// who stand up to `told`?
    pub(super) fn is_known(&self, base: u64, told: u64) -> Knows {
        let Exposed {
            first,
            since,
            last,
            gone,
        } = self.exposed;
        match () {
            () if told < first => Knows::No,
            // They were told that it has gone already.
            () if last <= told && gone => Knows::No,
            () if last <= told => Knows::Yes,
            () if since <= base => Knows::Yes,
            () => Knows::Unclear,
        }
    }
}

fn user_xml(seat: &Seat<'_>, visible: Visible) -> UserXml {
    let status = match visible {
        Visible::Alerting => Status::Alerting,   // IM-7.2.2.10-S2c2D
        Visible::Connected => Status::Connected, // IM-7.2.2.10-S2c2A
        Visible::Disconnected => Status::Disconnected, // IM-7.2.2.10-S2c2B
    };
    match seat.hidden {
        // IM-7.2.2.10-S2a4: an anonymous identity of its own for each, and no name but one that
        // they have chosen as such.
        Some(alias) => UserXml::new(&anonymous(alias), seat.nick, status),
        // IM-7.2.2.10-S2a1, IM-7.2.2.10-S2a3: the originator's authenticated address; the
        // address in the list of one who was invited. IM-7.2.2.10-S2b1: with its name. RFC 7701
        // 7.4: the one they have in this room comes first.
        None => UserXml::new(seat.address.as_str(), seat.nick.or(seat.display), status),
    }
}

/// The URI by which the others know a hidden person.
pub(crate) fn anonymous(alias: u32) -> String {
    format!("sip:{}@anonymous.invalid", anonymous_name(alias))
}

/// The name by which the others know a hidden person.
pub(crate) fn anonymous_name(alias: u32) -> String {
    format!("anonymous{alias}")
}
