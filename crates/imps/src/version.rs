//! The versions of CSP, and by what names a document says which one it is.

use std::fmt;

/// A version of CSP. A session speaks one; every document names its own.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// Wireless Village 1.1.
    V1_1,
    /// Wireless Village 1.2, by then at the OMA.
    V1_2,
    /// IMPS 1.3, the last, and the only one with ExtendConversation.
    #[default]
    V1_3,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V1_1, Self::V1_2, Self::V1_3];

    /// Two numbers and a point, as in `WVCI 1.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// The namespace of the session part, by which a document tells its version. A list of
    /// versions in version discovery is a list of these.
    pub fn session_namespace(self) -> &'static str {
        match self {
            Self::V1_1 => "http://www.wireless-village.org/CSP1.1",
            Self::V1_2 => "http://www.openmobilealliance.org/DTD/WV-CSP1.2",
            Self::V1_3 => "http://www.openmobilealliance.org/DTD/IMPS-CSP1.3",
        }
    }

    /// The namespace of what stands in a transaction.
    pub fn transaction_namespace(self) -> &'static str {
        match self {
            Self::V1_1 => "http://www.wireless-village.org/TRC1.1",
            Self::V1_2 => "http://www.openmobilealliance.org/DTD/WV-TRC1.2",
            Self::V1_3 => "http://www.openmobilealliance.org/DTD/IMPS-TRC1.3",
        }
    }

    /// The namespace of the presence attributes.
    pub fn presence_namespace(self) -> &'static str {
        match self {
            Self::V1_1 => "http://www.wireless-village.org/PA1.1",
            Self::V1_2 => "http://www.openmobilealliance.org/DTD/WV-PA1.2",
            Self::V1_3 => "http://www.openmobilealliance.org/DTD/IMPS-PA1.3",
        }
    }

    /// The version whose session namespace this is. Letter case and white space around are
    /// forgiven.
    pub fn of_session_namespace(namespace: &str) -> Option<Self> {
        let namespace = namespace.trim();
        Self::ALL
            .into_iter()
            .find(|version| namespace.eq_ignore_ascii_case(version.session_namespace()))
    }

    /// The number that stands for the document type in a WBXML header.
    pub(crate) fn public_id(self) -> u8 {
        match self {
            Self::V1_1 => 0x10,
            Self::V1_2 => 0x11,
            Self::V1_3 => 0x12,
        }
    }

    pub(crate) fn of_public_id(id: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| u32::from(version.public_id()) == id)
    }

    /// The document type written out, for a WBXML header whose public identifier is a string.
    pub(crate) fn of_document_type(name: &str) -> Option<Self> {
        match name {
            // The second is that of a common encoder.
            "-//WIRELESSVILLAGE//DTD CSP 1.1//EN" | "-//OMA//DTD WV-CSP 1.1//EN" => {
                Some(Self::V1_1)
            }
            "-//OMA//DTD WV-CSP 1.2//EN" => Some(Self::V1_2),
            "-//OMA//DTD IMPS-CSP 1.3//EN" => Some(Self::V1_3),
            _ => None,
        }
    }

    /// The tokens for `xmlns="..."` in WBXML: of the session, the transaction and the presence
    /// namespace. The number of the version follows as a string.
    pub(crate) fn attribute_tokens(self) -> (u8, u8, u8) {
        match self {
            Self::V1_1 => (0x05, 0x07, 0x06),
            Self::V1_2 => (0x08, 0x0A, 0x09),
            Self::V1_3 => (0x0B, 0x0D, 0x0C),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stretch of versions, both ends included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    since: Version,
    until: Version,
}

impl Span {
    pub(crate) const fn new(since: Version, until: Version) -> Self {
        Self { since, until }
    }

    pub(crate) fn contains(self, version: Version) -> bool {
        self.since <= version && version <= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_namespace() {
        for version in Version::ALL {
            let namespace = version.session_namespace();
            assert_eq!(Version::of_session_namespace(namespace), Some(version));
            assert!(namespace.ends_with(version.as_str()));
            assert_eq!(
                Version::of_public_id(u32::from(version.public_id())),
                Some(version)
            );
        }
        let unknown = "http://www.wireless-village.org/CSP1.0";
        assert_eq!(Version::of_session_namespace(unknown), None);
    }
}
