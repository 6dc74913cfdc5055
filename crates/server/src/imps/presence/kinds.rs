//! The presence attributes, each by its kind: chosen, merged, compared.
//!
//! The codec has a struct for what is in a list. What is asked of all attributes alike is asked
//! here: which are there, which may be seen, what a later list changes.

use std::fmt::{self, Debug, Write as _};
use std::hash::{DefaultHasher, Hasher};

use imps::Version;
use imps::csp::{
    Attribute, ClientId, ClientInfo, CommCap, ContactInfo, GeoLocation, InfoLink, PostalAddress,
    PreferredContacts, PresenceSubList, StatusContent, TimeZone,
};

/// Values of one attribute that a user can have, one for each client: more clients than a person
/// carries about.
pub(super) const CLIENTS_MAX: usize = 8;

/// Lists the attributes, each with its place in a list.
macro_rules! kinds {
    ($($kind:ident $name:literal $field:ident;)*) => {
        /// A presence attribute, whatever its value.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub(super) enum Kind {
            $($kind,)*
        }

        impl Kind {
            /// All of them, in the order of the document type definition.
            pub(super) const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The name on the wire.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// Is it in a list, with a value or without?
            pub(super) fn is_in(self, list: &PresenceSubList) -> bool {
                match self {
                    $(Self::$kind => list.$field.is_there(),)*
                }
            }

            /// How many values it has in a list.
            pub(super) fn count(self, list: &PresenceSubList) -> usize {
                match self {
                    $(Self::$kind => list.$field.count(),)*
                }
            }

            /// Copies it from one list into another, in the place of what is there.
            pub(super) fn copy(self, from: &PresenceSubList, to: &mut PresenceSubList) {
                match self {
                    $(Self::$kind => to.$field.clone_from(&from.$field),)*
                }
            }

            /// Takes it over from a later list: a value that counts replaces that of the same
            /// client, and one that does not takes it away.
            pub(super) fn merge(self, later: &PresenceSubList, into: &mut PresenceSubList) {
                match self {
                    $(Self::$kind => into.$field.merge(&later.$field),)*
                }
            }

            /// Puts it into a list without a value.
            fn name_in(self, list: &mut PresenceSubList) {
                match self {
                    $(Self::$kind => list.$field.put(Default::default()),)*
                }
            }

            /// Puts it into a list as one whose value is not known.
            fn deny_in(self, list: &mut PresenceSubList) {
                match self {
                    $(Self::$kind => list.$field.put(Value::unknown()),)*
                }
            }

            /// Leaves one value, for a client that reads no more.
            fn leave_one(self, list: &mut PresenceSubList) {
                match self {
                    $(Self::$kind => list.$field.leave_one(),)*
                }
            }

            /// What tells one value in a list from another; 0 if there is none.
            fn print(self, list: &PresenceSubList) -> u64 {
                match self {
                    $(Self::$kind => match list.$field.is_there() {
                        true => print(&list.$field),
                        false => 0,
                    },)*
                }
            }
        }
    };
}

kinds! {
    OnlineStatus "OnlineStatus" online_status;
    Registration "Registration" registration;
    ClientInfo "ClientInfo" client_info;
    TimeZone "TimeZone" time_zone;
    GeoLocation "GeoLocation" geo_location;
    Address "Address" address;
    FreeTextLocation "FreeTextLocation" free_text_location;
    Plmn "PLMN" plmn;
    CommCap "CommCap" comm_cap;
    UserAvailability "UserAvailability" user_availability;
    PreferredContacts "PreferredContacts" preferred_contacts;
    PreferredLanguage "PreferredLanguage" preferred_language;
    StatusText "StatusText" status_text;
    StatusMood "StatusMood" status_mood;
    Alias "Alias" alias;
    StatusContent "StatusContent" status_content;
    ContactInfo "ContactInfo" contact_info;
    InfoLink "InfoLink" info_link;
}

impl Kind {
    /// It follows the sessions of the user: it is not kept when they have ended.
    pub(super) fn is_of_session(self) -> bool {
        matches!(
            self,
            Self::OnlineStatus | Self::Registration | Self::ClientInfo
        )
    }

    fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// A set of presence attributes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Kinds(u32);

impl Kinds {
    pub(super) const NONE: Self = Self(0);

    /// Every attribute there is.
    pub(super) fn all() -> Self {
        Kind::ALL.iter().copied().collect()
    }

    /// Those that a version has.
    pub(super) fn of_version(version: Version) -> Self {
        match version {
            Version::V1_1 => Self(Self::all().0 & !Kind::InfoLink.bit()),
            Version::V1_2 | Version::V1_3 => Self::all(),
        }
    }

    /// Those that a list names.
    pub(super) fn named(list: &PresenceSubList) -> Self {
        let kinds = Kind::ALL.iter().copied();
        kinds.filter(|kind| kind.is_in(list)).collect()
    }

    /// Those that are wanted by whoever sends this list, or none: all.
    pub(super) fn wanted(list: Option<&PresenceSubList>) -> Self {
        match list.map(Self::named) {
            None | Some(Self::NONE) => Self::all(),
            Some(named) => named,
        }
    }

