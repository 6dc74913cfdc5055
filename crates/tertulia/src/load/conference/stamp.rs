//! What stands in a message of the load: who says it, its number, and when it should have gone.
//!
//! The text is as long as was asked for, at least [`LENGTH`]: the stamp first, then padding.
//! Numbers are written with all their digits, so that every text is equally long.

use std::time::Duration;

/// Octets of a stamp: `~` and three numbers in hexadecimal, each with a colon after it.
pub(super) const LENGTH: usize = 1 + (4 + 1) + (8 + 1) + (16 + 1);

/// One message of the load.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    /// The number of the sender among the senders.
    pub(super) sender: u16,
    /// The number of the message, from 0.
    pub(super) number: u32,
    /// When it was to be sent, by the schedule, since the load began.
    pub(super) intended: Duration,
}

impl Stamp {
    /// The text of the message, `length` octets of it.
    pub(super) fn write(&self, length: usize, out: &mut Vec<u8>) {
        let nanos = u64::try_from(self.intended.as_nanos()).unwrap_or(u64::MAX);
        out.push(b'~');
        hex(u64::from(self.sender), 4, out);
        hex(u64::from(self.number), 8, out);
        hex(nanos, 16, out);
        out.resize(
            out.len().saturating_add(length.saturating_sub(LENGTH)),
            b'x',
        );
    }

    /// Reads the beginning of a text.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = text.strip_prefix(b"~")?;
        let (sender, text) = unhex(text, 4)?;
        let (number, text) = unhex(text, 8)?;
        let (nanos, _) = unhex(text, 16)?;
        Some(Self {
            sender: u16::try_from(sender).ok()?,
            number: u32::try_from(number).ok()?,
            intended: Duration::from_nanos(nanos),
        })
    }
}

fn hex(value: u64, digits: u32, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        let digit = u8::try_from((value >> (4 * place)) & 15).unwrap_or_default();
        out.push(match digit {
            0..=9 => b'0' + digit,
            _ => b'a' + digit - 10,
        });
    }
    out.push(b':');
}

fn unhex(text: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let rest = rest.strip_prefix(b":")?;
    let mut value = 0u64;
    for byte in number {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        value = (value << 4) | u64::from(digit);
    }
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(sender: u16, number: u32, nanos: u64, length in 0..500usize) {
            let stamp = Stamp { sender, number, intended: Duration::from_nanos(nanos) };
            let mut text = Vec::new();
            stamp.write(length, &mut text);
            prop_assert_eq!(text.len(), length.max(LENGTH));
            prop_assert_eq!(Stamp::read(&text), Some(stamp));
        }

        #[test]
        fn other_texts_are_no_stamps(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assume!(text.first() != Some(&b'~'));
            prop_assert_eq!(Stamp::read(&text), None);
        }

        #[test]
        fn no_text_is_too_strange(mut text in proptest::collection::vec(any::<u8>(), 0..60)) {
            text.insert(0, b'~');
            let _any = Stamp::read(&text);
        }
    }
}
