//! Search, checking of addresses, and public profiles.

use super::{IdList, Outcome, Property, UserList};
use crate::choice::choice;
use crate::content::Content;
use crate::error::Flaw;
use crate::reader::Reader;
use crate::record::record;
use crate::table::Element;
use crate::version::Version;
use crate::writer::Writer;

/// One condition of a search: what, and how it has to read.
///
/// Lists of `SearchPair` elements, of the parts of several pairs and of those of one pair exist:
/// all are read, and the last is written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SearchPair {
    /// What: `USER_ID`, `GROUP_NAME` and so on.
    pub element: String,
    /// The text that has to occur in it.
    pub string: String,
    /// The number of the pair in an advanced search. CSP 1.3.
    pub pair: Option<u32>,
}

/// Begins a search, or asks for more of its results.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SearchRequest {
    /// What is searched for: all conditions count, if the criteria do not say otherwise.
    pub pairs: Vec<SearchPair>,
    /// How the conditions hang together. CSP 1.3.
    pub criteria: Option<String>,
    /// How many results at most.
    pub limit: Option<u32>,
    /// The search whose results are asked for.
    pub search: Option<String>,
    /// From which result on, counted from one.
    pub index: Option<u32>,
}

/// Reads the conditions of one list, whatever their form.
fn read_pairs(pairs: &mut Vec<SearchPair>, from: &mut Reader<'_>) -> Result<(), Flaw> {
    let outside = from.depth();
    let mut pair: Option<SearchPair> = None;
    while from.depth() >= outside {
        match from.child()? {
            Some(Element::SearchElement) => {
                pairs.extend(pair.take());
                pair.get_or_insert_default().element = String::read(Element::SearchElement, from)?;
            }
            Some(Element::SearchString) => {
                pair.get_or_insert_default().string = String::read(Element::SearchString, from)?;
            }
            Some(Element::PairId) => {
                pair.get_or_insert_default().pair = Some(u32::read(Element::PairId, from)?);
            }
            Some(Element::SearchPair) | None => pairs.extend(pair.take()),
            Some(_) => from.skip()?,
        }
    }
    Ok(())
}

impl Content for SearchRequest {
    fn read(_: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let mut request = Self::default();
        while let Some(child) = from.child()? {
            match child {
                Element::SearchPairList => read_pairs(&mut request.pairs, from)?,
                Element::AdvancedCriteria => request.criteria = Some(String::read(child, from)?),
                Element::SearchLimit => request.limit = Some(u32::read(child, from)?),
                Element::SearchId => request.search = Some(String::read(child, from)?),
                Element::SearchIndex => request.index = Some(u32::read(child, from)?),
                _ => from.skip()?,
            }
        }
        Ok(request)
    }

    fn write(&self, element: Element, to: &mut Writer) {
        let is_1_3 = to.version() == Version::V1_3;
        to.open(element);
        for pair in &self.pairs {
            to.open(Element::SearchPairList);
            to.text(Element::SearchElement, &pair.element);
            to.text(Element::SearchString, &pair.string);
            if let Some(number) = pair.pair.filter(|_| is_1_3) {
                to.integer(Element::PairId, number);
            }
            to.close(Element::SearchPairList);
        }
        if let Some(criteria) = self.criteria.as_ref().filter(|_| is_1_3) {
            to.text(Element::AdvancedCriteria, criteria);
        }
        if let Some(limit) = self.limit {
            to.integer(Element::SearchLimit, limit);
        }
        if let Some(search) = &self.search {
            to.text(Element::SearchId, search);
        }
        if let Some(index) = self.index {
            to.integer(Element::SearchIndex, index);
        }
        to.close(element);
    }

    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        let is_1_3 = chance.version == Version::V1_3;
        let pairs = (0..chance.several()).map(|_| SearchPair {
            element: chance.text(Element::SearchElement),
            string: chance.text(Element::SearchString),
            pair: (is_1_3 && chance.coin()).then(|| chance.number()),
        });
        Self {
            pairs: pairs.collect(),
            criteria: (is_1_3 && chance.coin()).then(|| chance.text(Element::AdvancedCriteria)),
            limit: chance.maybe().then(|| chance.number()),
            search: chance.maybe().then(|| chance.text(Element::SearchId)),
            index: chance.maybe().then(|| chance.number()),
        }
    }
}

record! {
    /// Results of a search.
    SearchResponse {
        /// The search, for as long as there is more.
        search: ? String = SearchId,
        /// How many results there are in all.
        findings: ~ u32 = SearchFindings,
        /// The search has come to its end.
        completed: ~ bool = CompletionFlag,
        /// From which result on to ask next.
        index: ? u32 = SearchIndex,
        /// The results.
        result: ? SearchResult = SearchResult,
    }
}

choice! {
    /// What was found.
    SearchResult {
        /// Users.
        Users(UserList) = UserList,
        /// Groups.
        Groups(GroupList) = GroupList,
    }
}

record! {
    /// Groups.
    GroupList {
        /// Their addresses.
        groups: * String = GroupId,
    }
}

record! {
    /// Ends a search.
    StopSearchRequest {
        /// The search.
        search: ! String = SearchId,
    }
}

record! {
    /// Asks whether addresses exist.
    VerifyIdRequest {
        /// The addresses.
        ids: ~ IdList = IdList,
    }
}

record! {
    /// What users tell everybody of themselves. CSP 1.3.
    PublicProfile {
        /// Who.
        user: ? String = UserId,
        /// What.
        properties: * Property = Property,
    }
}

record! {
    /// Asks for public profiles. CSP 1.3.
    GetPublicProfileRequest {
        /// Of whom.
        users: * String = UserId,
    }
}

record! {
    /// Public profiles. CSP 1.3.
    GetPublicProfileResponse {
        /// How it went.
        outcome: ! Outcome = Result,
        /// The profiles.
        profiles: * PublicProfile = PublicProfile,
    }
}

record! {
    /// Changes one's own public profile. CSP 1.3.
    UpdatePublicProfileRequest {
        /// Whether to begin with an empty one.
        clear: ~ bool = ClearPublicProfile,
        /// What to put into it.
        profile: ? PublicProfile = PublicProfile,
    }
}
