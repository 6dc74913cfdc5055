//! The vocabulary: every element of CSP 1.1 to 1.3 once, and the values that have a short form.
//!
//! Both encodings read from this table, so what one of them knows the other does too.

mod elements;
mod values;

pub(crate) use elements::Element;
pub(crate) use values::{value_of, value_token};

use crate::version::{Span, Version};

/// What stands in an element, which decides how WBXML writes it and how much of the white space
/// around it counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// `T` or `F`.
    Boolean,
    /// What a user sends to another: text, or octets under BASE64.
    Content,
    /// A point in time.
    Date,
    /// Text for people, kept as it is.
    Free,
    /// An address or a name that somebody has chosen. White space around it does not count.
    Id,
    /// A number from 0 to 2^32 - 1.
    Integer,
    /// A number in CSP 1.1 and 1.2, and a string to clients of 1.3.
    IntegerOrId,
    /// Elements, or nothing.
    Parts,
    /// A word of the protocol, which may have a value token. White space around it does not count.
    Token,
}

/// What the table says of one element.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) page: u8,
    pub(crate) token: u8,
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// How many code pages there are for tags.
const PAGES: usize = 12;

/// How many tag tokens a page can have. The first five mean something else.
const TOKENS: usize = 0x40;

/// Builds the enumeration of all elements and the table that goes with it, in the order of names.
macro_rules! vocabulary {
    ($($variant:ident $name:literal $page:literal $token:literal $kind:ident $since:ident $until:ident;)*) => {
        /// An element of CSP, or the fact that it is none.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[allow(clippy::enum_variant_names, reason = "CSP has named them")]
        #[repr(u16)]
        pub(crate) enum Element {
            $($variant,)*
            /// None of CSP's.
            Unknown,
        }

        pub(super) const ELEMENTS: &[Element] = &[$(Element::$variant,)*];

        pub(super) static ENTRIES: &[$crate::table::Entry] = &[$(
            $crate::table::Entry {
                name: $name,
                page: $page,
                token: $token,
                kind: $crate::table::Kind::$kind,
                span: $crate::version::Span::new(
                    $crate::version::Version::$since,
                    $crate::version::Version::$until,
                ),
            },
        )*];

        const TOKENS: &[(usize, usize)] = &[$(($page, $token),)*];
    };
}
use vocabulary;

static UNKNOWN: Entry = Entry {
    name: "an unknown element",
    page: 0,
    token: 0,
    kind: Kind::Parts,
    span: Span::new(Version::V1_1, Version::V1_3),
};

/// Spellings of names that are read as well: by older versions, and by implementations that are
/// known to differ. (Letter case is forgiven anyway.)
const ALIASES: &[(&str, Element)] = &[
    ("AnswerOptionsText", Element::AnswerOptionText),
    ("Auto-Subscribe", Element::AutoSubscribe),
    ("BlockUser-Request", Element::BlockEntityRequest),
    ("CIRURL", Element::CirHttpAddress),
    ("Extended-Data", Element::ExtendedData),
    ("PreferredContent", Element::ReferredContent),
    ("PreferredvCard", Element::ReferredvCard),
    (
        "WV-CSP-NSDiscovery-Request",
        Element::VersionDiscoveryRequest,
    ),
    (
        "WV-CSP-NSDiscovery-Response",
        Element::VersionDiscoveryResponse,
    ),
];

impl Element {
    pub(crate) fn entry(self) -> &'static Entry {
        elements::ENTRIES.get(self as usize).unwrap_or(&UNKNOWN)
    }

    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        elements::ELEMENTS.iter().copied()
    }

    /// The name in the newest version that has it.
    pub(crate) fn name(self) -> &'static str {
        self.entry().name
    }

    /// The name that a version writes.
    pub(crate) fn name_in(self, version: Version) -> &'static str {
        match self {
            Self::BlockEntityRequest if version < Version::V1_2 => "BlockUser-Request",
            Self::CirHttpAddress if version < Version::V1_3 => "CIRURL",
            _ => self.name(),
        }
    }

    /// The element of this name; the prefix of its namespace has been taken away.
    pub(crate) fn by_name(name: &str) -> Self {
        let found = elements::ENTRIES.binary_search_by(|entry| entry.name.cmp(name));
        match found {
            Ok(at) => elements::ELEMENTS.get(at).copied().unwrap_or(Self::Unknown),
            Err(_) => Self::by_odd_name(name),
        }
    }

    fn by_odd_name(name: &str) -> Self {
        let alias = ALIASES
            .iter()
            .find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        if let Some((_, element)) = alias {
            return *element;
        }
        elements::ELEMENTS
            .iter()
            .copied()
            .find(|element| element.name().eq_ignore_ascii_case(name))
            .unwrap_or(Self::Unknown)
    }

    /// The element that a tag token of a code page stands for.
    pub(crate) fn by_token(page: u8, token: u8, version: Version) -> Self {
        match (page, token) {
            // 1.3 has given this token to something else.
            (0x09, 0x0B) if version < Version::V1_3 => Self::ReactiveAuthState,
            // 1.0 has the root elsewhere.
            (0x00, 0x3E) => Self::WvCspMessage,
            // Used by 1.2 implementations for the one of page 0.
            (0x05, 0x36) => Self::ContentType,
            (0x0B, 0x08) => Self::AnswerOptionText,
            _ => elements::BY_TOKEN
                .get(usize::from(page))
                .and_then(|page| page.get(usize::from(token)))
                .copied()
                .unwrap_or(Self::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_names() {
        for (element, entry) in elements::ELEMENTS.iter().zip(elements::ENTRIES) {
            assert_eq!(Element::by_name(entry.name), *element, "{}", entry.name);
            assert_eq!(element.name(), entry.name);
        }
    }

    #[test]
    fn every_token_leads_back_to_its_element() {
        for element in elements::ELEMENTS {
            let entry = element.entry();
            for version in Version::ALL {
                if entry.span.contains(version) {
                    let found = Element::by_token(entry.page, entry.token, version);
                    assert_eq!(found, *element, "{} in {version}", entry.name);
                }
            }
        }
    }

    #[test]
    fn other_spellings() {
        let rows = [
            ("AcceptedCharSet", Element::AcceptedCharset),
            ("BlockUser-Request", Element::BlockEntityRequest),
            ("CName", Element::Cname),
            ("CIRURL", Element::CirHttpAddress),
            ("userid", Element::UserId),
            ("NoSuchElement", Element::Unknown),
            ("", Element::Unknown),
        ];
        for (name, want) in rows {
            assert_eq!(Element::by_name(name), want, "{name}");
        }
    }
}
