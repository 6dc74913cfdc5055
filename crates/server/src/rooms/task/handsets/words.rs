//! What handsets can show of what devices say.

use imps::csp::ContentData;
use xdm::file_link::{self, FileLink};

/// Something said, as CSP carries it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Words {
    pub(super) content_type: String,
    pub(super) content: ContentData,
}

impl Words {
    pub(super) fn text(text: String) -> Self {
        Self {
            content_type: "text/plain".to_owned(),
            content: ContentData::Text(text),
        }
    }
}

/// As it was said.
pub(super) fn of(content_type: &str, body: &[u8]) -> Words {
    if is_text(content_type) {
        return Words::text(String::from_utf8_lossy(body).into_owned());
    }
    let content = match str::from_utf8(body) {
        Ok(text) if essence(content_type).starts_with("text/") => {
            ContentData::Text(text.to_owned())
        }
        _ => ContentData::Octets(body.to_vec()),
    };
    Words {
        content_type: essence(content_type).to_owned(),
        content,
    }
}

/// In words that every client can show: a file is a link, and what cannot be said in text is named.
pub(super) fn in_plain_text(content_type: &str, body: &[u8]) -> Words {
    if is_text(content_type) {
        return of(content_type, body);
    }
    let link = essence(content_type).eq_ignore_ascii_case(file_link::MIME);
    let link = link.then(|| FileLink::read(body).ok()).flatten();
    Words::text(match link {
        Some(FileLink { name, size, url }) => {
            let name = name.unwrap_or_else(|| "file".to_owned());
            match size {
                Some(size) => format!("{name} ({size} bytes): {url}"),
                None => format!("{name}: {url}"),
            }
        }
        None => format!(
            "[{}, {} bytes: this client cannot show it]",
            essence(content_type),
            body.len()
        ),
    })
}

/// A message that is longer than any handset is sent.
pub(super) fn too_long(octets: u64) -> String {
    format!("[a message of {octets} bytes: too long for this client]")
}

fn is_text(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("text/plain")
}

fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_words() {
        let link = "<file xmlns=\"urn:gsma:params:xml:ns:rcs:rcs:fthttp\"><file-info type=\"file\">\
                    <file-size>12</file-size><file-name>a.jpg</file-name>\
                    <data url=\"https://f.example/a\" until=\"2027-01-01T00:00:00Z\"/></file-info></file>";
        let rows: [(&str, &[u8], &str); 5] = [
            (
                "text/plain;charset=utf-8",
                "gr\u{fc}n".as_bytes(),
                "gr\u{fc}n",
            ),
            ("Text/Plain", b"\xff", "\u{fffd}"),
            (
                "image/jpeg",
                b"1234",
                "[image/jpeg, 4 bytes: this client cannot show it]",
            ),
            (
                file_link::MIME,
                link.as_bytes(),
                "a.jpg (12 bytes): https://f.example/a",
            ),
            (
                file_link::MIME,
                b"<x/>",
                "[application/vnd.gsma.rcs-ft-http+xml, 4 bytes: this client cannot show it]",
            ),
        ];
        for (content_type, body, want) in rows {
            let words = in_plain_text(content_type, body);
            assert_eq!(words, Words::text(want.to_owned()), "{content_type}");
        }
    }

    #[test]
    fn what_is_no_text_goes_as_octets() {
        let words = of("image/jpeg; x=y", b"\xff\xd8");
        assert_eq!(words.content_type, "image/jpeg");
        assert_eq!(words.content, ContentData::Octets(vec![0xff, 0xd8]));
        let words = of("text/x-vcard", b"BEGIN:VCARD");
        assert_eq!(words.content, ContentData::from("BEGIN:VCARD"));
    }
}
