//! `q`: how much something is wanted (RFC 3261 section 25.1, `qvalue`).

use crate::Params;

/// The most a `q` parameter can say, in thousandths; also what it is when it is not written.
pub(crate) const WHOLE: u16 = 1000;

/// The `q` parameter in thousandths: [`WHOLE`] when absent.
///
/// One that does not follow its grammar is read as absent: it only orders choices.
pub(crate) fn thousandths(params: &Params<'_>) -> u16 {
    params.get("q").and_then(parse).unwrap_or(WHOLE)
}

fn parse(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = match whole {
        "0" | "" if text.len() > whole.len() || whole == "0" => 0,
        "1" => WHOLE,
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let scaled = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(3)
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Some(whole + scaled).filter(|q| *q <= WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_is_read_in_thousandths() {
        for (text, want) in [
            (";q=1", 1000),
            (";q=1.000", 1000),
            (";q=0", 0),
            (";q=0.", 0),
            (";q=0.33", 330),
            (";q=.5", 500),
            ("; Q = 0.001", 1),
            ("", 1000),
            (";p=0", 1000),
            // Not a q-value: as if it were not there.
            (";q=1.1", 1000),
            (";q=2", 1000),
            (";q=0.1234", 1000),
            (";q=-0.5", 1000),
            (";q=.", 0),
        ] {
            let params = Params::parse(text).unwrap();
            assert_eq!(thousandths(&params), want, "{text}");
        }
    }
}