    pub(super) fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn either(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Kind> {
        let kinds = Kind::ALL.iter().copied();
        kinds.filter(move |kind| self.0 & kind.bit() != 0)
    }

    /// A list that names them.
    pub(super) fn list(self) -> PresenceSubList {
        let mut list = PresenceSubList::default();
        self.iter().for_each(|kind| kind.name_in(&mut list));
        list
    }

    /// What a list has of them.
    pub(super) fn of(self, list: &PresenceSubList) -> PresenceSubList {
        let mut chosen = PresenceSubList::default();
        self.iter().for_each(|kind| kind.copy(list, &mut chosen));
        chosen
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |all, kind| all | kind.bit()))
    }
}

/// A list as a version can carry it: in the older ones an attribute has one value.
pub(super) fn written(list: &PresenceSubList, version: Version) -> PresenceSubList {
    let mut written = Kinds::of_version(version).of(list);
    if version != Version::V1_3 {
        let kinds = Kind::ALL.iter();
        kinds.for_each(|kind| kind.leave_one(&mut written));
    }
    written
}

/// What one who watches was told last: of each attribute what tells its values apart, 0 for an
/// attribute that the watcher knows nothing of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Told([u64; Kind::ALL.len()]);

impl Told {
    /// What there is to tell now that this is what may be seen: attributes whose value is another,
    /// and, as not known, those which can be seen no more. And what was told when that is told.
    pub(super) fn news(mut self, seen: &PresenceSubList) -> (PresenceSubList, Self) {
        let mut news = PresenceSubList::default();
        for (kind, told) in Kind::ALL.iter().zip(&mut self.0) {
            let now = kind.print(seen);
            match now {
                0 if *told != 0 => kind.deny_in(&mut news),
                _ if now != *told => kind.copy(seen, &mut news),
                _ => {}
            }
            *told = now;
        }
        (news, self)
    }
}

