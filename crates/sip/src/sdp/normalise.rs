//! Makes the SDP that real peers send fit the grammar, before the parser sees it.
//!
//! Tolerated: line ends of LF alone, blanks around `=` and around the colon of an attribute (the
//! OMA text itself prints `a = accept-types : message/cpim`), doubled blanks in an `m=` line and
//! its missing `*`, leading and trailing blanks, text that is not UTF-8.

use crate::sdp::SdpError;
use crate::text::cut;

/// The most lines read. A chat offer beside audio and video has about sixty.
const MAX_LINES: usize = 1024;

/// Rewrites a description line by line. The result is at most a little longer than `text`.
pub(crate) fn normalise(text: &[u8]) -> Result<String, SdpError> {
    let text = String::from_utf8_lossy(text);
    let mut out = String::with_capacity(text.len().saturating_add(64));
    for (count, line) in text.split('\n').enumerate() {
        if count >= MAX_LINES {
            return Err(SdpError::TooManyLines);
        }
        write_line(line.trim_matches(is_blank), &mut out);
    }
    Ok(out)
}

fn write_line(line: &str, out: &mut String) {
    if line.is_empty() {
        return;
    }
    match cut(line, b'=') {
        None => out.push_str(line), // for the parser to complain about
        Some((key, value)) => {
            let (key, value) = (
                key.trim_end_matches(is_blank),
                value.trim_start_matches(is_blank),
            );
            out.push_str(key);
            out.push('=');
            match key {
                "a" => write_attribute(value, out),
                "m" => write_media(value, out),
                _ => out.push_str(value),
            }
        }
    }
    out.push_str("\r\n");
}

fn write_attribute(value: &str, out: &mut String) {
    match cut(value, b':') {
        None => out.push_str(value),
        Some((name, value)) => {
            out.push_str(name.trim_end_matches(is_blank));
            out.push(':');
            out.push_str(value.trim_start_matches(is_blank));
        }
    }
}

fn write_media(value: &str, out: &mut String) {
    let mut fields: usize = 0;
    for field in value.split_ascii_whitespace() {
        if fields > 0 {
            out.push(' ');
        }
        out.push_str(field);
        fields = fields.saturating_add(1);
    }
    // RFC 4975 8.1: the format list is always "*"; without it the line would not parse at all.
    if fields == 3 {
        out.push_str(" *");
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let table: [(&[u8], &str); 11] = [
            (b"v=0\r\ns=-\r\n", "v=0\r\ns=-\r\n"),
            (b"v=0\ns=-", "v=0\r\ns=-\r\n"),
            (b"\r\n\r\nv=0\r\n\r\n", "v=0\r\n"),
            (
                b"a = accept-types : message/cpim\n",
                "a=accept-types:message/cpim\r\n",
            ),
            (b"a=sendrecv \r\n", "a=sendrecv\r\n"),
            (b"a=x:a = b : c\r\n", "a=x:a = b : c\r\n"),
            (
                b"m=message  2855 TCP/MSRP  *\r\n",
                "m=message 2855 TCP/MSRP *\r\n",
            ),
            (
                b"m=message 2855 TCP/MSRP\r\n",
                "m=message 2855 TCP/MSRP *\r\n",
            ),
            (b"m=message 2855\r\n", "m=message 2855\r\n"),
            (b"s=caf\xe9\r\n", "s=caf\u{fffd}\r\n"),
            (b"nonsense\r\n", "nonsense\r\n"),
        ];
        for (text, want) in table {
            assert_eq!(normalise(text).unwrap(), want);
        }
        let many = "a\n".repeat(MAX_LINES + 1);
        assert_eq!(normalise(many.as_bytes()), Err(SdpError::TooManyLines));
    }
}
