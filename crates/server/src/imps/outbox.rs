//! What waits for a client, and what it was told and has not answered.
//!
//! ```text
//!   put ──▶ waiting ──the client polls──▶ sent ──answered──▶ done, see receipt
//!                                          └──no answer, polled again──▶ sent again, same id
//! ```
//!
//! Messages that the store keeps wait there rather than here: the box remembers only that there
//! are some ([`Outbox::backlog`]), and they are fetched a few at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use imps::csp::DeliveryMethod;
use imps::{Primitive, Transaction};
use store::Cursor;

use super::letter::BESIDE;
use super::letter::Letter;
use super::notice::Notice;
use super::presence::News;
use super::receipt::Receipt;
use super::terms::Terms;

/// The most that waits in one box, besides what waits in the store.
const WAITING_MAX: usize = 1000;

/// The most bytes that wait in one box.
const BYTES_MAX: usize = 1 << 20;

/// After how long something is sent again that was not answered, when the client polls. A client
/// that polls has read all it was sent; its answer, or ours, was lost.
const AGAIN: Duration = Duration::from_secs(5);

/// The most messages of groups that are held for a client which was told of them.
const HELD_MAX: usize = 200;

/// What waits for one client.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Item>,
    bytes: usize,
    /// By the number of the transaction.
    sent: BTreeMap<u64, Sent>,
    last: u64,
    /// Where in the store messages for this user begin that are not here; none if all are.
    pub(super) backlog: Option<Cursor>,
    /// Something came while messages were read from the store, which they may not include.
    missed: bool,
    /// Messages of the store that this client was told of, which it has not fetched.
    announced: BTreeSet<String>,
    /// Messages of groups that this client was told of, the oldest first.
    held: VecDeque<Arc<Letter>>,
    /// Groups whose messages are announced rather than pushed.
    announce: BTreeSet<String>,
    /// Groups of which the user does not want to hear.
    silent: BTreeSet<String>,
}

/// One thing that a client is to be told.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A message.
    Letter(Arc<Letter>),
    /// News of a group. Later news of the same group are added while it waits.
    Notice(Notice),
    /// News of presence. Later news of the same users take their place while they wait.
    Presence(News),
    /// Whatever else.
    Tell(Box<Primitive>, Receipt),
}

#[derive(Debug)]
struct Sent {
    item: Item,
    /// As a whole, if it is a message: it need not be held for the client.
    pushed: bool,
    at: Instant,
}

/// The box is full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Full;

impl Item {
    /// Something to tell, whose answer does not matter.
    pub(crate) fn tell(primitive: impl Into<Primitive>) -> Self {
        Self::Tell(Box::new(primitive.into()), Receipt::None)
    }

    fn weight(&self) -> usize {
        match self {
            Self::Letter(letter) => letter.weight(),
            Self::Notice(notice) => notice.weight(),
            Self::Presence(news) => news.weight(),
            Self::Tell(..) => 500,
        }
    }

    /// Does it go to the client as a whole? Only a message may not.
    fn is_pushed(&self, terms: &Terms, announce: &BTreeSet<String>) -> bool {
        match self {
            Self::Letter(letter) => is_pushed(letter, terms, announce),
            Self::Notice(_) | Self::Presence(_) | Self::Tell(..) => true,
        }
    }

    fn primitive(&self, terms: &Terms, announce: &BTreeSet<String>) -> Primitive {
        match self {
            Self::Letter(letter) if is_pushed(letter, terms, announce) => {
                letter.pushed(terms.shown).into()
            }
            Self::Letter(letter) => letter.announced().into(),
            Self::Notice(notice) => notice.primitive().into(),
            Self::Presence(news) => news.primitive().into(),
            Self::Tell(primitive, _) => (**primitive).clone(),
        }
    }
}

/// Does this message go to the client as a whole?
fn is_pushed(letter: &Letter, terms: &Terms, announce: &BTreeSet<String>) -> bool {
    let size = letter.size_shown(terms.shown);
    let fits = |max: Option<u32>| max.is_none_or(|max| size <= usize::try_from(max).unwrap_or(0));
    // What cannot be parsed is better fetched, or not, than pushed again and again.
    let parses = terms
        .parser_max
        .is_none_or(|max| size.saturating_add(BESIDE) <= max);
    let is_announced = letter.group().is_some_and(|group| announce.contains(group));
    terms.delivery != DeliveryMethod::Notify && !is_announced && fits(terms.push_max) && parses
}

