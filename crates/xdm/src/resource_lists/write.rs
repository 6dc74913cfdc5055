//! From entries to a document.

use super::{CopyControl, Entry};
use crate::escape::{push_attribute, push_text};
use crate::reader::{COPY_CONTROL, RESOURCE_LISTS};

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
    out.push_str("><display-name");
    if let Some(lang) = &name.lang {
        push_attribute(out, "xml:lang", lang);
    }
    out.push('>');
    push_text(out, &name.text);
    out.push_str("</display-name></entry>");
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
}
