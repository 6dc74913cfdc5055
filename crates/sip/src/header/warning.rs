//! Warning: why something was refused, in words (RFC 3261 section 20.43).

use std::borrow::Cow;
use std::fmt;

use crate::header::{Header, List};
use crate::text::{Quoted, quoted_end, unquote};
use crate::{Malformed, Name};

/// One warning.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning<'a> {
    /// The warn-code, three digits: 399 for anything without a code of its own.
    pub code: u16,
    /// Who warns: a host, perhaps with port, or any name.
    pub agent: &'a str,
    /// The words, quotes and escapes removed.
    pub text: Cow<'a, str>,
}

impl<'a> Warning<'a> {
    /// What has no code of its own: `399 agent "text"`, as OMA's IM servers warn.
    pub const fn miscellaneous(agent: &'a str, text: &'a str) -> Self {
        Self {
            code: 399,
            agent,
            text: Cow::Borrowed(text),
        }
    }

    /// The number of an OMA warning text, such as 127 of `127 Service not authorised`.
    ///
    /// It leads the text; from peers that put it in place of the code it is the code.
    pub fn number(&self) -> u16 {
        let (digits, rest) = self.text.split_at_checked(3).unwrap_or_default();
        match code(digits) {
            Some(number) if rest.is_empty() || rest.starts_with(' ') => number,
            _ => self.code,
        }
    }

    /// Do the words hold `phrase`? Case does not matter, nor whether it is spelt with s or z.
    pub fn says(&self, phrase: &str) -> bool {
        fold(&self.text).contains(&fold(phrase))
    }
}

impl<'a> Header<'a> for Warning<'a> {
    const NAME: Name = Name::Warning;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let blank = [' ', '\t'];
        let (digits, rest) = value.split_once(blank).unwrap_or((value, ""));
        let code = code(digits).ok_or(Malformed("a warn-code is not three digits"))?;
        let (agent, text) = rest
            .trim_start_matches(blank)
            .split_once(blank)
            .ok_or(Malformed("a Warning is not a code, an agent and a text"))?;
        let text = text.trim_matches(blank);
        // Words without quotes are read; a quote that does not close is not.
        if text.starts_with('"') && quoted_end(text) != Some(text.len()) {
            return Err(Malformed("the text of a Warning has no closing quote"));
        }
        Ok(Self {
            code,
            agent,
            text: unquote(text),
        })
    }
}

impl List for Warning<'_> {}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {} {}", self.code, self.agent, Quoted(&self.text))
    }
}

fn code(digits: &str) -> Option<u16> {
    let three = digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit());
    three.then(|| digits.parse().ok()).flatten()
}

fn fold(text: &str) -> String {
    text.to_lowercase().replace('z', "s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_in_the_text_or_is_the_code() {
        for (text, code, agent, number) in [
            (
                "399 im.example \"127 Service not authorised\"",
                399,
                "im.example",
                127,
            ),
            ("403 SIP \"133 Size exceeded\"", 403, "SIP", 133),
            ("127 h:5060 \"Service not authorized\"", 127, "h:5060", 127),
            ("399 h \"1024 is not a number\"", 399, "h", 399),
            ("399 h \"102\"", 399, "h", 102),
            ("399  h   119 Anonymity not allowed", 399, "h", 119),
            (
                "307 isi.edu \"Session parameter 'foo' not understood\"",
                307,
                "isi.edu",
                307,
            ),
            ("399 h \"ééé\"", 399, "h", 399),
        ] {
            let got = Warning::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(
                (got.code, got.agent, got.number()),
                (code, agent, number),
                "{text}"
            );
            assert_eq!(Warning::parse(&got.to_string()).as_ref(), Ok(&got));
        }
        for bad in [
            "",
            "399",
            "399 h",
            "39 h \"x\"",
            "x h \"y\"",
            "399 h \"x",
            "399 h \"x\" y",
        ] {
            assert!(Warning::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spelling_does_not_matter() {
        let written = Warning::miscellaneous("h", "127 Service not authorised");
        assert_eq!(written.to_string(), "399 h \"127 Service not authorised\"");
        let read = Warning::parse("127 h \"SERVICE NOT AUTHORIZED\"").unwrap();
        for phrase in ["Service not authorised", "service not authorized"] {
            assert!(written.says(phrase) && read.says(phrase), "{phrase}");
        }
        assert!(!read.says("Size exceeded"));
    }
}
