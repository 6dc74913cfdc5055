//! The shared-group document of OMA: a stored group, its members, and who may do what in it.
//!
//! One `<list-service>` under a `<group>`: the address of the group, its `<list>` of members, and
//! rules in the form of RFC 4745. What the document has no element for stands in an element of our
//! own namespace, [`Extension`]. What others add to it is kept as [`Foreign`] and written back.
//!
//! A document is read in both spellings of its namespace and of its values, and against its schema:
//! an element out of order is an error, as is one that the schema does not know. Attributes of
//! other namespaces, comments and processing instructions are not kept.
//!
//! ```
//! use xdm::shared_group::{Asker, Condition, Member, Permissions, Rule, SharedGroup};
//!
//! let mut group = SharedGroup::new("sip:friends@im.home.example");
//! group.members.push(Member::new("sip:alice@home.example"));
//! let mut rule = Rule::new("members");
//! rule.conditions.push(Condition::IsListMember(true));
//! rule.actions.join_handling = true;
//! group.rules.push(rule);
//!
//! let back = SharedGroup::read(group.write().as_bytes())?;
//! assert_eq!(back, group);
//! let asker = |uri| Asker { uri, is_anonymous: false, now: None };
//! assert!(back.permissions(asker("sip:alice@home.example")).join_handling);
//! assert_eq!(back.permissions(asker("sip:eve@home.example")), Permissions::default());
//! # Ok::<(), xdm::Error>(())
//! ```

mod date_time;
mod domain;
mod extension;
pub(crate) mod model;
pub(crate) mod permit;
pub(crate) mod read;
mod rule;
pub(crate) mod value;
pub(crate) mod write;

pub use crate::reader::Foreign;
pub use crate::resource_lists::DisplayName;
pub use date_time::DateTime;
pub use extension::{Extension, Rank, Welcome};
pub use permit::{Asker, Permissions};
pub use rule::{Condition, Except, Period, Rule, Who};

use crate::Error;

/// The application unique id of these documents in XCAP.
pub const AUID: &str = "org.openmobilealliance.groups";
/// The media type of these documents.
pub const MIME: &str = "application/vnd.oma.poc.groups+xml";

/// The most bytes of a document: [`MAX_MEMBERS`] with their names, as we write them, and as much
/// again for the rest.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The most members and external lists together: some times what a conversation can hold at once.
pub const MAX_MEMBERS: usize = 5000;
/// The most rules. Each is tried for everybody who asks, and people write a handful.
pub const MAX_RULES: usize = 256;
/// The most people and domains, exceptions counted, in one identity condition. Whoever needs more
/// has a list of members for it.
pub const MAX_IDENTITIES: usize = 1000;
/// The most properties in the extension: each is a choice that somebody has made for the group.
pub const MAX_PROPERTIES: usize = 64;
/// The most people with a rank: each of them is a person's choice.
pub const MAX_RANKS: usize = 256;
/// The most people who may not join. They are listed one by one, as members are.
pub const MAX_REJECTED: usize = MAX_MEMBERS;
/// The most bytes of a name for people, of the name of a property, and of other short texts: some
/// lines on a screen.
pub const MAX_NAME_BYTES: usize = 1024;
/// The most bytes of an address or a reference: what a SIP request has room for.
pub const MAX_URI_BYTES: usize = 2048;
/// The most bytes of the value of a property, and of the welcome text: a message of usual length.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// A stored group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SharedGroup {
    /// The address of the group.
    pub uri: String,
    /// What a person calls it.
    pub display_name: Option<DisplayName>,
    /// Who is on its list, in document order.
    pub members: Vec<Member>,
    /// The lists kept elsewhere that it refers to. They are not resolved: nobody is a member by
    /// them.
    pub externals: Vec<External>,
    /// Whether the members are invited when a conversation starts, if the document says so. If
    /// not, the group is one that people join by themselves.
    pub invite_members: Option<bool>,
    /// The most people in a conversation of the group at the same time, if there is a limit.
    pub max_participants: Option<u32>,
    /// Who may do what, in document order, which means nothing.
    pub rules: Vec<Rule>,
    /// What we keep besides.
    pub extension: Extension,
    /// What others keep besides.
    pub other: Vec<Foreign>,
}

impl SharedGroup {
    /// A group without members and without rules: nobody may do anything in it.
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            display_name: None,
            members: Vec::new(),
            externals: Vec::new(),
            invite_members: None,
            max_participants: None,
            rules: Vec::new(),
            extension: Extension::default(),
            other: Vec::new(),
        }
    }

    /// Reads an `application/vnd.oma.poc.groups+xml` document.
    ///
    /// # Errors
    ///
    /// Any of [`Error`] but [`Error::NotUnique`] and [`Error::TooMany`]. [`Error::Invalid`] says
    /// where the document breaks its schema.
    pub fn read(input: &[u8]) -> Result<Self, Error> {
        read::group(input)
    }

    /// Writes the document.
    ///
    /// [`Self::read`] gives back the same group, if the group is one that it could have given: no
    /// text with white space at its ends or characters that XML cannot carry, no identity or
    /// validity condition without content, everything within the limits. Whoever has changed a
    /// group reads what was written before storing it.
    pub fn write(&self) -> String {
        write::group(self)
    }

    /// Whether `uri` is on the list of members. URIs are compared octet by octet: whoever asks has
    /// brought it to the form that documents have.
    pub fn is_member(&self, uri: &str) -> bool {
        self.members.iter().any(|member| member.uri == uri)
    }
}

/// One `<entry>` of the list of members.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The address of the person, as written.
    pub uri: String,
    /// What the group calls the person.
    pub display_name: Option<DisplayName>,
    /// What others say of the person.
    pub other: Vec<Foreign>,
}

impl Member {
    /// A member of whom nothing is said but the address.
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            display_name: None,
            other: Vec::new(),
        }
    }
}

/// A reference to a list of members kept elsewhere. It is never followed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct External {
    /// Where the list is, as written; empty if that is not said.
    pub anchor: String,
    /// What a person calls it here.
    pub display_name: Option<DisplayName>,
    /// What others say of it.
    pub other: Vec<Foreign>,
}
