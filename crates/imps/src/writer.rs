//! Writing element by element, whatever the encoding.

use bytes::Bytes;

use crate::date::DateTime;
use crate::table::Element;
use crate::version::Version;
use crate::{wbxml, xml};

/// A document that is being written. The root is opened like any other element.
pub(crate) enum Writer {
    Wbxml(wbxml::Writer),
    Xml(xml::Writer),
}

/// Hands the call on to the encoding.
macro_rules! either {
    ($writer:expr, $it:ident => $call:expr) => {
        match $writer {
            Self::Wbxml($it) => $call,
            Self::Xml($it) => $call,
        }
    };
}

impl Writer {
    pub(crate) fn wbxml(version: Version) -> Self {
        Self::Wbxml(wbxml::Writer::new(version))
    }

    pub(crate) fn xml(version: Version) -> Self {
        Self::Xml(xml::Writer::new(version))
    }

    pub(crate) fn version(&self) -> Version {
        either!(self, it => it.version())
    }

    pub(crate) fn open(&mut self, element: Element) {
        either!(self, it => it.open(element));
    }

    /// Closes the innermost open element, which is `element`.
    pub(crate) fn close(&mut self, element: Element) {
        either!(self, it => it.close(element));
    }

    /// Writes an element that holds text.
    pub(crate) fn text(&mut self, element: Element, text: &str) {
        either!(self, it => it.text(element, text));
    }

    /// Writes an element that holds a number.
    pub(crate) fn integer(&mut self, element: Element, number: u32) {
        either!(self, it => it.integer(element, number));
    }

    /// Writes an element that holds `T` or `F`.
    pub(crate) fn boolean(&mut self, element: Element, value: bool) {
        self.text(element, if value { "T" } else { "F" });
    }

    /// Writes an element that holds a point in time.
    pub(crate) fn date(&mut self, element: Element, date: DateTime) {
        either!(self, it => it.date(element, date));
    }

    /// Writes an element that holds octets: BASE64 in XML, as they are in WBXML.
    pub(crate) fn octets(&mut self, element: Element, octets: &[u8]) {
        either!(self, it => it.octets(element, octets));
    }

    pub(crate) fn finish(self) -> Bytes {
        either!(self, it => it.finish())
    }
}
