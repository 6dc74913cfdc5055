//! What a group is to IMPS, where the document of OMA has no element for it.

/// The `<imps>` element of our namespace `urn:tertulia:xml:group`.
///
/// Names, values and addresses are texts here; what they mean is decided elsewhere. Addresses are
/// compared octet by octet. An extension that says nothing is not written.
///
/// ```
/// use xdm::shared_group::{Extension, Rank};
///
/// let mut extension = Extension::default();
/// extension.set_property("Topic", "Go");
/// extension.set_property("topic", "Chess");
/// assert_eq!(extension.property("TOPIC"), Some("Chess"));
/// extension.set_rank("wv:alice@home.example", Some(Rank::Moderator));
/// assert_eq!(extension.rank_of("wv:alice@home.example"), Some(Rank::Moderator));
/// assert_eq!(extension.rank_of("wv:bob@home.example"), None);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Extension {
    /// Who owns the group.
    pub owner: Option<String>,
    /// When the group was created, as RFC 3339 writes it. It is not checked.
    pub created: Option<String>,
    /// The properties, in the order in which they were set: name and value.
    pub properties: Vec<(String, String)>,
    /// What those who join are told.
    pub welcome: Option<Welcome>,
    /// Who is more than a user in the group.
    pub ranks: Vec<(String, Rank)>,
    /// Who may not join.
    pub rejected: Vec<String>,
}

/// What those who join are told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Welcome {
    /// Its media type.
    pub content_type: String,
    /// How the text is encoded, such as `BASE64`, if it is.
    pub encoding: Option<String>,
    /// The text, or what it was encoded into.
    pub text: String,
}

/// What somebody is in a group who is more than a user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rank {
    /// Administers the group (`admin`).
    Administrator,
    /// Moderates the group (`mod`).
    Moderator,
}

impl Extension {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        let Self {
            owner,
            created,
            properties,
            welcome,
            ranks,
            rejected,
        } = self;
        owner.is_none()
            && created.is_none()
            && properties.is_empty()
            && welcome.is_none()
            && ranks.is_empty()
            && rejected.is_empty()
    }

    /// The value of a property. Upper and lower case of ASCII letters are the same in names.
    pub fn property(&self, name: &str) -> Option<&str> {
        let found = self.properties.iter().find(|(n, _)| is_same(n, name));
        found.map(|(_, value)| value.as_str())
    }

    /// Sets a property: in its place if there is one of that name, which stays as it was written,
    /// at the end if not.
    pub fn set_property(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.properties.iter_mut().find(|(n, _)| is_same(n, name)) {
            Some((_, old)) => *old = value,
            None => self.properties.push((name.to_owned(), value)),
        }
    }

    /// Removes a property. Says whether there was one.
    pub fn remove_property(&mut self, name: &str) -> bool {
        let before = self.properties.len();
        self.properties.retain(|(n, _)| !is_same(n, name));
        self.properties.len() < before
    }

    /// What `uri` is in the group, if more than a user.
    pub fn rank_of(&self, uri: &str) -> Option<Rank> {
        let found = self.ranks.iter().find(|(who, _)| who == uri);
        found.map(|(_, rank)| *rank)
    }

    /// Makes `uri` what `rank` says; a user if it says nothing.
    pub fn set_rank(&mut self, uri: &str, rank: Option<Rank>) {
        let Some(rank) = rank else {
            self.ranks.retain(|(who, _)| who != uri);
            return;
        };
        match self.ranks.iter_mut().find(|(who, _)| who == uri) {
            Some((_, old)) => *old = rank,
            None => self.ranks.push((uri.to_owned(), rank)),
        }
    }

    /// Whether `uri` may not join.
    pub fn is_rejected(&self, uri: &str) -> bool {
        self.rejected.iter().any(|who| who == uri)
    }

    /// Lets `uri` join no more.
    pub fn reject(&mut self, uri: &str) {
        if !self.is_rejected(uri) {
            self.rejected.push(uri.to_owned());
        }
    }

    /// Lets `uri` join again. Says whether it was rejected.
    pub fn readmit(&mut self, uri: &str) -> bool {
        let before = self.rejected.len();
        self.rejected.retain(|who| who != uri);
        self.rejected.len() < before
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_keeps_its_place_and_its_name() {
        let mut extension = Extension::default();
        for (name, value) in [("Topic", "Go"), ("Name", "G"), ("TOPIC", "Chess")] {
            extension.set_property(name, value);
        }
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = pairs
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            owned.collect()
        };
        let want = pairs(&[("Topic", "Chess"), ("Name", "G")]);
        assert_eq!(extension.properties, want);
        assert_eq!(extension.property("name"), Some("G"));
        assert_eq!(extension.property("nam"), None);
        assert!(extension.remove_property("topic"));
        assert!(!extension.remove_property("topic"));
        assert_eq!(extension.properties, pairs(&[("Name", "G")]));
    }

    #[test]
    fn ranks_and_the_rejected_are_there_once() {
        let mut extension = Extension::default();
        for rank in [Rank::Moderator, Rank::Administrator] {
            extension.set_rank("wv:a@h", Some(rank));
            assert_eq!(extension.rank_of("wv:a@h"), Some(rank));
        }
        assert_eq!(extension.ranks.len(), 1);
        // Octets are compared, not letters.
        assert_eq!(extension.rank_of("wv:A@h"), None);
        extension.set_rank("wv:a@h", None);
        assert_eq!(extension.rank_of("wv:a@h"), None);

        extension.reject("wv:a@h");
        extension.reject("wv:a@h");
        assert_eq!(extension.rejected, ["wv:a@h"]);
        assert!(extension.is_rejected("wv:a@h") && !extension.is_rejected("wv:A@h"));
        assert!(extension.readmit("wv:a@h"));
        assert!(!extension.readmit("wv:a@h"));
        assert!(extension.is_empty());
    }

    #[test]
    fn whatever_is_said_is_not_nothing() {
        let text = || "a".to_owned();
        let welcome = Welcome {
            content_type: text(),
            encoding: None,
            text: text(),
        };
        let spoilers: [&dyn Fn(&mut Extension); 6] = [
            &|e| e.owner = Some(text()),
            &|e| e.created = Some(text()),
            &|e| e.set_property("a", ""),
            &|e| e.welcome = Some(welcome.clone()),
            &|e| e.set_rank("a", Some(Rank::Moderator)),
            &|e| e.reject("a"),
        ];
        for (row, spoil) in spoilers.iter().enumerate() {
            let mut extension = Extension::default();
            assert!(extension.is_empty());
            spoil(&mut extension);
            assert!(!extension.is_empty(), "row {row}");
        }
    }
}
