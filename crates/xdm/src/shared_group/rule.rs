//! The rules of a group: RFC 4745, with the conditions of OMA.

use super::{DateTime, Foreign, Permissions};

/// One `<rule>`: under its conditions, its permissions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Its handle, unique in the document (RFC 4745 section 6.1).
    pub id: String,
    /// What must be so for the rule to apply: all of it. Without conditions it applies to all.
    pub conditions: Vec<Condition>,
    /// What the rule permits. It can forbid nothing: RFC 4745 section 8.
    pub actions: Permissions,
    /// Actions that are not known here.
    pub other_actions: Vec<Foreign>,
    /// Transformations, none of which is known here.
    pub transformations: Vec<Foreign>,
}

impl Rule {
    /// A rule that permits nothing to anybody.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            conditions: Vec::new(),
            actions: Permissions::default(),
            other_actions: Vec::new(),
            transformations: Vec::new(),
        }
    }
}

/// One condition of a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Condition {
    /// Whoever asks wants to stay hidden (`anonymous-request` of OMA).
    AnonymousRequest,
    /// Whoever asks is on a list kept elsewhere (`external-list` of OMA). No such list is ever
    /// asked for, so this is never met.
    ExternalList(Foreign),
    /// Whoever asks is one of these, of which there is at least one: RFC 4745 section 7.1.
    Identity(Vec<Who>),
    /// Whoever asks is on the list of members; or is not, which only documents of before November
    /// 2005 can say.
    IsListMember(bool),
    /// No rule of the group names whoever asks (`other-identity` of OMA). A list kept elsewhere
    /// could name anybody, so with one in any rule this is never met.
    OtherIdentity,
    /// The group is in one of these moods, separated by blanks: RFC 4745 section 7.3. A group is
    /// in none.
    Sphere(String),
    /// A condition that is not known here: it is never met (RFC 4745 section 7).
    Unknown(Foreign),
    /// The time is within one of these periods, of which there is at least one: RFC 4745 section
    /// 7.4.
    Validity(Vec<Period>),
}

/// Whom an identity condition names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Who {
    /// Everybody, or everybody of a domain: RFC 4745 section 7.1.3.
    Many {
        /// The domain, if it is one.
        domain: Option<String>,
        /// Who is not meant.
        except: Vec<Except>,
        /// What is not known here. It may restrict, so nobody is meant if there is any.
        other: Vec<Foreign>,
    },
    /// One person: RFC 4745 section 7.1.2.
    One {
        /// The address of the person.
        id: String,
        /// What is not known here. It may restrict, so nobody is meant if there is any.
        other: Vec<Foreign>,
    },
    /// Somebody, but who is not known here: nobody (RFC 4745 section 7.1.1).
    Unknown(Foreign),
}

/// Who is taken out of many.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Except {
    /// Everybody of this domain.
    Domain(String),
    /// The person of this address.
    Id(String),
}

/// Part of a validity condition: from a time on, and until another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Period {
    /// The first moment that is within.
    pub from: DateTime,
    /// The first moment that is not within any more.
    pub until: DateTime,
}
