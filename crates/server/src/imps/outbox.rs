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
    /// Messages of the store that this client was told of, which it has not fetched.
    announced: BTreeSet<String>,
    /// Messages of groups that this client was told of, the oldest first.
    held: VecDeque<Arc<Letter>>,
    /// Groups whose messages are announced rather than pushed.
    announce: BTreeSet<String>,
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

    fn primitive(&self, terms: &Terms, announce: &BTreeSet<String>) -> Primitive {
        match self {
            Self::Letter(letter) if is_pushed(letter, terms, announce) => letter.pushed().into(),
            Self::Letter(letter) => letter.announced().into(),
            Self::Notice(notice) => notice.primitive().into(),
            Self::Presence(news) => news.primitive().into(),
            Self::Tell(primitive, _) => (**primitive).clone(),
        }
    }
}

/// Does this message go to the client as a whole?
fn is_pushed(letter: &Letter, terms: &Terms, announce: &BTreeSet<String>) -> bool {
    let size = letter.size();
    let fits = |max: Option<u32>| max.is_none_or(|max| size <= usize::try_from(max).unwrap_or(0));
    // What cannot be parsed is better fetched, or not, than pushed again and again.
    let parses = terms.parser_max.is_none_or(|max| letter.weight() <= max);
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

    /// Puts a message in that the store keeps. If messages before it wait there, or the box is
    /// full, it stays there.
    pub(super) fn put_kept(&mut self, letter: &Arc<Letter>) {
        if self.backlog.is_some() || self.knows(letter.id()) {
            return;
        }
        if self.put(Item::Letter(Arc::clone(letter))).is_err() {
            self.backlog = Some(Cursor::START);
        }
    }

    /// Messages that were read from the store, and where to go on reading. Those that are here
    /// already are passed over.
    pub(super) fn fill(&mut self, letters: Vec<Arc<Letter>>, rest: Option<Cursor>) {
        self.backlog = rest;
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

    /// Is it time to fetch messages from the store?
    pub(super) fn wants_more(&self) -> Option<Cursor> {
        self.backlog.clone().filter(|_| self.waiting.is_empty())
    }

    /// What the client is to be sent now.
    pub(super) fn draw(&mut self, terms: &Terms, now: Instant) -> Vec<Transaction> {
        let mut drawn = Vec::new();
        for (number, sent) in &mut self.sent {
            if drawn.len() < terms.message_max && sent.at + AGAIN <= now {
                sent.at = now;
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
            self.sent.insert(self.last, Sent { item, at: now });
        }
        drawn
    }

    /// What the client has answered with a transaction of this id; none if it was nothing, or
    /// answered before.
    pub(super) fn answered(&mut self, id: &str, terms: &Terms) -> Option<Item> {
        let number = id.strip_prefix('s')?.parse().ok()?;
        let Sent { item, .. } = self.sent.remove(&number)?;
        if let Item::Letter(letter) = &item
            && !is_pushed(letter, terms, &self.announce)
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

    /// The client has this message, or does not want it: it is forgotten here.
    pub(super) fn forget(&mut self, id: &str) {
        self.announced.remove(id);
        self.held.retain(|letter| letter.id() != id);
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