impl Outbox {
    /// Puts something into the box.
    ///
    /// # Errors
    ///
    /// [`Full`]; then it is not in.
    pub(super) fn put(&mut self, item: Item) -> Result<(), Full> {
        let is_added = match &item {
            Item::Notice(news) => self.add_notice(news),
            Item::Presence(news) => self.add_presence(news)?,
            Item::Letter(_) | Item::Tell(..) => false,
        };
        if is_added {
            return Ok(());
        }
        let weight = item.weight();
        if self.waiting.len() >= WAITING_MAX || self.bytes.saturating_add(weight) > BYTES_MAX {
            return Err(Full);
        }
        self.bytes = self.bytes.saturating_add(weight);
        self.waiting.push_back(item);
        Ok(())
    }

    /// Adds news of a group to those that wait. False: none wait.
    fn add_notice(&mut self, news: &Notice) -> bool {
        let last = self
            .waiting
            .iter_mut()
            .rev()
            .find_map(|waiting| match waiting {
                Item::Notice(notice) if notice.group == news.group => Some(Some(notice)),
                // What was said stays where it was said, between who came and who went.
                Item::Letter(letter) if letter.kept_for.is_none() => Some(None),
                Item::Letter(_) | Item::Notice(_) | Item::Presence(_) | Item::Tell(..) => None,
            });
        if let Some(Some(notice)) = last {
            notice.add(news);
            return true;
        }
        false
    }

    /// Adds news of presence to those that wait, in the place of older ones of the same user.
    /// False: none wait that they can be added to.
    fn add_presence(&mut self, later: &News) -> Result<bool, Full> {
        let waiting = self.waiting.iter_mut().filter_map(|item| match item {
            Item::Presence(news) => Some(news),
            Item::Letter(_) | Item::Notice(_) | Item::Tell(..) => None,
        });
        let mut waiting: Vec<_> = waiting.collect();
        // Those of the same user first: else an older word would come after.
        waiting.sort_by_key(|news| !news.with_same(later));
        for news in waiting {
            let Some(both) = news.with(later) else {
                continue;
            };
            let bytes = self.bytes.saturating_sub(news.weight());
            let bytes = bytes.saturating_add(both.weight());
            if bytes > BYTES_MAX {
                return Err(Full);
            }
            self.bytes = bytes;
            *news = both;
            return Ok(true);
        }
        Ok(false)
    }

    /// Takes news of a user's presence out that wait.
    pub(super) fn forget_news(&mut self, user: &str) {
        for item in &mut self.waiting {
            let Item::Presence(news) = item else { continue };
            if news.are_of(user) {
                self.bytes = self.bytes.saturating_sub(news.weight());
                *news = news.without(user);
                self.bytes = self.bytes.saturating_add(news.weight());
            }
        }
        let is_empty = |item: &Item| matches!(item, Item::Presence(news) if news.is_empty());
        self.waiting.retain(|item| !is_empty(item));
    }

    /// Puts something in whatever else is in it.
    pub(super) fn put_last(&mut self, item: Item) {
        self.bytes = self.bytes.saturating_add(item.weight());
        self.waiting.push_back(item);
    }

    /// Whether messages of a group are announced rather than pushed, whatever was agreed for all.
    pub(super) fn announce_group(&mut self, group: &str, announce: bool) {
        match announce {
            true => drop(self.announce.insert(group.to_owned())),
            false => drop(self.announce.remove(group)),
        }
    }

    /// The groups of which the user does not want to hear.
    pub(super) fn silence(&mut self, groups: BTreeSet<String>) {
        self.silent = groups;
    }

    /// Is it something that was said in such a group?
    pub(super) fn is_silent(&self, item: &Item) -> bool {
        match item {
            Item::Letter(letter) => {
                let group = letter.group();
                group.is_some_and(|group| self.silent.contains(group))
            }
            Item::Notice(_) | Item::Presence(_) | Item::Tell(..) => false,
        }
    }

