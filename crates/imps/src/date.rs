//! Points in time: `20010925T165859Z` in XML, six octets in WBXML.

use std::fmt;

/// A point in time, to the second, as CSP writes it.
///
/// Months and days count from one. Without a zone the time is local to the sender. Only values
/// that both encodings can carry exist: years to 4095.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DateTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    zone: Option<u8>,
}

impl DateTime {
    /// A point in time in UTC (zone `Z`), from year, month and day, and hour, minute and second.
    ///
    /// `None` if it is on no calendar or clock. (A second may be 60; the 31st of February passes.)
    pub fn utc(date: (u16, u8, u8), time: (u8, u8, u8)) -> Option<Self> {
        Self::checked(date, time, Some(b'Z'))
    }

    /// Year, month and day.
    pub fn date(self) -> (u16, u8, u8) {
        (self.year, self.month, self.day)
    }

    /// Hour, minute and second.
    pub fn time(self) -> (u8, u8, u8) {
        (self.hour, self.minute, self.second)
    }

    /// It is in UTC, and not in the sender's own time or another zone.
    pub fn is_utc(self) -> bool {
        self.zone == Some(b'Z')
    }

    /// Reads `yyyymmddThhmmss` with an optional zone letter. The dashes and colons of the extended
    /// form of ISO 8601 are skipped.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (text, zone) = match text.as_bytes().last()? {
            letter if letter.is_ascii_alphabetic() => (
                text.get(..text.len() - 1)?,
                Some(letter.to_ascii_uppercase()),
            ),
            _ => (text, None),
        };
        let mut digits = [0_u8; 14];
        let mut places = digits.iter_mut();
        for c in text.bytes() {
            match c {
                b'0'..=b'9' => *places.next()? = c - b'0',
                b'-' | b':' => {}
                b'T' | b't' if places.len() == 6 => {}
                _ => return None,
            }
        }
        if places.next().is_some() {
            return None;
        }
        let [y1, y2, y3, y4, mo1, mo2, d1, d2, h1, h2, mi1, mi2, s1, s2] = digits;
        let two = |a: u8, b: u8| a * 10 + b;
        let year = u16::from(two(y1, y2)) * 100 + u16::from(two(y3, y4));
        let date = (year, two(mo1, mo2), two(d1, d2));
        Self::checked(date, (two(h1, h2), two(mi1, mi2), two(s1, s2)), zone)
    }

    /// Reads the six octets of WBXML: `00YYYYYY YYYYYYMM MMDDDDDh hhhhmmmm mmssssss` and the zone
    /// letter, or 0.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let [a, b, c, d, e, zone] = *octets else {
            return None;
        };
        let bits = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        let field = |from: u32, width: u32| (bits >> from) & ((1 << width) - 1);
        let small = |from, width| u8::try_from(field(from, width)).unwrap_or(u8::MAX);
        let year = u16::try_from(field(26, 12)).ok()?;
        let date = (year, small(22, 4), small(17, 5));
        let time = (small(12, 5), small(6, 6), small(0, 6));
        Self::checked(date, time, (zone != 0).then_some(zone))
    }

    /// The six octets of WBXML.
    pub(crate) fn octets(self) -> [u8; 6] {
        let bits = u64::from(self.year) << 26
            | u64::from(self.month) << 22
            | u64::from(self.day) << 17
            | u64::from(self.hour) << 12
            | u64::from(self.minute) << 6
            | u64::from(self.second);
        let [_, _, _, a, b, c, d, e] = bits.to_be_bytes();
        [a, b, c, d, e, self.zone.unwrap_or(0)]
    }

    fn checked(
        (year, month, day): (u16, u8, u8),
        (hour, minute, second): (u8, u8, u8),
        zone: Option<u8>,
    ) -> Option<Self> {
        let sound = year < 4096
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60
            && zone.is_none_or(|zone| zone.is_ascii_uppercase());
        sound.then_some(Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            zone,
        })
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let (hour, minute, second) = self.time();
        write!(
            f,
            "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}"
        )?;
        match self.zone {
            Some(zone) => write!(f, "{}", char::from(zone)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_octets() {
        let rows = [
            ("20010925T165859Z", [0x1F, 0x46, 0x73, 0x0E, 0xBB, 0x5A]),
            ("20260101T120102Z", [0x1F, 0xA8, 0x42, 0xC0, 0x42, 0x5A]),
            ("20260101T120102", [0x1F, 0xA8, 0x42, 0xC0, 0x42, 0x00]),
        ];
        for (text, octets) in rows {
            let date = DateTime::parse(text).expect(text);
            assert_eq!(date.to_string(), text);
            assert_eq!(date.octets(), octets, "{text}");
            assert_eq!(DateTime::from_octets(&octets), Some(date), "{text}");
        }
        let extended = DateTime::parse("2001-09-25T16:58:59Z");
        assert_eq!(extended, DateTime::utc((2001, 9, 25), (16, 58, 59)));
    }

    #[test]
    fn what_is_no_date() {
        let rows = [
            "",
            "Z",
            "20010925",
            "20010925165859é",
            "20011325T165859Z",
            "20010900T165859Z",
            "20010925T245859Z",
            "20010925T166059Z",
            "20010925T165861Z",
            "2001T0925165859Z",
            "20010925T1658599Z",
            "50000925T165859Z",
            "20010925T165859+1",
        ];
        for text in rows {
            assert_eq!(DateTime::parse(text), None, "{text}");
        }
        for octets in [
            &[][..],
            &[0; 6],
            &[0x1F, 0x46, 0x73, 0x0E, 0xBB],
            &[0xFF; 6],
        ] {
            assert_eq!(DateTime::from_octets(octets), None, "{octets:?}");
        }
    }
}
