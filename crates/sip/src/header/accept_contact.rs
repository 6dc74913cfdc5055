//! Accept-Contact: what the called device should be able to do (RFC 3841 section 9.2).

use std::fmt;

use crate::header::{Header, List, NameAddr, feature};
use crate::{Malformed, Name, Params};

/// One set of wishes: `*;+g.oma.sip-im;require`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AcceptContact<'a> {
    /// The features asked for, `require` and `explicit` among them.
    pub params: Params<'a>,
}

impl<'a> AcceptContact<'a> {
    /// Is this feature asked for?
    pub fn asks_for(&self, tag: &str) -> bool {
        feature::is_true(&self.params, tag)
    }

    /// Is `member` asked for among the values of this feature? Escapes are compared as written.
    pub fn asks_for_member(&self, tag: &str, member: &str) -> bool {
        feature::holds(&self.params, tag, member)
    }

    /// Must a device that cannot do it be left out?
    pub fn is_required(&self) -> bool {
        self.params.has("require")
    }

    /// Must a device that does not say that it can do it be left out?
    pub fn is_explicit(&self) -> bool {
        self.params.has("explicit")
    }

    /// The features asked for with the values asked of them, as written.
    pub fn features(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        self.params
            .iter()
            .filter(|(tag, _)| feature::is_feature(tag))
    }

    /// How many of the features asked for a contact has, and how many were asked for; `None` if
    /// one that it names has none of the values asked for.
    ///
    /// RFC 3841 section 7.2.4: `None` drops the contact when [`Self::is_required`]; fewer than
    /// asked drops it when [`Self::is_explicit`] too; the share orders the rest.
    pub fn score(&self, contact: &NameAddr<'_>) -> Option<(usize, usize)> {
        let (mut met, mut asked) = (0_usize, 0_usize);
        for (tag, wish) in self.features() {
            asked = asked.saturating_add(1);
            if contact.params.has(tag) {
                if !feature::meets(contact.params.get(tag), wish) {
                    return None;
                }
                met = met.saturating_add(1);
            }
        }
        Some((met, asked))
    }
}

impl<'a> Header<'a> for AcceptContact<'a> {
    const NAME: Name = Name::AcceptContact;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        match Params::after(value)? {
            // RFC 3841 section 9.2: the asterisk stands for every contact, nothing else may.
            ("*", params) => Ok(Self { params }),
            _ => Err(Malformed("an Accept-Contact does not begin with '*'")),
        }
    }
}

impl List for AcceptContact<'_> {}

impl fmt::Display for AcceptContact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "*{}", self.params.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ICSI: &str = r#"*;+g.3gpp.icsi-ref="urn%3Aurn-7%3Aa,urn%3Aurn-7%3Ab";require;explicit"#;

    #[test]
    fn wishes_are_read() {
        let im = AcceptContact::parse("* ; +g.oma.sip-im").unwrap();
        assert!(im.asks_for("+g.oma.sip-im") && !im.asks_for("+g.oma.sip-im.large-message"));
        assert!(!im.is_required() && !im.is_explicit());
        let icsi = AcceptContact::parse(ICSI).unwrap();
        assert!(icsi.is_required() && icsi.is_explicit());
        assert!(icsi.asks_for_member("+g.3gpp.icsi-ref", "urn%3Aurn-7%3Aa"));
        assert!(!icsi.asks_for_member("+g.3gpp.icsi-ref", "urn:urn-7:a"));
        assert_eq!(icsi.to_string(), ICSI);
        for bad in ["", ";+a", "+g.oma.sip-im", "**", "*;+a;+a", "*;+a=\"x"] {
            assert!(AcceptContact::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_contact_is_scored() {
        for (wish, contact, want) in [
            ("*;+g.oma.sip-im", ";+g.oma.sip-im", Some((1, 1))),
            ("*;+g.oma.sip-im", ";+g.oma.sip-im=\"TRUE\"", Some((1, 1))),
            ("*;+g.oma.sip-im", ";+g.oma.sip-im=\"FALSE\"", None),
            ("*;+g.oma.sip-im", "", Some((0, 1))),
            ("*;audio;video;require", ";audio", Some((1, 2))),
            (
                "*;mobility=\"mobile\"",
                ";mobility=\"Mobile,fixed\"",
                Some((1, 1)),
            ),
            ("*;mobility=\"!fixed\"", ";mobility=\"fixed\"", None),
            (
                "*;mobility=\"!fixed\"",
                ";mobility=\"mobile\"",
                Some((1, 1)),
            ),
            ("*;+x=\"<A, b>\"", ";+x=\"<A, b>\"", Some((1, 1))),
            ("*;+x=\"<A, b>\"", ";+x=\"<a, b>\"", None),
            ("*;other=1", ";q=1", Some((0, 0))),
        ] {
            let text = format!("<sip:a@h>{contact}");
            let contact = NameAddr::parse(&text).unwrap();
            let wish = AcceptContact::parse(wish).unwrap_or_else(|e| panic!("{wish}: {e}"));
            assert_eq!(wish.score(&contact), want, "{wish} {text}");
        }
    }
}
