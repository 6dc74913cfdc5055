//! XML with attributes, from values.

/// Room for most messages without growing.
const CAPACITY: usize = 1024;

/// The attributes that hold an address. One that lacks its scheme gets it: not every peer forgives.
const ADDRESSES: [&str; 3] = ["groupID", "serviceID", "userID"];

/// A document that is being written: without white space between elements, and without a document
/// type.
pub(crate) struct Writer {
    out: String,
    /// Nothing has followed the tag that was opened last, which lacks its `>`.
    bare: bool,
}

impl Writer {
    pub(crate) fn new() -> Self {
        let mut out = String::with_capacity(CAPACITY);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self { out, bare: false }
    }

    pub(crate) fn open(&mut self, element: &str) {
        self.content();
        self.out.push('<');
        self.out.push_str(element);
        self.bare = true;
    }

    /// Writes an attribute of the element that was opened last. Attributes come before everything
    /// that stands in the element.
    pub(crate) fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        if ADDRESSES.contains(&name) && !value.is_empty() && !has_scheme(value) {
            self.out.push_str("wv:");
        }
        escape(value, true, &mut self.out);
        self.out.push('"');
    }

    /// Closes the innermost open element, which is `element`.
    pub(crate) fn close(&mut self, element: &str) {
        if self.bare {
            self.out.push_str("/>");
            self.bare = false;
            return;
        }
        self.out.push_str("</");
        self.out.push_str(element);
        self.out.push('>');
    }

    /// Writes text into the innermost open element.
    pub(crate) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.content();
            escape(text, false, &mut self.out);
        }
    }

    /// Writes elements that are XML already.
    pub(crate) fn raw(&mut self, xml: &str) {
        self.content();
        self.out.push_str(xml);
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// Something follows the tag that was opened last.
    fn content(&mut self) {
        if self.bare {
            self.out.push('>');
            self.bare = false;
        }
    }
}

fn has_scheme(address: &str) -> bool {
    address
        .get(..3)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("wv:"))
}

/// Appends text so that a reader gets it back. A character that XML cannot carry is replaced.
fn escape(text: &str, in_attribute: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            // A reader would make blanks of them.
            '\n' if in_attribute => out.push_str("&#10;"),
            '\t' if in_attribute => out.push_str("&#9;"),
            // A reader would make a line feed of it.
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' | '\0'..' ' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}