    /// Puts a message in that the store keeps. If messages before it wait there, or the box is
    /// full, it stays there.
    pub(super) fn put_kept(&mut self, letter: &Arc<Letter>) {
        if self.backlog.is_some() {
            self.missed = true;
            return;
        }
        if self.knows(letter.id()) {
            return;
        }
        if self.put(Item::Letter(Arc::clone(letter))).is_err() {
            self.backlog = Some(Cursor::START);
        }
    }

    /// Messages that were read from the store, from where on, and where to go on reading. Those
    /// that are here already are passed over.
    pub(super) fn fill(&mut self, letters: Vec<Arc<Letter>>, after: Cursor, rest: Option<Cursor>) {
        let missed = std::mem::take(&mut self.missed);
        self.backlog = rest.or(missed.then_some(after));
        for letter in letters {
            if !self.knows(letter.id()) && self.put(Item::Letter(letter)).is_err() {
                self.backlog = Some(Cursor::START);
                return;
            }
        }
    }

    /// Is this message here, or does the client know of it?
    fn knows(&self, id: &str) -> bool {
        let is_it = |item: &Item| matches!(item, Item::Letter(letter) if letter.id() == id);
        self.announced.contains(id)
            || self.waiting.iter().any(is_it)
            || self.sent.values().any(|sent| is_it(&sent.item))
    }

    /// Does anything wait that the client has not been sent?
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.backlog.is_some()
    }

    /// Is it time to fetch messages from the store? What comes from now on is noted.
    pub(super) fn wants_more(&mut self) -> Option<Cursor> {
        let after = self.backlog.clone().filter(|_| self.waiting.is_empty());
        if after.is_some() {
            self.missed = false;
        }
        after
    }

    /// What the client is to be sent now.
    pub(super) fn draw(&mut self, terms: &Terms, now: Instant) -> Vec<Transaction> {
        let mut drawn = Vec::new();
        for (number, sent) in &mut self.sent {
            if drawn.len() < terms.message_max && sent.at + AGAIN <= now {
                sent.at = now;
                sent.pushed = sent.item.is_pushed(terms, &self.announce);
                drawn.push(transaction(*number, &sent.item, terms, &self.announce));
            }
        }
        while drawn.len() < terms.message_max
            && self.sent.len() < terms.open_max
            && let Some(item) = self.waiting.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(item.weight());
            self.last = self.last.wrapping_add(1);
            drawn.push(transaction(self.last, &item, terms, &self.announce));
            let sent = Sent {
                pushed: item.is_pushed(terms, &self.announce),
                item,
                at: now,
            };
            self.sent.insert(self.last, sent);
        }
        drawn
    }

    /// What the client has answered with a transaction of this id; none if it was nothing, or
    /// answered before.
    pub(super) fn answered(&mut self, id: &str) -> Option<Item> {
        let number = id.strip_prefix('s')?.parse().ok()?;
        let Sent { item, pushed, .. } = self.sent.remove(&number)?;
        if let Item::Letter(letter) = &item
            && !pushed
        {
            self.hold(letter);
        }
        Some(item)
    }

    /// Keeps what there is to be fetched later.
    fn hold(&mut self, letter: &Arc<Letter>) {
        if letter.kept_for.is_some() {
            self.announced.insert(letter.id().to_owned());
            return;
        }
        if self.held.len() >= HELD_MAX {
            self.held.pop_front();
        }
        self.held.push_back(Arc::clone(letter));
    }

    /// Messages of groups that the client was told of.
    pub(super) fn held(&self) -> impl Iterator<Item = &Arc<Letter>> {
        self.held.iter()
    }

    /// The one of them that has this id.
    pub(super) fn held_one(&self, id: &str) -> Option<Arc<Letter>> {
        self.held().find(|letter| letter.id() == id).cloned()
    }

    /// The client has this message, or does not want it: it is forgotten here.
    pub(super) fn forget(&mut self, id: &str) {
        self.announced.remove(id);
        self.held.retain(|letter| letter.id() != id);
        // What is under way is not sent again.
        let is_it = |item: &Item| matches!(item, Item::Letter(letter) if letter.id() == id);
        self.sent.retain(|_, sent| !is_it(&sent.item));
        let mut bytes = self.bytes;
        self.waiting.retain(|item| match item {
            Item::Letter(letter) if letter.id() == id => {
                bytes = bytes.saturating_sub(item.weight());
                false
            }
            Item::Letter(_) | Item::Notice(_) | Item::Presence(_) | Item::Tell(..) => true,
        });
        self.bytes = bytes;
    }

    /// Gives back the memory that nothing needs.
    pub(super) fn tidy(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
    }
}

