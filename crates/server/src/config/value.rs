//! Values that a key takes and others that it does not.

use serde::de::{Deserialize, Deserializer, Error};
use sip::Uri;

use super::{CoreMode, FocusAnswer};

/// A whole number between two bounds, both allowed.
pub(super) fn between<'de, const LEAST: u32, const MOST: u32, D>(from: D) -> Result<u32, D::Error>
where
    D: Deserializer<'de>,
{
    let number = i64::deserialize(from)?;
    u32::try_from(number)
        .ok()
        .filter(|number| (LEAST..=MOST).contains(number))
        .ok_or_else(|| D::Error::custom(format!("{number} is not between {LEAST} and {MOST}")))
}

/// The status for a session that nobody knows.
pub(super) fn status<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    // IM-7.2.1.5-S1a says 403; RFC 3261 section 21.4.5 and RCS clients expect 404.
    match i64::deserialize(from)? {
        403 => Ok(403),
        404 => Ok(404),
        other => Err(D::Error::custom(format!("{other} is neither 403 nor 404"))),
    }
}

/// A domain name, or an IPv4 address in its place, in small letters.
pub(super) fn domain<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?.to_ascii_lowercase();
    let label = |label: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() > 253 || !text.split('.').all(label) {
        return Err(D::Error::custom(format!("\"{text}\" is not a domain name")));
    }
    Ok(text)
}

/// Text for people: short, and on one line.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.len() > TEXT_MAX || text.chars().any(char::is_control) {
        return Err(D::Error::custom(format!(
            "a text has at most {TEXT_MAX} bytes and no control characters"
        )));
    }
    Ok(text)
}

/// The longest text for people, in bytes.
const TEXT_MAX: usize = 1000;

/// The beginning of a URL, without a slash at its end.
pub(super) fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let is_sound = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic());
    if !rest.is_some_and(is_sound) {
        return Err(D::Error::custom(format!("\"{text}\" is not a URL of HTTP")));
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

/// A URL that is posted to.
pub(super) fn peer_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    let uri = text.parse::<hyper::Uri>().ok();
    let is_sound = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    match is_sound {
        true => Ok(Some(text)),
        false => Err(D::Error::custom(format!(
            "\"{text}\" is not of the form https://host:port/ssp"
        ))),
    }
}

/// A host, with or without a port.
pub(super) fn peer_host<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    let uri = format!("sip:{text}");
    let is_sound = Uri::parse(&uri).is_ok_and(|uri| {
        let port = uri
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        uri.user().is_none() && text == format!("{}{port}", uri.host())
    });
    match is_sound {
        true => Ok(Some(text)),
        false => Err(D::Error::custom(format!(
            "\"{text}\" is neither a host nor host:port"
        ))),
    }
}

/// The name of a node.
pub(super) fn node<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    word(from, "-_.")
}

/// The user part of an address, without any escapes.
pub(super) fn user_part<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    word(from, "-_.+")
}

fn word<'de, D: Deserializer<'de>>(from: D, marks: &str) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    if !(1..=64).contains(&text.len()) || !text.chars().all(allowed) {
        return Err(D::Error::custom(format!(
            "\"{text}\" is not 1 to 64 letters, digits and {marks}"
        )));
    }
    Ok(text)
}

/// Addresses of people, in the one form in which the server compares them.
pub(super) fn senders<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let canonical = |text: String| match Uri::parse(&text) {
        Ok(uri) if uri.is_sip() && uri.user().is_some() => Ok(uri.aor()),
        _ => Err(D::Error::custom(format!(
            "\"{text}\" is not an address such as sip:alice@localhost"
        ))),
    };
    Vec::<String>::deserialize(from)?
        .into_iter()
        .map(canonical)
        .collect()
}

/// Digest algorithms by their names on the wire: at least one, and none twice.
pub(super) mod algorithms {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;
    use sip::digest::Algorithm;

    pub(in crate::config) fn deserialize<'de, D>(from: D) -> Result<Vec<Algorithm>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let mut offered = Vec::new();
        for name in Vec::<String>::deserialize(from)? {
            let why = || D::Error::custom(format!("there is no digest algorithm \"{name}\""));
            let algorithm = Algorithm::parse(Some(&name)).map_err(|_| why())?;
            // RFC 8760 section 2.3: each challenge is for another algorithm.
            if offered.contains(&algorithm) {
                return Err(D::Error::custom(format!("{algorithm} is listed twice")));
            }
            offered.push(algorithm);
        }
        if offered.is_empty() {
            return Err(D::Error::custom("without an algorithm nobody can log in"));
        }
        Ok(offered)
    }

    pub(in crate::config) fn serialize<S: Serializer>(
        offered: &[Algorithm],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(offered.iter().map(|algorithm| algorithm.name()))
    }
}

/// An address to listen on, or `"off"`.
pub(super) mod listen {
    use std::net::SocketAddr;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    const OFF: &str = "off";

    pub(in crate::config) fn deserialize<'de, D>(from: D) -> Result<Option<SocketAddr>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let text = String::deserialize(from)?;
        if text == OFF {
            return Ok(None);
        }
        let why = || format!("\"{text}\" is neither an IP address with a port nor \"{OFF}\"");
        text.parse().map(Some).map_err(|_| D::Error::custom(why()))
    }

    pub(in crate::config) fn serialize<S: Serializer>(
        at: &Option<SocketAddr>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.collect_str(at),
            None => to.serialize_str(OFF),
        }
    }
}

impl<'de> Deserialize<'de> for CoreMode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match String::deserialize(from)?.as_str() {
            "embedded" => Ok(Self::Embedded),
            "ims" => Err(D::Error::custom(
                "the mode \"ims\", behind the S-CSCF of an outer core, comes in a later version",
            )),
            other => Err(D::Error::custom(format!("there is no mode \"{other}\""))),
        }
    }
}

impl<'de> Deserialize<'de> for FocusAnswer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match String::deserialize(from)?.as_str() {
            "confirmed" => Ok(Self::Confirmed),
            "immediate" => Ok(Self::Immediate),
            other => Err(D::Error::custom(format!("there is no answer \"{other}\""))),
        }
    }
}
