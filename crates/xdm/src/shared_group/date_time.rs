//! Moments, as rules write them.

/// A moment: the `dateTime` of XML Schema, in which RFC 4745 section 7.4 writes times.
///
/// ```
/// use xdm::shared_group::DateTime;
///
/// let time = DateTime::parse("2003-12-24T17:00:00+01:00").expect("a time");
/// assert_eq!(time.epoch_seconds(), 1_072_281_600);
/// assert_eq!(time.as_str(), "2003-12-24T17:00:00+01:00");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DateTime {
    text: String,
    epoch_seconds: i64,
}

impl DateTime {
    /// Reads a moment of the years 0001 to 9999. `None` if `text` is none.
    ///
    /// Without a zone it is taken to be in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T')?;
        let seconds = days(date)? * DAY + second_of_day(time)?;
        Some(Self {
            text: text.to_owned(),
            epoch_seconds: seconds,
        })
    }

    /// The moment as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Seconds since the start of 1970 in UTC; a part of a second is counted as a whole one.
    ///
    /// A clock that counts whole seconds reaches the rounded moment when it reaches the exact one.
    pub fn epoch_seconds(&self) -> i64 {
        self.epoch_seconds
    }
}

/// Days since the start of 1970.
fn days(date: &str) -> Option<i64> {
    let (year, rest) = number(date, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if !rest.is_empty() || year == 0 || !(1..=month_days).contains(&day) {
        return None;
    }
    // Years and months are counted from March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let before_month = (153 * month + 2) / 5;
    let before_year = 365 * year + year / 4 - year / 100 + year / 400;
    Some(before_year + before_month + day - 1 - EPOCH)
}

/// Seconds since the start of the day in UTC; below zero or above a day if the zone says so.
fn second_of_day(time: &str) -> Option<i64> {
    let (hour, rest) = number(time, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (is_beyond, zone) = fraction(rest)?;
    let seconds = hour * 3600 + minute * 60 + second + i64::from(is_beyond);
    // XML Schema part 2, section 3.2.7: 24:00:00 is the end of the day.
    let is_time = (hour < 24 && minute < 60 && second < 60) || (hour == 24 && seconds == DAY);
    is_time.then_some(seconds - offset(zone)?)
}

/// Whether a part of a second follows, and what follows it.
fn fraction(text: &str) -> Option<(bool, &str)> {
    let Some(digits) = text.strip_prefix('.') else {
        return Some((false, text));
    };
    let zone = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = digits.strip_suffix(zone)?;
    (!digits.is_empty()).then(|| (digits.bytes().any(|digit| digit != b'0'), zone))
}

/// How many seconds a zone is before UTC.
fn offset(zone: &str) -> Option<i64> {
    let (sign, zone) = match zone {
        "" | "Z" => return Some(0),
        _ => match zone.strip_prefix('+') {
            Some(zone) => (1, zone),
            None => (-1, zone.strip_prefix('-')?),
        },
    };
    let (hours, rest) = number(zone, 2)?;
    let (minutes, rest) = number(rest.strip_prefix(':')?, 2)?;
    let is_zone = rest.is_empty() && minutes < 60 && hours * 60 + minutes <= 14 * 60;
    is_zone.then_some(sign * (hours * 3600 + minutes * 60))
}

/// The number that the first `digits` characters are, and what follows.
fn number(text: &str, digits: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    // The parser would take a sign.
    let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_number)?;
    Some((number, rest))
}

const DAY: i64 = 24 * 3600;
/// The days from March of the year 0 to the start of 1970.
const EPOCH: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        // (text, seconds)
        let rows = [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00", 0),
            ("1969-12-31T23:59:59Z", -1),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2003-08-15T10:20:00.000-05:00", 1_060_960_800),
            ("2003-08-15T10:20:00.0001-05:00", 1_060_960_801),
            ("2004-12-31T23:59:59.5Z", 1_104_537_600),
            ("2004-12-31T24:00:00Z", 1_104_537_600),
            ("2005-01-01T01:00:00+01:00", 1_104_537_600),
            ("2004-12-31T14:30:00-09:30", 1_104_537_600),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ];
        for (text, want) in rows {
            let got = DateTime::parse(text).map(|time| time.epoch_seconds());
            assert_eq!(got, Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "T",
            "2003-08-15",
            "2003-08-15 10:20:00Z",
            "2003-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2003-00-15T10:20:00Z",
            "2003-13-15T10:20:00Z",
            "2003-04-31T10:20:00Z",
            "2003-08-00T10:20:00Z",
            "0000-08-15T10:20:00Z",
            "-2003-08-15T10:20:00Z",
            "+203-08-15T10:20:00Z",
            "2003-08-15T24:00:01Z",
            "2003-08-15T24:00:00.1Z",
            "2003-08-15T23:60:00Z",
            "2003-08-15T23:59:60Z",
            "2003-08-15T10:20Z",
            "2003-08-15T10:20:00.Z",
            "2003-08-15T10:20:00+1:00",
            "2003-08-15T10:20:00+14:01",
            "2003-08-15T10:20:00+13:60",
            "2003-08-15T10:20:00Zx",
            "2003-08-15T10:20:00é",
            "20é3-08-15T10:20:00Z",
        ] {
            assert_eq!(DateTime::parse(text), None, "{text}");
        }
    }
}
