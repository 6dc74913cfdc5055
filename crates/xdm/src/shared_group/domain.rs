//! The domains of addresses, compared as RFC 4745 asks.

/// The domain of an address: what stands after the first "@", up to a port, parameters or the like.
/// An address without one, such as a telephone number, is of no domain.
pub(super) fn domain_of(uri: &str) -> Option<&str> {
    let (_, host) = uri.split_once('@')?;
    if let Some((ip, _)) = host.split_once(']') {
        return host.get(..ip.len() + 1);
    }
    host.split([':', ';', '?', '/', '#', '>']).next()
}

/// RFC 4745 section 7.1.3. Names that are not ASCII are written as ToASCII of RFC 3490 makes them:
/// the mapping itself is not done here.
pub(super) fn is_same_domain(one: &str, other: &str) -> bool {
    let lower = |domain| octets(domain).map(|octet| octet.to_ascii_lowercase());
    is_comparable(one) && is_comparable(other) && lower(one).eq(lower(other))
}

/// Whether the name needs no mapping to be compared.
pub(super) fn is_comparable(domain: &str) -> bool {
    octets(domain).all(|octet| octet.is_ascii())
}

/// The octets of a domain, with percent-encoding undone.
fn octets(domain: &str) -> impl Iterator<Item = u8> {
    let mut rest = domain.as_bytes();
    std::iter::from_fn(move || {
        let (first, after) = rest.split_first()?;
        let digit = |octet: u8| char::from(octet).to_digit(16);
        if let ([high, low, after @ ..], b'%') = (after, first)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            rest = after;
            return u8::try_from(high * 16 + low).ok();
        }
        rest = after;
        Some(*first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_an_address() {
        let rows = [
            ("sip:a@h", Some("h")),
            ("sip:a@h:5060", Some("h")),
            ("sip:a;x=y?z@h;p=1?q=c@d", Some("h")),
            ("sips:a@[::1]:5061", Some("[::1]")),
            ("wv:a/b@h", Some("h")),
            ("wv:a", None),
            ("tel:+1", None),
            ("", None),
        ];
        for (uri, want) in rows {
            assert_eq!(domain_of(uri), want, "{uri}");
        }
    }

    #[test]
    fn domains_are_compared_without_case_and_encoding() {
        let rows = [
            ("Example.COM", "example.com", true),
            ("ex%61mple.com", "Example.com", true),
            ("ex%6.com", "ex%6.com", true),
            ("a%", "a%", true),
            ("a%2", "a%20", false),
            ("example.com", "example.com.", false),
            ("example.com", "xample.com", false),
            ("é.example", "é.example", false),
            ("%C3%A9.example", "%C3%A9.example", false),
            ("", "", true),
        ];
        for (one, other, want) in rows {
            assert_eq!(is_same_domain(one, other), want, "{one} {other}");
            assert_eq!(is_same_domain(other, one), want, "{other} {one}");
        }
    }
}
