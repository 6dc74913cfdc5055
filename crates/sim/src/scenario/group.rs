//! Stored groups in a transcript: those that there are, and what becomes of them.

use super::call::names;
use super::parse::is_name;

/// A stored group that there is from the beginning.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// Its name, also that of its session.
    pub name: String,
    /// Who is on its list.
    pub members: Vec<String>,
    /// Anybody may join.
    pub public: bool,
    /// Its members are called when one of them starts a session.
    pub calling: bool,
}

/// What becomes of the document of a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GroupChange {
    /// `the group NAME gains WHOM`.
    Gains {
        /// Who is on its list from now on.
        whom: String,
    },
    /// `the group NAME loses WHOM`.
    Loses {
        /// Who is not any more.
        whom: String,
    },
}

impl Group {
    /// Reads what follows `group`: `NAME of A, B [calling]`, or `NAME for everybody`.
    pub(super) fn read(rest: &str) -> Result<Self, &'static str> {
        const HOW: &str = "group NAME of WHOM, ... [calling], or group NAME for everybody";
        let (name, whose) = rest.trim().split_once(' ').ok_or(HOW)?;
        let (members, public, calling) = match whose.strip_prefix("of ") {
            Some(list) => {
                let (list, calling) = match list.strip_suffix(" calling") {
                    Some(list) => (list, true),
                    None => (list, false),
                };
                (names(list), false, calling)
            }
            None if whose == "for everybody" => (Vec::new(), true, false),
            None => return Err(HOW),
        };
        let is_whose = public || !members.is_empty();
        if !is_name(name) || !is_whose || !members.iter().all(|member| is_person(member)) {
            return Err(HOW);
        }
        Ok(Self {
            name: name.to_owned(),
            members,
            public,
            calling,
        })
    }
}

/// Those of another domain have an underscore in their names.
fn is_person(word: &str) -> bool {
    is_name(&word.replace('_', ""))
}

impl GroupChange {
    /// Reads what follows `the group`: what becomes of which.
    pub(super) fn read(rest: &str) -> Result<(Self, String), &'static str> {
        let words: Vec<_> = rest.split_whitespace().collect();
        let (group, change) = match words.as_slice() {
            [group, "gains", whom] => {
                let whom = (*whom).to_owned();
                (group, Self::Gains { whom })
            }
            [group, "loses", whom] => {
                let whom = (*whom).to_owned();
                (group, Self::Loses { whom })
            }
            _ => return Err("the group NAME gains or loses WHOM"),
        };
        Ok((change, (*group).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_both_kinds() {
        let names = ["alice", "bob"].map(str::to_owned).to_vec();
        let friends = |calling| Group {
            name: "friends".to_owned(),
            members: names.clone(),
            public: false,
            calling,
        };
        let lobby = Group {
            name: "lobby".to_owned(),
            members: Vec::new(),
            public: true,
            calling: false,
        };
        assert_eq!(Group::read("friends of alice, bob"), Ok(friends(false)));
        assert_eq!(
            Group::read("friends of alice, bob calling"),
            Ok(friends(true))
        );
        assert_eq!(Group::read("lobby for everybody"), Ok(lobby));
        for wrong in [
            "friends",
            "friends of calling members",
            "friends of ,",
            "lobby for nobody",
            "a@b for everybody",
        ] {
            assert!(Group::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_comes_onto_a_list_and_who_goes() {
        let whom = || "bob".to_owned();
        let friends = || "friends".to_owned();
        let gains = GroupChange::Gains { whom: whom() };
        let loses = GroupChange::Loses { whom: whom() };
        assert_eq!(
            GroupChange::read("friends gains bob"),
            Ok((gains, friends()))
        );
        assert_eq!(
            GroupChange::read("friends loses bob"),
            Ok((loses, friends()))
        );
        assert!(GroupChange::read("friends loses").is_err());
    }
}
