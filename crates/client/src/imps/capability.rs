//! What the agent says it can do, and what the server makes of it. Pure functions.

use std::time::Duration;

use imps::csp::{
    AcceptedContentType, AgreedCapabilityList, CapabilityList, CirMethod, ClientCapabilityResponse,
};
use imps::{MAX_TRANSACTIONS, Version};

use super::config::{Cir, Config};

/// UTF-8, by its number in the list of the IANA.
const UTF_8: u32 = 106;

/// The longest pause between polls that a server can ask for: an hour.
const POLL_MIN_MAX: u32 = 3600;

/// What the agent can do. `udp_port`: where it listens for datagrams.
pub(super) fn offered(config: &Config, udp_port: Option<u16>) -> CapabilityList {
    let every = match config.cir {
        Cir::Poll { every } => every,
        Cir::Tcp | Cir::Udp { .. } | Cir::Http => config.poll,
    };
    let method = match config.cir {
        Cir::Poll { .. } => None,
        Cir::Tcp => Some(CirMethod::StandaloneTcp),
        Cir::Udp { .. } => Some(CirMethod::StandaloneUdp),
        Cir::Http => Some(CirMethod::StandaloneHttp),
    };
    let types = config.content_types.iter();
    let is_1_3 = config.version == Version::V1_3;
    let size = Some(config.parser_size);
    CapabilityList {
        content_types: types.map(AcceptedContentType::new).collect(),
        charsets: vec![UTF_8],
        pull_length: size.filter(|_| is_1_3),
        push_length: size.filter(|_| is_1_3),
        text_length: size.filter(|_| is_1_3),
        content_length: size.filter(|_| !is_1_3),
        client_type: Some("COMPUTER".to_owned()),
        initial_delivery_method: Some(config.delivery.clone()),
        multi_trans: Some(config.multi_trans),
        multi_trans_per_message: Some(config.multi_trans).filter(|_| is_1_3),
        parser_size: size,
        server_poll_min_s: u32::try_from(every.as_secs()).ok(),
        bearers: vec!["HTTP".to_owned()],
        cir_methods: method.into_iter().collect(),
        udp_port,
        ..CapabilityList::default()
    }
}

/// What the agent goes by from then on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Agreed {
    /// The shortest time between two polls.
    pub(super) poll_min: Duration,
    /// The most transactions in one message, if the server says so.
    pub(super) per_message: Option<usize>,
    /// Where it can be told over a connection that something waits: a host, if it is another than
    /// the server, and a port.
    pub(super) tcp: Option<(Option<String>, u16)>,
    /// Where it can ask over HTTP.
    pub(super) http: Option<String>,
}

impl Agreed {
    pub(super) fn of(answer: ClientCapabilityResponse) -> Self {
        match (answer.agreed, answer.capabilities) {
            (Some(agreed), _) => Self::read(&agreed),
            // CSP 1.1 repeats what the client has said, with what the server thinks of it.
            (None, Some(list)) => Self::read(&AgreedCapabilityList {
                server_poll_min_s: list.server_poll_min_s,
                tcp_address: list.tcp_address.clone(),
                tcp_port: list.tcp_port,
                ..AgreedCapabilityList::default()
            }),
            (None, None) => Self::default(),
        }
    }

    fn read(list: &AgreedCapabilityList) -> Self {
        let poll_min = list.server_poll_min_s.unwrap_or(0).min(POLL_MIN_MAX);
        let per_message = list.multi_trans_per_message;
        let per_message = per_message.and_then(|most| usize::try_from(most).ok());
        let host = list.tcp_address.clone().filter(|host| !host.is_empty());
        Self {
            poll_min: Duration::from_secs(u64::from(poll_min)),
            per_message,
            tcp: list.tcp_port.map(|port| (host, port)),
            http: list.cir_http_url.clone(),
        }
    }

    /// How many transactions go into one message.
    pub(super) fn per_message(&self, config: &Config) -> usize {
        let own = usize::try_from(config.multi_trans).unwrap_or(MAX_TRANSACTIONS);
        let most = self.per_message.unwrap_or(own).min(own);
        most.clamp(1, MAX_TRANSACTIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new("wv:ann@im.com", "", "10.0.0.1:80".parse().unwrap())
    }

    #[test]
    fn what_is_offered() {
        let mut config = config();
        for (cir, method) in [
            (Cir::Tcp, Some(CirMethod::StandaloneTcp)),
            (Cir::Http, Some(CirMethod::StandaloneHttp)),
            (Cir::Udp { port: 0 }, Some(CirMethod::StandaloneUdp)),
            (
                Cir::Poll {
                    every: Duration::from_secs(9),
                },
                None,
            ),
        ] {
            config.cir = cir;
            let list = offered(&config, None);
            assert_eq!(list.cir_methods.first(), method.as_ref());
        }
        let list = offered(&config, Some(7000));
        assert_eq!(
            (list.server_poll_min_s, list.udp_port),
            (Some(9), Some(7000))
        );
        assert!(list.multi_trans_per_message.is_some() && list.content_length.is_none());
        config.version = Version::V1_2;
        let list = offered(&config, None);
        assert!(list.multi_trans_per_message.is_none() && list.content_length.is_some());
    }

    #[test]
    fn what_is_agreed() {
        let list = AgreedCapabilityList {
            server_poll_min_s: Some(u32::MAX),
            multi_trans_per_message: Some(2),
            tcp_address: Some(String::new()),
            tcp_port: Some(3717),
            ..AgreedCapabilityList::default()
        };
        let agreed = Agreed::of(ClientCapabilityResponse {
            agreed: Some(Box::new(list)),
            ..ClientCapabilityResponse::default()
        });
        assert_eq!(agreed.poll_min, Duration::from_secs(3600));
        assert_eq!(agreed.tcp, Some((None, 3717)));
        // The most in one message: the server's, ours, and never none.
        let rows = [
            (Some(2), 4, 2),
            (Some(9), 4, 4),
            (None, 4, 4),
            (Some(0), 4, 1),
            (None, 0, 1),
            (None, u32::MAX, MAX_TRANSACTIONS),
        ];
        let mut config = config();
        for (per_message, own, want) in rows {
            let agreed = Agreed {
                per_message,
                ..Agreed::default()
            };
            config.multi_trans = own;
            assert_eq!(agreed.per_message(&config), want);
        }
    }
}
