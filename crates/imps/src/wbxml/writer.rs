//! WBXML from elements.

use bytes::Bytes;

use super::{ATTRIBUTES, CONTENT, END, EXT_T_0, OPAQUE, STR_I, SWITCH_PAGE, UTF_8, WBXML_1_3};
use crate::date::DateTime;
use crate::table::{Element, Kind, value_token};
use crate::version::Version;

/// Room for most messages without growing.
const CAPACITY: usize = 512;

/// A WBXML document that is being written.
pub(crate) struct Writer {
    out: Vec<u8>,
    page: u8,
    version: Version,
    /// Where the tag stands that was opened last, as long as nothing has followed it.
    bare: Option<usize>,
}

impl Writer {
    pub(crate) fn new(version: Version) -> Self {
        let mut out = Vec::with_capacity(CAPACITY);
        // No string table: nothing in a message is worth one.
        out.extend_from_slice(&[WBXML_1_3, version.public_id(), UTF_8, 0]);
        Self {
            out,
            page: 0,
            version,
            bare: None,
        }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn open(&mut self, element: Element) {
        let entry = element.entry();
        if entry.page != self.page {
            self.page = entry.page;
            self.out.extend_from_slice(&[SWITCH_PAGE, entry.page]);
        }
        let tag_at = self.out.len();
        self.out.push(entry.token | CONTENT);
        let (session, transaction, presence) = self.version.attribute_tokens();
        match element {
            Element::WvCspMessage => self.namespace(tag_at, session),
            Element::TransactionContent => self.namespace(tag_at, transaction),
            Element::PresenceSubList => self.namespace(tag_at, presence),
            _ => {}
        }
        self.bare = Some(tag_at);
    }

    pub(crate) fn close(&mut self, _: Element) {
        // Nothing has followed the tag: it says so, and needs no end.
        match self.bare.take().and_then(|at| self.out.get_mut(at)) {
            Some(tag) => *tag &= !CONTENT,
            None => self.out.push(END),
        }
    }

    pub(crate) fn text(&mut self, element: Element, text: &str) {
        self.open(element);
        if !text.is_empty() {
            self.content(element.entry().kind, text);
        }
        self.close(element);
    }

    pub(crate) fn integer(&mut self, element: Element, number: u32) {
        self.open(element);
        self.number(number);
        self.close(element);
    }

    pub(crate) fn date(&mut self, element: Element, date: DateTime) {
        self.octets(element, &date.octets());
    }

    pub(crate) fn octets(&mut self, element: Element, octets: &[u8]) {
        self.open(element);
        if !octets.is_empty() {
            self.opaque(octets);
        }
        self.close(element);
    }

    pub(crate) fn finish(self) -> Bytes {
        Bytes::from(self.out)
    }

    fn content(&mut self, kind: Kind, text: &str) {
        let token = match kind {
            Kind::Token | Kind::Boolean => value_token(text, self.page, self.version),
            Kind::IntegerOrId if self.version < Version::V1_3 => {
                return match minimal_number(text) {
                    Some(number) => self.number(number),
                    None => self.string(text),
                };
            }
            _ => None,
        };
        match token {
            Some(token) => {
                self.bare = None;
                self.out.push(EXT_T_0);
                mb_u_int32(&mut self.out, u32::from(token));
            }
            None => self.string(text),
        }
    }

    fn string(&mut self, text: &str) {
        self.bare = None;
        self.out.push(STR_I);
        // The string ends at the first NUL, which no text has a right to hold.
        let mut runs = text.split('\0');
        self.out
            .extend_from_slice(runs.next().unwrap_or("").as_bytes());
        for run in runs {
            self.out.extend_from_slice("\u{fffd}".as_bytes());
            self.out.extend_from_slice(run.as_bytes());
        }
        self.out.push(0);
    }

    /// A number is big-endian, without leading zeros; zero itself is one octet.
    fn number(&mut self, number: u32) {
        let octets = number.to_be_bytes();
        let zeros = octets.iter().take(3).take_while(|octet| **octet == 0);
        let from = zeros.count();
        self.opaque(octets.get(from..).unwrap_or_default());
    }

    fn opaque(&mut self, octets: &[u8]) {
        self.bare = None;
        self.out.push(OPAQUE);
        mb_u_int32(
            &mut self.out,
            u32::try_from(octets.len()).unwrap_or(u32::MAX),
        );
        self.out.extend_from_slice(octets);
    }

    /// Writes `xmlns`: a token for all but the number of the version, and that as a string.
    fn namespace(&mut self, tag_at: usize, token: u8) {
        if let Some(tag) = self.out.get_mut(tag_at) {
            *tag |= ATTRIBUTES;
        }
        self.out.extend_from_slice(&[token, STR_I]);
        self.out.extend_from_slice(self.version.as_str().as_bytes());
        self.out.extend_from_slice(&[0, END]);
    }
}

/// The number that is written like this, and in no other way.
fn minimal_number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (text.len() == 1 || !text.starts_with(['0', '+'])).then_some(number)
}

fn mb_u_int32(out: &mut Vec<u8>, number: u32) {
    let mut shift = 28;
    while shift > 0 && number >> shift == 0 {
        shift -= 7;
    }
    while shift > 0 {
        out.push(low_seven(number >> shift) | 0x80);
        shift -= 7;
    }
    out.push(low_seven(number));
}

fn low_seven(number: u32) -> u8 {
    (number & 0x7F) as u8
}
