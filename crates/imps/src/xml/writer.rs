//! XML from elements.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use crate::date::DateTime;
use crate::table::Element;
use crate::version::Version;

/// Room for most messages without growing.
const CAPACITY: usize = 1024;

/// An XML document that is being written: without white space between elements, and without a
/// document type.
pub(crate) struct Writer {
    out: String,
    version: Version,
    /// Nothing has followed the tag that was opened last, which lacks its `>`.
    bare: bool,
}

impl Writer {
    pub(crate) fn new(version: Version) -> Self {
        let mut out = String::with_capacity(CAPACITY);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self {
            out,
            version,
            bare: false,
        }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn open(&mut self, element: Element) {
        self.content();
        self.out.push('<');
        self.out.push_str(element.name_in(self.version));
        let namespace = match element {
            Element::WvCspMessage => Some(self.version.session_namespace()),
            Element::TransactionContent => Some(self.version.transaction_namespace()),
            Element::PresenceSubList => Some(self.version.presence_namespace()),
            _ => None,
        };
        if let Some(namespace) = namespace {
            self.out.push_str(" xmlns=\"");
            self.out.push_str(namespace);
            self.out.push('"');
        }
        self.bare = true;
    }

    pub(crate) fn close(&mut self, element: Element) {
        if self.bare {
            self.out.push_str("/>");
            self.bare = false;
            return;
        }
        self.out.push_str("</");
        self.out.push_str(element.name_in(self.version));
        self.out.push('>');
    }

    pub(crate) fn text(&mut self, element: Element, text: &str) {
        self.open(element);
        if !text.is_empty() {
            self.content();
            escape(text, &mut self.out);
        }
        self.close(element);
    }

    pub(crate) fn integer(&mut self, element: Element, number: u32) {
        self.text(element, &number.to_string());
    }

    pub(crate) fn date(&mut self, element: Element, date: DateTime) {
        self.text(element, &date.to_string());
    }

    pub(crate) fn octets(&mut self, element: Element, octets: &[u8]) {
        self.text(element, &BASE64_STANDARD.encode(octets));
    }

    pub(crate) fn finish(self) -> Bytes {
        Bytes::from(self.out)
    }

    /// Something follows the tag that was opened last.
    fn content(&mut self) {
        if self.bare {
            self.out.push('>');
            self.bare = false;
        }
    }
}

/// Appends text so that a reader gets it back. A character that XML cannot carry is replaced.
fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(is_special) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            // A reader would make a line feed of it.
            Some('\r') => out.push_str("&#13;"),
            _ => out.push('\u{fffd}'),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

fn is_special(c: char) -> bool {
    matches!(c, '&' | '<' | '>' | '\u{fffe}' | '\u{ffff}') || c < ' ' && !matches!(c, '\t' | '\n')
}
