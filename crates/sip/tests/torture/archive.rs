//! Reads the archive of messages at the end of RFC 4475 and RFC 5118.
//!
//! The texts are not part of this repository. Their folder is named by `TERTULIA_RFC_DIR`.

use std::io::Read;
use std::path::PathBuf;

use base64::Engine;
use bytes::Bytes;

/// The messages in the archive of one RFC, by name; `None` when the texts are not at hand.
pub(crate) fn messages(rfc: &str) -> Option<Vec<(String, Bytes)>> {
    let Some(folder) = std::env::var_os("TERTULIA_RFC_DIR") else {
        println!("skipped: no RFC texts");
        return None;
    };
    let path = PathBuf::from(folder).join(format!("{rfc}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    // The markers are also named in the script that tells how to unpack: the last ones count.
    let (_, archive) = text.rsplit_once("-- BEGIN MESSAGE ARCHIVE --").unwrap();
    let (archive, _) = archive.split_once("-- END MESSAGE ARCHIVE --").unwrap();
    // Page headers and footers have several words, lines of the archive one.
    let lines = archive
        .lines()
        .map(str::trim)
        .filter(|line| !line.contains(' '));
    let packed = base64::engine::general_purpose::STANDARD
        .decode(lines.collect::<String>())
        .unwrap();
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut tar)
        .unwrap();
    Some(files(&tar))
}

/// The files of a tar archive: a block of 512 bytes that describes one, then its blocks.
fn files(tar: &[u8]) -> Vec<(String, Bytes)> {
    let mut found = Vec::new();
    let mut rest = tar;
    while rest.len() >= 512 && rest[0] != 0 {
        let (head, after) = rest.split_at(512);
        let text = |range: std::ops::Range<usize>| {
            let field = String::from_utf8_lossy(&head[range]).into_owned();
            field.trim_matches(['\0', ' ']).to_owned()
        };
        let size = usize::from_str_radix(&text(124..136), 8).unwrap();
        if head[156] == b'0' {
            let name = text(0..100);
            let name = name.trim_start_matches("./").trim_end_matches(".dat");
            found.push((name.to_owned(), Bytes::copy_from_slice(&after[..size])));
        }
        rest = &after[size.next_multiple_of(512)..];
    }
    found
}
