//! Resource lists: who is meant, and how visibly (RFC 4826, RFC 5364).
//!
//! The same document invites people to a conversation (`recipient-list`), tells the invited who
//! else was (`recipient-list-history`), and keeps a user's buddies and blocked users on a server.
//! An invitation must be flat ([`ResourceLists::into_flat`]); a stored document may nest and refer.
//! It is written by [`ResourceLists::write_stored`], an invitation by [`write()`].
//!
//! ```
//! use xdm::resource_lists::{self, CopyControl, Entry, Limits};
//!
//! let mut bob = Entry::new("sip:bob@home.example");
//! bob.copy_control = Some(CopyControl::To);
//! let body = resource_lists::write(&[bob.clone()]);
//!
//! let list = resource_lists::read(body.as_bytes(), Limits::default())?;
//! assert_eq!(list.into_flat(), Ok(vec![bob]));
//! # Ok::<(), xdm::Error>(())
//! ```

mod change;
mod history;
mod read;
mod write;

pub use history::{ANONYMOUS, history};
pub use read::{Limits, read};
pub(crate) use write::push_display_name;
pub use write::write;

/// The application unique id of stored documents in XCAP: RFC 4826 section 3.4.1.
pub const AUID: &str = "resource-lists";
/// The media type of these documents: RFC 4826 section 3.4.2.
pub const MIME: &str = "application/resource-lists+xml";

/// The name of the list of all contacts of a user, as OMA registered it.
pub const ALL_CONTACTS: &str = "oma_allcontacts";
/// The name of the list of those whom a user does not want to hear from, as OMA registered it.
pub const BLOCKED_CONTACTS: &str = "oma_blockedcontacts";
/// The name of the list of the buddies of a user, as OMA registered it.
pub const BUDDY_LIST: &str = "oma_buddylist";
/// The name of the list of those who alone may reach a user, while it is in use. OMA has none.
pub const GRANTED_CONTACTS: &str = "t_grantedcontacts";

/// A whole document: lists side by side, in document order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ResourceLists {
    /// The lists directly under the root element.
    pub lists: Vec<List>,
}

impl ResourceLists {
    /// The entries of an invitation, in document order, duplicates kept.
    ///
    /// Several lists side by side count as one. No entry at all is a valid result; whoever
    /// invites decides what it means.
    ///
    /// # Errors
    ///
    /// [`NotFlat`] names the first item that is not a plain entry: RFC 5366 section 4 has no use
    /// for lists in lists or for references. A server that would rather discard such extra
    /// information, which that section allows, takes [`Self::entries`] instead.
    pub fn into_flat(self) -> Result<Vec<Entry>, NotFlat> {
        let items = self.lists.into_iter().flat_map(|list| list.items);
        items
            .map(|item| match item {
                Item::Entry(entry) => Ok(entry),
                Item::EntryRef(reference) => Err(NotFlat::EntryRef {
                    uri: reference.target,
                }),
                Item::External(reference) => Err(NotFlat::External {
                    uri: reference.target,
                }),
                Item::List(list) => Err(NotFlat::List { name: list.name }),
            })
            .collect()
    }

    /// The plain entries that stand directly in the outer lists; everything else is left out.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let items = self.lists.iter().flat_map(|list| &list.items);
        items.filter_map(|item| match item {
            Item::Entry(entry) => Some(entry),
            Item::EntryRef(_) | Item::External(_) | Item::List(_) => None,
        })
    }

    /// The outer list of this name, such as `oma_blockedcontacts`. Names are compared octet-wise.
    pub fn list(&self, name: &str) -> Option<&List> {
        self.lists
            .iter()
            .find(|list| list.name.as_deref() == Some(name))
    }
}

/// One `<list>`: RFC 4826 section 3.1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List {
    /// Its handle, unique among the lists beside it in a valid document. That is checked by
    /// [`ResourceLists::check_unique`] only.
    pub name: Option<String>,
    /// What a person calls it.
    pub display_name: Option<DisplayName>,
    /// Whether it is the user's default list of contacts (`default` of our own namespace).
    pub is_default: bool,
    /// Whether what it says counts at present (`in-use` of our own namespace). A list of the
    /// blocked that is not in use blocks nobody. A list that says nothing is in use.
    pub in_use: bool,
    /// What it holds, in document order.
    pub items: Vec<Item>,
}

impl Default for List {
    /// A list without a name, in use, that holds nothing.
    fn default() -> Self {
        Self {
            name: None,
            display_name: None,
            is_default: false,
            in_use: true,
            items: Vec::new(),
        }
    }
}

/// What a list can hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item {
    /// One resource.
    Entry(Entry),
    /// An entry kept in another document of the same XCAP root. It is not resolved.
    EntryRef(Reference),
    /// A list kept elsewhere. It is not resolved.
    External(Reference),
    /// A list in the list.
    List(List),
}

/// One `<entry>`: a resource and how it is to be addressed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The URI as written, with XML escapes undone and white space at both ends dropped. It may
    /// carry header fields (`?Replaces=…`, RFC 3261 section 19.1.1), which are not interpreted.
    pub uri: String,
    /// What a person calls the resource.
    pub display_name: Option<DisplayName>,
    /// Its copy level. `None` is the absence of the attribute, which RFC 5364 section 4 treats as
    /// bcc. The two stay apart because that rule binds the recipient history only.
    pub copy_control: Option<CopyControl>,
    /// Whether the other recipients must not learn this URI.
    pub anonymize: bool,
    /// How many resources the entry stands for, if it says so; one if not.
    pub count: Option<u32>,
}

impl Entry {
    /// An entry that says nothing but its URI.
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            display_name: None,
            copy_control: None,
            anonymize: false,
            count: None,
        }
    }

    /// Takes in what another entry for the same resource says.
    ///
    /// The higher of both copy levels holds (RFC 5364 section 4). Whoever compares the URIs knows
    /// their scheme, so that is left to the caller. RFC 5364 is silent on `anonymize`: if either
    /// asks for it, it is granted. The URI stays as it is.
    pub fn merge_duplicate(&mut self, other: &Self) {
        self.copy_control = self.copy_control.max(other.copy_control);
        self.anonymize |= other.anonymize;
        if self.display_name.is_none() {
            self.display_name.clone_from(&other.display_name);
        }
    }
}

/// A reference to an entry or a list that stands elsewhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    /// The `ref` or `anchor`, as written; empty if an external list names none, which the schema
    /// of RFC 4826 allows.
    pub target: String,
    /// What a person calls it here.
    pub display_name: Option<DisplayName>,
}

/// A name for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DisplayName {
    /// The name, with white space at both ends dropped.
    pub text: String,
    /// Its language (`xml:lang`).
    pub lang: Option<String>,
}

/// How visibly a recipient is addressed. The order is that of precedence: the greatest wins.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CopyControl {
    /// Addressed, and told to nobody.
    Bcc,
    /// Gets a copy for information.
    Cc,
    /// A main recipient.
    To,
}

/// Why a document is no plain list of recipients. A server may answer 403 and, with a URI at hand,
/// name it in P-Refused-URI-List (RFC 5318 section 6).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotFlat {
    /// A recipient is given by reference to another document.
    #[error("the recipient list refers to the entry <{uri}>")]
    EntryRef {
        /// The reference as written.
        uri: String,
    },
    /// Recipients are given by reference to another list.
    #[error("the recipient list refers to the list <{uri}>")]
    External {
        /// The reference as written.
        uri: String,
    },
    /// A list stands inside the list.
    #[error("the recipient list holds another list")]
    List {
        /// The name of the inner list.
        name: Option<String>,
    },
}
