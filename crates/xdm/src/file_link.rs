//! Where a file is that somebody shares, as RCS clients say it (GSMA RCC.07, file transfer by
//! HTTP).
//!
//! Only read here: who sends a file to others writes the document.

use crate::Error;
use crate::reader::Ns;
use crate::reader::Reader;

/// The media type of these documents.
pub const MIME: &str = "application/vnd.gsma.rcs-ft-http+xml";

/// The most bytes of a document: two links, of the file and of its preview.
pub const MAX_BYTES: usize = 16 * 1024;

/// The file itself; its preview is passed over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileLink {
    /// What the file is called.
    pub name: Option<String>,
    /// How many bytes it has.
    pub size: Option<u64>,
    /// Where it is.
    pub url: String,
}

impl FileLink {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// What the guard refuses, and a document that does not say where the file is.
    pub fn read(input: &[u8]) -> Result<Self, Error> {
        let (mut reader, root) = Reader::open(input, MAX_BYTES, Ns::Other, "file")?;
        let mut found = None;
        while let Some(info) = reader.child(&root)? {
            let is_file = info.plain("type").is_none_or(|of| of == "file");
            if info.name != "file-info" || !is_file {
                continue;
            }
            let (mut name, mut size, mut url) = (None, None, None);
            while let Some(child) = reader.child(&info)? {
                match child.name.as_str() {
                    "file-name" => name = Some(reader.text(&child)?),
                    "file-size" => size = reader.text(&child)?.parse().ok(),
                    "data" => url = child.plain("url").map(str::to_owned),
                    _ => {}
                }
            }
            let name = name.filter(|name| !name.is_empty());
            found = found.or(url.map(|url| Self { name, size, url }));
        }
        reader.finish()?;
        found.ok_or_else(|| reader.invalid("no <data> with a url"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NS: &str = "urn:gsma:params:xml:ns:rcs:rcs:fthttp";

    #[test]
    fn the_file_is_found_behind_its_preview() {
        let document = format!(
            "<?xml version=\"1.0\"?><file xmlns=\"{NS}\"><file-info type=\"thumbnail\">\
             <file-size>1</file-size><data url=\"https://f.example/t\"/></file-info>\
             <file-info type=\"file\"><file-size>2048</file-size><file-name>a &amp; b.jpg</file-name>\
             <content-type>image/jpeg</content-type><data url=\"https://f.example/f?a=1&amp;b=2\"/>\
             </file-info></file>"
        );
        let link = FileLink::read(document.as_bytes()).unwrap();
        assert_eq!(link.name.as_deref(), Some("a & b.jpg"));
        assert_eq!(link.size, Some(2048));
        assert_eq!(link.url, "https://f.example/f?a=1&b=2");
    }

    #[test]
    fn a_document_without_a_place_is_refused() {
        for inside in [
            "",
            "<file-info type=\"file\"/>",
            "<file-info><data/></file-info>",
        ] {
            let document = format!("<file xmlns=\"{NS}\">{inside}</file>");
            assert!(FileLink::read(document.as_bytes()).is_err(), "{inside}");
        }
    }
}
