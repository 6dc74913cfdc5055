//! Where the server of another domain is: at its URL, or where DNS says.

use std::fmt;

use hyper::Uri;
use rustls::pki_types::ServerName;
use world::{Dns, Records, Rng, Srv};

use crate::config::SspPeer;

/// The ports of `http://` and `https://` without one.
const PORT: u16 = 80;
const TLS_PORT: u16 = 443;

/// Where a server that is found by DNS takes what is posted: where ours does.
const PATH: &str = "/ssp";

/// What leads to the server of another domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Url(String),
    /// The SRV records of a domain.
    Records {
        domain: String,
        name: String,
        secure: bool,
    },
}

/// One host where it may be.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Spot {
    /// Its name, or its address; IPv6 stands in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What a request there says in its Host header.
    pub(super) authority: String,
    pub(super) path: String,
    /// For whom its certificate has to be, if it is reached over TLS.
    pub(super) certified: Option<ServerName<'static>>,
}

impl Place {
    pub(super) fn of(peer: &SspPeer) -> Self {
        match &peer.url {
            Some(url) => Self::Url(url.clone()),
            None => Self::Records {
                domain: peer.domain.clone(),
                name: format!("_imps-server._tcp.{}", peer.domain),
                secure: peer.is_secure(),
            },
        }
    }

    /// Where the server of a domain wants to be reached instead, if that is a place of its own: it
    /// is not for a peer to say to whom else we connect.
    ///
    /// # Errors
    ///
    /// Why nothing is posted there, for people.
    pub(super) fn instead(&self, domain: &str, address: &str) -> Result<Self, String> {
        let there = at(address)?;
        if self.is_secure() && there.certified.is_none() {
            return Err("there is no TLS there, which is asked of the domain".to_owned());
        }
        let host = there.host.to_ascii_lowercase();
        let above = host.strip_suffix(domain);
        let is_own = above.is_some_and(|above| above.is_empty() || above.ends_with('.'));
        let is_same = match self {
            Self::Url(url) => at(url)?.host.eq_ignore_ascii_case(&host),
            Self::Records { .. } => false,
        };
        match is_own || is_same {
            true => Ok(Self::Url(address.to_owned())),
            false => Err(format!("{host} is no host of {domain}")),
        }
    }

    fn is_secure(&self) -> bool {
        match self {
            Self::Url(url) => url.starts_with("https://"),
            Self::Records { secure, .. } => *secure,
        }
    }

    /// The hosts in the order in which they are tried: one at least.
    ///
    /// # Errors
    ///
    /// Why there is none, for people.
    pub(super) async fn spots(&self, dns: &Dns, rng: &Rng) -> Result<Vec<Spot>, String> {
        let (domain, name, secure) = match self {
            Self::Url(url) => return Ok(vec![at(url)?]),
            Self::Records {
                domain,
                name,
                secure,
            } => (domain, name, *secure),
        };
        // DNS may lie about the host, so the certificate has to be the domain's (RFC 6125 6.2.1).
        let certified = match secure {
            true => Some(certified(domain)?),
            false => None,
        };
        let found = dns.srv(name).await;
        let records = match found.map_err(|error| format!("{name}: {error}"))? {
            Records::Found(records) => records,
            Records::Missing => return Err(format!("{domain} has no SRV record {name}")),
            Records::Unsupported => {
                return Err(format!(
                    "nobody here can be asked for the SRV record {name}: set dns.servers"
                ));
            }
        };
        let ordered = Srv::order(records, &mut rng.fork());
        let spot = |record| spot(record, certified.clone());
        let spots: Vec<_> = ordered.into_iter().map(spot).collect();
        match spots.is_empty() {
            true => Err(format!("{domain} offers no such service, says {name}")),
            false => Ok(spots),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url(url) => url,
            Self::Records { name, .. } => name,
        })
    }
}

fn spot(record: Srv, certified: Option<ServerName<'static>>) -> Spot {
    Spot {
        authority: format!("{}:{}", record.target, record.port),
        host: record.target,
        port: record.port,
        path: PATH.to_owned(),
        certified,
    }
}

fn at(url: &str) -> Result<Spot, String> {
    let uri: Uri = url.parse().map_err(|_| "no URL".to_owned())?;
    let authority = uri.authority().ok_or("the URL has no host")?;
    let (port, certified) = match uri.scheme_str() {
        Some("http") => (PORT, None),
        Some("https") => (TLS_PORT, Some(certified(authority.host())?)),
        _ => return Err("only http:// and https:// are posted to".to_owned()),
    };
    Ok(Spot {
        host: authority.host().to_owned(),
        port: uri.port_u16().unwrap_or(port),
        authority: authority.to_string(),
        path: uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
        certified,
    })
}

/// The names in a certificate by which a peer is known: its domain, or the host of its URL.
///
/// # Errors
///
/// One of them is no name.
pub(super) fn names(peer: &SspPeer) -> Result<Vec<ServerName<'static>>, String> {
    let mut names = vec![certified(&peer.domain)?];
    if let Some(url) = &peer.url {
        names.extend(at(url)?.certified);
    }
    Ok(names)
}