fn transaction(
    number: u64,
    item: &Item,
    terms: &Terms,
    announce: &BTreeSet<String>,
) -> Transaction {
    Transaction::request(format!("s{number}"), item.primitive(terms, announce))
}

#[cfg(test)]
mod tests {
    use imps::csp::{CapabilityList, ContentData, MessageInfo};

    use super::*;

    fn letter(id: &str) -> Arc<Letter> {
        Arc::new(Letter {
            info: MessageInfo {
                id: Some(id.to_owned()),
                ..MessageInfo::default()
            },
            content: ContentData::from("hello"),
            kept_for: Some(room::Address::new("sip:bob@localhost")),
            wanted: None,
        })
    }

    fn terms(method: DeliveryMethod) -> Terms {
        Terms::of(&CapabilityList {
            initial_delivery_method: Some(method),
            multi_trans: Some(16),
            multi_trans_per_message: Some(16),
            ..CapabilityList::default()
        })
    }

    /// What is stored after a page was read, and before it is here, is on no page that was read.
    #[tokio::test]
    async fn a_message_that_comes_while_others_are_read_is_read_as_well() {
        let mut outbox = Outbox {
            backlog: Some(Cursor::START),
            ..Outbox::default()
        };
        assert_eq!(outbox.wants_more(), Some(Cursor::START));
        outbox.put_kept(&letter("late"));
        outbox.fill(vec![letter("early")], Cursor::START, None);
        let now = world::Clock::Os.now();
        let drawn = outbox.draw(&terms(DeliveryMethod::Push), now);
        assert_eq!(drawn.len(), 1);
        assert!(outbox.is_waiting());
        assert_eq!(outbox.wants_more(), Some(Cursor::START));
        // The first is under way still, and is not sent twice.
        let both = vec![letter("early"), letter("late")];
        outbox.fill(both, Cursor::START, None);
        assert_eq!(outbox.draw(&terms(DeliveryMethod::Push), now).len(), 1);
        assert!(!outbox.is_waiting());
        assert_eq!(outbox.wants_more(), None);
    }

    /// What was sent as a whole is not held, whatever the client has asked for meanwhile.
    #[tokio::test]
    async fn how_a_message_was_sent_counts_when_it_is_answered() {
        let now = world::Clock::Os.now();
        let in_group = |id: &str| {
            let mut letter = Letter::clone(&letter(id));
            letter.kept_for = None;
            Item::Letter(Arc::new(letter))
        };
        for (method, held) in [(DeliveryMethod::Push, 0), (DeliveryMethod::Notify, 1)] {
            let mut outbox = Outbox::default();
            outbox.put(in_group("one")).unwrap();
            let drawn = outbox.draw(&terms(method), now);
            assert!(outbox.answered(&drawn[0].id).is_some());
            assert_eq!(outbox.held().count(), held);
            assert!(outbox.answered(&drawn[0].id).is_none());
        }
    }

    #[tokio::test]
    async fn what_is_forgotten_is_not_sent_again() {
        let mut outbox = Outbox::default();
        outbox.put_kept(&letter("one"));
        outbox.put_kept(&letter("two"));
        let now = world::Clock::Os.now();
        let one_at_a_time = Terms::of(&CapabilityList::default());
        assert_eq!(outbox.draw(&one_at_a_time, now).len(), 1);
        outbox.forget("one");
        outbox.forget("two");
        assert!(!outbox.is_waiting());
        assert!(outbox.draw(&one_at_a_time, now + AGAIN).is_empty());
        assert_eq!(outbox.bytes, 0);
    }

    #[tokio::test]
    async fn a_box_has_room_for_so_much() {
        let mut outbox = Outbox::default();
        for n in 0..WAITING_MAX {
            outbox.put(Item::Letter(letter(&n.to_string()))).unwrap();
        }
        assert_eq!(outbox.put(Item::Letter(letter("x"))), Err(Full));
        // What the store keeps stays there.
        outbox.put_kept(&letter("x"));
        assert_eq!(outbox.backlog, Some(Cursor::START));
    }
}
