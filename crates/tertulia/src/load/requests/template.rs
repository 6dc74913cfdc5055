//! Requests written once, with holes for what differs.

/// Where the number of the operation goes, in the text of a template.
pub(super) const INDEX: &str = "{{index}}";

/// Where further header fields go, each with its line end.
pub(super) const MORE: &str = "{{more}}";

/// Digits of a number: 2^40 operations take a day at more than any machine does.
pub(super) const DIGITS: usize = 10;

/// A request with holes.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// The text with zeros in the holes.
    bytes: Vec<u8>,
    /// Where numbers go.
    holes: Vec<usize>,
    /// Where further header fields go; at most one place.
    more: Option<usize>,
}

impl Template {
    /// Finds the holes in a text.
    pub(super) fn new(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len());
        let (mut holes, mut more) = (Vec::new(), None);
        let mut pieces = text.split(INDEX).peekable();
        while let Some(piece) = pieces.next() {
            match piece.split_once(MORE) {
                Some((before, after)) => {
                    bytes.extend_from_slice(before.as_bytes());
                    more = Some(bytes.len());
                    bytes.extend_from_slice(after.as_bytes());
                }
                None => bytes.extend_from_slice(piece.as_bytes()),
            }
            if pieces.peek().is_some() {
                holes.push(bytes.len());
                bytes.extend_from_slice(&[b'0'; DIGITS]);
            }
        }
        Self { bytes, holes, more }
    }

    /// Appends the request of an operation to `out`.
    pub(super) fn fill(&self, index: u64, more: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let digits = digits(index);
        for hole in &self.holes {
            let at = start + hole;
            if let Some(hole) = out.get_mut(at..at + DIGITS) {
                hole.copy_from_slice(&digits);
            }
        }
        if let (Some(at), false) = (self.more, more.is_empty()) {
            let at = start + at;
            out.splice(at..at, more.iter().copied());
        }
    }
}

/// A number in hexadecimal.
fn digits(index: u64) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    let mut rest = index;
    for digit in digits.iter_mut().rev() {
        *digit = match u8::try_from(rest % 16).unwrap_or_default() {
            low @ 0..10 => b'0' + low,
            high => b'a' + (high - 10),
        };
        rest /= 16;
    }
    digits
}

/// The number that [`digits`] wrote.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    let digits = digits.get(..DIGITS)?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled() {
        let template = Template::new("a={{index}};\r\n{{more}}b={{index}}\r\n\r\n");
        let mut out = b"before|".to_vec();
        template.fill(0xabc, b"X: y\r\n", &mut out);
        template.fill(7, b"", &mut out);
        let want = "before|a=0000000abc;\r\nX: y\r\nb=0000000abc\r\n\r\n\
                    a=0000000007;\r\nb=0000000007\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    #[test]
    fn numbers_come_back() {
        for index in [0, 1, 9, 10, 15, 16, 0xdead_beef, (1 << 40) - 1] {
            assert_eq!(number(&digits(index)), Some(index));
        }
        assert_eq!(number(b"123"), None);
        assert_eq!(number(b"xxxxxxxxxx"), None);
    }
}
