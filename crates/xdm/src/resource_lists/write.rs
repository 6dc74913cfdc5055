//! From entries to a document.

use super::{CopyControl, DisplayName, Entry, Item, List, Reference, ResourceLists};
use crate::escape::{push_attribute, push_text};
use crate::reader::{COPY_CONTROL, RESOURCE_LISTS, TERTULIA_LISTS};

/// Writes an `application/resource-lists+xml` document with one flat list.
///
/// A client writes its recipients (RFC 5366 section 4), a server what [`super::history`] returns.
pub fn write(entries: &[Entry]) -> String {
    let mut out = String::with_capacity(HEAD_BYTES + entries.len().saturating_mul(ENTRY_BYTES));
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<resource-lists");
    push_attribute(&mut out, "xmlns", RESOURCE_LISTS);
    // RFC 5364 9.2: the registered spelling, in lower case.
    push_attribute(&mut out, "xmlns:cp", COPY_CONTROL);
    out.push_str("><list>");
    for entry in entries {
        push_entry(&mut out, entry);
    }
    out.push_str("</list></resource-lists>");
    out
}

impl ResourceLists {
    /// Writes the document as it is stored: every list with its name and what it holds, in order.
    ///
    /// [`super::read`] gives back the same lists, if they are such as it could have given: within
    /// its limits, no entry without a URI, no text with white space at its ends or characters that
    /// XML cannot carry.
    pub fn write_stored(&self) -> String {
        let mut out = String::with_capacity(HEAD_BYTES);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<resource-lists");
        push_attribute(&mut out, "xmlns", RESOURCE_LISTS);
        push_attribute(&mut out, "xmlns:cp", COPY_CONTROL);
        push_attribute(&mut out, "xmlns:t", TERTULIA_LISTS);
        out.push('>');
        for list in &self.lists {
            push_list(&mut out, list);
        }
        out.push_str("\r\n</resource-lists>");
        out
    }
}

/// The recursion is as deep as the lists are in each other.
fn push_list(out: &mut String, list: &List) {
    out.push_str("\r\n<list");
    if let Some(name) = &list.name {
        push_attribute(out, "name", name);
    }
    if list.is_default {
        push_attribute(out, "t:default", "true");
    }
    if !list.in_use {
        push_attribute(out, "t:in-use", "false");
    }
    out.push('>');
    // RFC 4826 3.2: the name comes first.
    if let Some(name) = &list.display_name {
        push_display_name(out, "display-name", name);
    }
    for item in &list.items {
        match item {
            Item::Entry(entry) => push_entry(out, entry),
            Item::EntryRef(reference) => push_reference(out, "entry-ref", "ref", reference),
            Item::External(reference) => push_reference(out, "external", "anchor", reference),
            Item::List(list) => push_list(out, list),
        }
    }
    out.push_str("</list>");
}

fn push_entry(out: &mut String, entry: &Entry) {
    out.push_str("\r\n<entry");
    push_attribute(out, "uri", &entry.uri);
    if let Some(level) = entry.copy_control {
        push_attribute(out, "cp:copyControl", written(level));
    }
    if entry.anonymize {
        push_attribute(out, "cp:anonymize", "true");
    }
    if let Some(count) = entry.count {
        push_attribute(out, "cp:count", &count.to_string());
    }
    let Some(name) = &entry.display_name else {
        out.push_str("/>");
        return;
    };
    out.push('>');
    push_display_name(out, "display-name", name);
    out.push_str("</entry>");
}

fn push_reference(out: &mut String, element: &str, attribute: &str, reference: &Reference) {
    out.push_str("\r\n<");
    out.push_str(element);
    push_attribute(out, attribute, &reference.target);
    out.push('>');
    if let Some(name) = &reference.display_name {
        push_display_name(out, "display-name", name);
    }
    out.push_str("</");
    out.push_str(element);
    out.push('>');
}

/// Appends `<element>` with a name for people. The element is ours and is not escaped.
pub(crate) fn push_display_name(out: &mut String, element: &str, name: &DisplayName) {
    out.push('<');
    out.push_str(element);
    if let Some(lang) = &name.lang {
        push_attribute(out, "xml:lang", lang);
    }
    out.push('>');
    push_text(out, &name.text);
    out.push_str("</");
    out.push_str(element);
    out.push('>');
}

fn written(level: CopyControl) -> &'static str {
    match level {
        CopyControl::Bcc => "bcc",
        CopyControl::Cc => "cc",
        CopyControl::To => "to",
    }
}

/// What an empty document takes, about.
const HEAD_BYTES: usize = 200;
/// What an entry with a URI of usual length takes, about.
const ENTRY_BYTES: usize = 80;

#[cfg(test)]
mod tests {
    use super::super::{DisplayName, Limits, read};
    use super::*;

    #[test]
    fn every_field_comes_back() {
        let mut full = Entry::new("sip:a@h?Subject=%22&<>\"'");
        full.copy_control = Some(CopyControl::Cc);
        full.anonymize = true;
        full.count = Some(3);
        full.display_name = Some(DisplayName {
            text: "]]> & <b>".to_owned(),
            lang: Some("en-GB".to_owned()),
        });
        let entries = vec![Entry::new("tel:+15551234"), full];
        let written = write(&entries);
        let back = read(written.as_bytes(), Limits::default()).unwrap();
        assert_eq!(back.into_flat(), Ok(entries), "{written}");
    }

    #[test]
    fn a_stored_document_in_the_order_of_its_schema() {
        let reference = Reference {
            target: "http://x/y?a&b".to_owned(),
            display_name: None,
        };
        let name = |text: &str| {
            Some(DisplayName {
                text: text.to_owned(),
                lang: None,
            })
        };
        let inner = List {
            items: vec![Item::EntryRef(reference.clone()), Item::External(reference)],
            in_use: false,
            ..List::default()
        };
        let mut bob = Entry::new("sip:b@h");
        bob.display_name = name("Bob");
        let friends = List {
            name: Some("oma_buddylist".to_owned()),
            display_name: name("Friends"),
            is_default: true,
            items: vec![Item::List(inner), Item::Entry(bob)],
            ..List::default()
        };
        let lists = ResourceLists {
            lists: vec![friends],
        };
        let written = lists.write_stored();
        let (_, body) = written.split_once(">\r\n<resource-lists").unwrap();
        let want = " xmlns=\"urn:ietf:params:xml:ns:resource-lists\" \
                    xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\" \
                    xmlns:t=\"urn:tertulia:xml:lists\">\r\n\
                    <list name=\"oma_buddylist\" t:default=\"true\">\
                    <display-name>Friends</display-name>\r\n\
                    <list t:in-use=\"false\">\r\n\
                    <entry-ref ref=\"http://x/y?a&amp;b\"></entry-ref>\r\n\
                    <external anchor=\"http://x/y?a&amp;b\"></external></list>\r\n\
                    <entry uri=\"sip:b@h\"><display-name>Bob</display-name></entry></list>\r\n\
                    </resource-lists>";
        assert_eq!(body, want);
    }
}
