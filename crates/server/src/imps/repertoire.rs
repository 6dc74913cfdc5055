//! The characters that a handset can show.
//!
//! What is said travels in UTF-8 whatever they are; a client says which it can show of plain text
//! (PlainTextCharset, AcceptedCharset of older versions). The others are written with those it
//! has, as people would: the bare letter for one with an accent it lacks, the sound of a sign of
//! another script.

use std::borrow::Cow;

use imps::csp::ContentData;

use super::terms::is_plain_text;

/// Which characters those are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Repertoire {
    /// All, or nobody knows.
    #[default]
    All,
    /// Those of ISO 8859-1.
    Latin1,
    /// Those of US-ASCII.
    Ascii,
}

/// The numbers of the IANA for US-ASCII, ISO 8859-1 and Windows-1252, which has all of that.
const ASCII: u32 = 3;
const LATIN_1: u32 = 4;
const WINDOWS_1252: u32 = 2252;

/// What stands for a character that cannot be written otherwise.
const UNKNOWN: &str = "?";

impl Repertoire {
    /// What a list of character sets comes to. One that is not known may have everything.
    pub(super) fn of(charsets: &[u32]) -> Self {
        let is_latin = |set: &u32| matches!(*set, LATIN_1 | WINDOWS_1252);
        let is_known = |set: &u32| is_latin(set) || *set == ASCII;
        match (charsets.is_empty(), charsets.iter().all(is_known)) {
            (false, true) if charsets.iter().any(is_latin) => Self::Latin1,
            (false, true) => Self::Ascii,
            _ => Self::All,
        }
    }

    /// Text as it can be shown.
    pub(super) fn write(self, text: &str) -> Cow<'_, str> {
        if self == Self::All || text.chars().all(|c| self.has(c)) {
            return Cow::Borrowed(text);
        }
        let mut written = String::with_capacity(text.len());
        for c in text.chars() {
            match self.has(c) {
                true => written.push(c),
                false => written.push_str(deunicode::deunicode_char(c).unwrap_or(UNKNOWN)),
            }
        }
        Cow::Owned(written)
    }

    /// The content of a message as it can be shown; `None` if that is as it is.
    pub(super) fn content(self, content_type: &str, content: &ContentData) -> Option<ContentData> {
        match content {
            ContentData::Text(text) if is_plain_text(content_type) => match self.write(text) {
                Cow::Owned(written) => Some(ContentData::Text(written)),
                Cow::Borrowed(_) => None,
            },
            ContentData::Text(_) | ContentData::Octets(_) => None,
        }
    }

    const fn has(self, c: char) -> bool {
        match self {
            Self::All => true,
            Self::Latin1 => (c as u32) < 0x100,
            Self::Ascii => c.is_ascii(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_of_character_sets_comes_to() {
        for (charsets, want) in [
            (&[][..], Repertoire::All),
            (&[106], Repertoire::All),
            (&[3, 106], Repertoire::All),
            (&[3, 2025], Repertoire::All),
            (&[3], Repertoire::Ascii),
            (&[3, 4], Repertoire::Latin1),
            (&[2252], Repertoire::Latin1),
        ] {
            assert_eq!(Repertoire::of(charsets), want, "{charsets:?}");
        }
    }

    #[test]
    fn characters_that_are_lacked_are_written_otherwise() {
        for (text, latin, ascii) in [
            ("plain", "plain", "plain"),
            ("Olé, Zoë", "Olé, Zoë", "Ole, Zoe"),
            ("“so” – it’s…", "\"so\" - it's...", "\"so\" - it's..."),
            ("Привет", "Privet", "Privet"),
            ("Łódź", "Lódz", "Lodz"),
            ("\u{f8ff}", "?", "?"),
        ] {
            assert_eq!(Repertoire::All.write(text), text);
            assert_eq!(Repertoire::Latin1.write(text), latin);
            assert_eq!(Repertoire::Ascii.write(text), ascii);
        }
    }

    #[test]
    fn plain_text_alone_is_written_otherwise() {
        let text = ContentData::Text("é".to_owned());
        let octets = ContentData::Octets("é".into());
        let written = Some(ContentData::Text("e".to_owned()));
        for (content_type, content, want) in [
            ("", &text, written.clone()),
            ("Text/Plain; charset=utf-8", &text, written),
            ("text/html", &text, None),
            ("text/plain", &octets, None),
        ] {
            let got = Repertoire::Ascii.content(content_type, content);
            assert_eq!(got, want, "{content_type}");
        }
    }
}
