//! Requests written once, with holes for what differs.

/// Where the number of the operation goes, in the text of a template.
pub(super) const INDEX: &str = "{{index}}";

/// Where the number of the request within the operation goes: 1, or 2 after a challenge. It follows
/// the number of the operation in the branch, and is the CSeq.
pub(super) const TRY: &str = "{{try}}";

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
    holes: Vec<(usize, Hole)>,
    /// Where further header fields go; at most one place.
    more: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Hole {
    Index,
    Try,
}

impl Template {
    /// Finds the holes in a text.
    pub(super) fn new(text: &str) -> Self {
        let mut template = Self {
            bytes: Vec::with_capacity(text.len()),
            holes: Vec::new(),
            more: None,
        };
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            template.bytes.extend_from_slice(before.as_bytes());
            let at = template.bytes.len();
            let (name, after) = after.split_once("}}").unwrap_or((after, ""));
            match name {
                "index" => {
                    template.holes.push((at, Hole::Index));
                    template.bytes.extend_from_slice(&[b'0'; DIGITS]);
                }
                "try" => {
                    template.holes.push((at, Hole::Try));
                    template.bytes.push(b'0');
                }
                _ => template.more = Some(at),
            }
            rest = after;
        }
        template.bytes.extend_from_slice(rest.as_bytes());
        template
    }

    /// Appends a request of an operation to `out`. `tries`: the how-manieth, 1 to 9.
    pub(super) fn fill(&self, index: u64, tries: u8, more: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let digits = digits(index);
        let tries = [b'0' + tries.min(9)];
        for (hole, what) in &self.holes {
            let value = match what {
                Hole::Index => &digits[..],
                Hole::Try => &tries[..],
            };
            let at = start + hole;
            if let Some(hole) = out.get_mut(at..at + value.len()) {
                hole.copy_from_slice(value);
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
        let template = Template::new("a={{index}}{{try}};\r\n{{more}}b={{index}}\r\n\r\n");
        let mut out = b"before|".to_vec();
        template.fill(0xabc, 2, b"X: y\r\n", &mut out);
        template.fill(7, 1, b"", &mut out);
        let want = "before|a=0000000abc2;\r\nX: y\r\nb=0000000abc\r\n\r\n\
                    a=00000000071;\r\nb=0000000007\r\n\r\n";
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