/// The name in a certificate of a host, which may be an address, or of a domain.
fn certified(name: &str) -> Result<ServerName<'static>, String> {
    let name = name.trim_matches(['[', ']']).to_owned();
    let certified = ServerName::try_from(name);
    certified.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use world::Table;

    use super::*;

    fn place(url: Option<&str>) -> Place {
        of(url, false)
    }

    fn of(url: Option<&str>, tls: bool) -> Place {
        Place::of(&SspPeer {
            domain: "b.example".to_owned(),
            url: url.map(str::to_owned),
            secret: None,
            tls,
        })
    }

    async fn spots(place: &Place, dns: &Dns) -> Result<Vec<Spot>, String> {
        place.spots(dns, &Rng::from_seed(1, 0)).await
    }

    fn spot(host: &str, port: u16, authority: &str, path: &str) -> Spot {
        Spot {
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
            path: path.to_owned(),
            certified: None,
        }
    }

    fn tls(spot: Spot, name: &str) -> Spot {
        Spot {
            certified: Some(certified(name).unwrap()),
            ..spot
        }
    }

    #[test]
    fn a_domain_moves_within_itself() {
        let (url, records) = (place(Some("http://10.0.0.1:8080/ssp")), place(None));
        let (tls_url, tls_records) = (place(Some("https://b.example/ssp")), of(None, true));
        let plain = || Err("there is no TLS there, which is asked of the domain".to_owned());
        let no_url = || Err("the URL has no host".to_owned());
        let elsewhere = |host: &str| Err(format!("{host} is no host of b.example"));
        #[rustfmt::skip]
        let rows = [
            (&records, "http://b.example/ssp",        Ok(())),
            (&records, "http://IM2.B.example:1/x",    Ok(())),
            (&records, "http://notb.example/ssp",     elsewhere("notb.example")),
            (&records, "http://b.example.c.net/ssp",  elsewhere("b.example.c.net")),
            (&records, "http://10.0.0.1:9090/ssp",    elsewhere("10.0.0.1")),
            (&url,     "http://10.0.0.1:9090/ssp",    Ok(())),
            (&url,     "http://127.0.0.1:8080/ssp",   elsewhere("127.0.0.1")),
            (&url,     "https://b.example/ssp",       Ok(())),
            (&url,     "ftp://b.example/ssp",         Err("only http:// and https:// are posted to".to_owned())),
            (&url,     "nonsense:",                   Err("only http:// and https:// are posted to".to_owned())),
            (&url,     "a b",                         Err("no URL".to_owned())),
            (&url,     "/ssp",                        no_url()),
            (&tls_records, "https://im.b.example/x",  Ok(())),
            (&tls_records, "http://im.b.example/x",   plain()),
            (&tls_url,     "https://b.example/x",     Ok(())),
            (&tls_url,     "http://b.example/x",      plain()),
        ];
        for (place, address, want) in rows {
            let moved = place.instead("b.example", address);
            let want = want.map(|()| Place::Url(address.to_owned()));
            assert_eq!(moved, want, "{address}");
        }
    }

    #[tokio::test]
    async fn a_url_says_all() {
        #[rustfmt::skip]
        let rows = [
            ("http://b.example:8080/ssp", Ok(spot("b.example", 8080, "b.example:8080", "/ssp"))),
            ("http://b.example", Ok(spot("b.example", 80, "b.example", "/"))),
            ("http://[::1]:8080/a?b", Ok(spot("[::1]", 8080, "[::1]:8080", "/a?b"))),
            ("https://b.example/ssp", Ok(tls(spot("b.example", 443, "b.example", "/ssp"), "b.example"))),
            ("https://[::1]:8443/ssp", Ok(tls(spot("[::1]", 8443, "[::1]:8443", "/ssp"), "::1"))),
            ("/ssp", Err("the URL has no host".to_owned())),
        ];
        // Whatever DNS says.
        let dns = Dns::Table(Table::default());
        for (url, want) in rows {
            let got = spots(&place(Some(url)), &dns).await;
            assert_eq!(got, want.map(|spot| vec![spot]), "{url}");
        }
    }

    #[tokio::test]
    async fn records_are_followed_in_their_order() {
        let table = Table::default();
        for (priority, target) in [(20, "spare.b.example"), (10, "im.b.example")] {
            let record = Srv {
                priority,
                weight: 0,
                port: 8080,
                target: target.to_owned(),
            };
            table.add_srv("_imps-server._tcp.b.example", record);
        }
        let want = ["im.b.example", "spare.b.example"];
        let want = want.map(|host| spot(host, 8080, &format!("{host}:8080"), "/ssp"));
        let dns = Dns::Table(table);
        assert_eq!(spots(&place(None), &dns).await.unwrap(), want);
        // Whatever the host is called: the certificate is the domain's.
        let want = want.map(|spot| tls(spot, "b.example"));
        assert_eq!(spots(&of(None, true), &dns).await.unwrap(), want);
    }

    #[tokio::test]
    async fn without_a_record_it_says_which() {
        let name = "_imps-server._tcp.b.example";
        let table = Table::default();
        let why = spots(&place(None), &Dns::Table(table.clone())).await;
        let want = format!("b.example has no SRV record {name}");
        assert_eq!(why.unwrap_err(), want);
        let why = spots(&place(None), &Dns::System).await.unwrap_err();
        assert!(why.contains(name) && why.contains("dns.servers"), "{why}");
        let none = Srv {
            priority: 0,
            weight: 0,
            port: 0,
            target: ".".to_owned(),
        };
        table.add_srv(name, none);
        let why = spots(&place(None), &Dns::Table(table)).await.unwrap_err();
        assert_eq!(
            why,
            format!("b.example offers no such service, says {name}")
        );
    }
}