/// A number for a value, another one for nearly every other value.
fn print(value: &impl Debug) -> u64 {
    struct Into(DefaultHasher);
    impl fmt::Write for Into {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut into = Into(DefaultHasher::new());
    // A hasher takes whatever it is given.
    let _ = write!(into, "{value:?}");
    into.0.finish().max(1)
}

/// The place of an attribute in a list: for one value, or for one of each client.
trait Place<T> {
    fn is_there(&self) -> bool;
    fn count(&self) -> usize;
    fn put(&mut self, value: T);
    fn merge(&mut self, later: &Self);
    fn leave_one(&mut self);
}

impl<T: Value> Place<T> for Option<T> {
    fn is_there(&self) -> bool {
        self.is_some()
    }

    fn count(&self) -> usize {
        usize::from(self.is_some())
    }

    fn put(&mut self, value: T) {
        *self = Some(value);
    }

    fn merge(&mut self, later: &Self) {
        if let Some(later) = later {
            *self = later.counts().then(|| later.clone().settled());
        }
    }

    fn leave_one(&mut self) {}
}

impl<T: Value> Place<T> for Vec<T> {
    fn is_there(&self) -> bool {
        !self.is_empty()
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn put(&mut self, value: T) {
        *self = vec![value];
    }

    fn merge(&mut self, later: &Self) {
        for value in later {
            self.retain(|before| before.client() != value.client());
            if value.counts() {
                self.push(value.clone().settled());
            }
        }
        // A client that comes under another name each time takes the place of its oldest.
        let excess = self.len().saturating_sub(CLIENTS_MAX);
        self.drain(..excess);
    }

    fn leave_one(&mut self) {
        let excess = self.len().saturating_sub(1);
        self.drain(..excess);
    }
}

/// The value of an attribute.
trait Value: Clone + Default + PartialEq {
    fn qualifier(&mut self) -> &mut Option<bool>;

    fn client(&self) -> Option<&ClientId>;

    /// The same with nothing in it but what says whether it counts, and whose it is.
    fn bare(&self) -> Self;

    /// There is something in it, and it is not said not to count.
    fn counts(&self) -> bool {
        let is_denied = *self.clone().qualifier() == Some(false);
        !is_denied && *self != self.bare()
    }

    /// The same, said to count.
    fn settled(mut self) -> Self {
        *self.qualifier() = Some(true);
        self
    }

    fn unknown() -> Self {
        let mut unknown = Self::default();
        *unknown.qualifier() = Some(false);
        unknown
    }
}

/// Says of each type of value where its qualifier is, and its client if it has one.
macro_rules! values {
    ($($name:ident $($client:ident)?;)*) => {
        $(impl Value for $name {
            fn qualifier(&mut self) -> &mut Option<bool> {
                &mut self.qualifier
            }

            fn client(&self) -> Option<&ClientId> {
                None$(.or(self.$client.as_ref()))?
            }

            fn bare(&self) -> Self {
                Self {
                    qualifier: self.qualifier,
                    $($client: self.$client.clone(),)?
                    ..Self::default()
                }
            }
        })*
    };
}

values! {
    Attribute client;
    ClientInfo client;
    TimeZone client;
    GeoLocation client;
    PostalAddress;
    CommCap client;
    PreferredContacts;
    StatusContent;
    ContactInfo;
    InfoLink;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str) -> ClientId {
        ClientId {
            url: Some(url.to_owned()),
            msisdn: None,
        }
    }

    fn place(of: &str, text: &str) -> Attribute {
        Attribute {
            client: Some(client(of)),
            ..Attribute::new(text)
        }
    }

    fn text(text: Option<&str>, qualifier: Option<bool>) -> PresenceSubList {
        PresenceSubList {
            status_text: Some(Attribute {
                qualifier,
                value: text.map(str::to_owned),
                client: None,
            }),
            ..PresenceSubList::default()
        }
    }

    fn merged(before: &PresenceSubList, later: &PresenceSubList) -> PresenceSubList {
        let mut list = before.clone();
        for kind in Kind::ALL {
            kind.merge(later, &mut list);
        }
        list
    }

    #[test]
    fn a_later_value_replaces_an_earlier_or_takes_it_away() {
        let none = PresenceSubList::default();
        let (old, new) = (text(Some("old"), Some(true)), text(Some("new"), Some(true)));
        #[rustfmt::skip]
        let rows: &[(&PresenceSubList, PresenceSubList, &PresenceSubList)] = &[
            (&none, text(Some("new"), Some(true)),  &new),
            (&old,  text(Some("new"), Some(true)),  &new),
            // Without a word about it, a value that is there counts.
            (&old,  text(Some("new"), None),        &new),
            (&old,  text(Some("new"), Some(false)), &none),
            (&old,  text(None, Some(true)),         &none),
            (&old,  text(None, None),               &none),
            // What is not named stays.
            (&old,  none.clone(),                   &old),
        ];
        for (before, later, want) in rows {
            assert_eq!(merged(before, later), **want, "{before:?} {later:?}");
        }
    }

    #[test]
    fn each_client_has_a_value_of_its_own() {
        let list = |places: &[(&str, &str)]| PresenceSubList {
            free_text_location: places.iter().map(|(of, text)| place(of, text)).collect(),
            ..PresenceSubList::default()
        };
        let both = merged(&list(&[("phone", "pub")]), &list(&[("desk", "work")]));
        assert_eq!(both, list(&[("phone", "pub"), ("desk", "work")]));
        let moved = merged(&both, &list(&[("phone", "home")]));
        assert_eq!(moved, list(&[("desk", "work"), ("phone", "home")]));
        let gone = merged(&moved, &list(&[("phone", "")]));
        assert_eq!(gone, list(&[("desk", "work"), ("phone", "")]));
        let mut many = PresenceSubList::default();
        for number in 0..100 {
            many = merged(&many, &list(&[(&number.to_string(), "here")]));
        }
        assert_eq!(many.free_text_location.len(), CLIENTS_MAX);
        let last = many.free_text_location.last().unwrap();
        assert_eq!(last.client, Some(client("99")));
        // Older versions have place for one.
        assert_eq!(written(&many, Version::V1_3), many);
        let one = written(&many, Version::V1_2).free_text_location;
        assert_eq!((one.len(), one.first()), (1, Some(last)));
    }

    #[test]
    fn lists_choose_attributes() {
        let all = Kinds::all();
        assert_eq!(all.iter().count(), Kind::ALL.len());
        assert_eq!(Kinds::wanted(None), all);
        assert_eq!(Kinds::wanted(Some(&PresenceSubList::default())), all);
        assert_eq!(Kinds::named(&PresenceSubList::default()), Kinds::NONE);
        assert_eq!(Kinds::named(&all.list()), all);
        let text_only: Kinds = [Kind::StatusText].into_iter().collect();
        assert_eq!(Kinds::wanted(Some(&text(None, None))), text_only);
        let mut list = text(Some("here"), Some(true));
        list.alias = Some(Attribute::new("Al"));
        assert_eq!(text_only.of(&list), text(Some("here"), Some(true)));
        assert_eq!(Kinds::NONE.of(&list), PresenceSubList::default());
        list.info_link = Some(InfoLink::default());
        assert!(written(&list, Version::V1_1).info_link.is_none());
        assert!(written(&list, Version::V1_2).info_link.is_some());
    }

    #[test]
    fn only_what_is_new_is_told() {
        let (old, new) = (text(Some("old"), Some(true)), text(Some("new"), Some(true)));
        let none = PresenceSubList::default();
        let told = Told::default();
        assert_eq!(told.news(&none), (none.clone(), told));
        let (news, told) = told.news(&old);
        assert_eq!(news, old);
        assert_eq!(told.news(&old), (none.clone(), told));
        let (news, told) = told.news(&new);
        assert_eq!(news, new);
        // What cannot be seen any more is not known.
        let (news, told) = told.news(&none);
        assert_eq!(news, text(None, Some(false)));
        assert_eq!(told, Told::default());
    }
}
