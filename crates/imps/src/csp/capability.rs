//! What a client can do, and what the server makes of it.

use crate::choice::words;
use crate::content::Content;
use crate::error::Flaw;
use crate::reader::Reader;
use crate::record::record;
use crate::table::Element;
use crate::version::Version;
use crate::writer::Writer;

words! {
    /// A way to tell a client that something waits for it.
    CirMethod {
        /// A line over TCP that the client opened.
        #[default]
        StandaloneTcp "STCP",
        /// The client asks over HTTP.
        StandaloneHttp "SHTTP",
        /// A datagram to the client.
        StandaloneUdp "SUDP",
        /// A WAP push over SMS.
        WapSms "WAPSMS",
        /// A WAP push over UDP.
        WapUdp "WAPUDP",
        /// A short message.
        StandaloneSms "SSMS",
    }
}

words! {
    /// How a message reaches its recipient.
    DeliveryMethod {
        /// Pushed, as a whole.
        #[default]
        Push "P",
        /// Announced, and fetched by the client.
        Notify "N",
    }
}

record! {
    /// What a client can do. Sizes are in bytes.
    CapabilityList {
        /// Media types that it can show.
        content_types: * AcceptedContentType = AcceptedContentType @V13,
        /// It can show everything.
        any_content: ? bool = AnyContent @V13,
        /// The character sets of plain text, by the numbers of the IANA.
        charsets: * u32 = PlainTextCharset | AcceptedCharset @READ,
        /// The largest content that it will fetch. CSP 1.3.
        pull_length: ? u32 = AcceptedPullLength,
        /// The largest content that it will have pushed. CSP 1.3.
        push_length: ? u32 = AcceptedPushLength,
        /// The longest text. CSP 1.3.
        text_length: ? u32 = AcceptedTextContentLength,
        /// Content encodings that it knows.
        transfer_encodings: * String = AcceptedTransferEncoding @V13,
        /// The largest content that it takes. CSP 1.1 and 1.2.
        content_length: ? u32 = AcceptedContentLength @READ,
        /// What sort of device it is.
        client_type: ? String = ClientType @V13,
        /// Its language, as in `en-US`.
        default_language: ? String = DefaultLanguage @V13,
        /// How messages are to reach it at first.
        initial_delivery_method: ? DeliveryMethod = InitialDeliveryMethod @V13,
        /// How many transactions it can have open.
        multi_trans: ? u32 = MultiTrans @V13,
        /// How many transactions it can read in one message. CSP 1.3.
        multi_trans_per_message: ? u32 = MultiTransPerMessage,
        /// What to do with messages of other kinds while it is away. CSP 1.3.
        offline_handling: ? String = OfflineEtemHandling,
        /// The same while it is there. CSP 1.3.
        online_handling: ? String = OnlineEtemHandling,
        /// The largest message that it can parse.
        parser_size: ? u32 = ParserSize @V13,
        /// How many seconds are at least between two polls.
        server_poll_min_s: ? u32 = ServerPollMin @V13,
        /// What it can use to transport CSP.
        bearers: * String = SupportedBearer @V13,
        /// The same for messages while it has no session. CSP 1.3.
        offline_bearers: * String = SupportedOfflineBearer,
        /// How it can be told that something waits.
        cir_methods: * CirMethod = SupportedCirMethod @V13,
        /// Where it listens for datagrams.
        udp_port: ? u16 = UdpPort @V13,
        /// Which of a user's sessions comes first. CSP 1.3.
        session_priority: ? u32 = SessionPriority,
        /// Where to connect to.
        tcp_address: ? String = TcpAddress @V13,
        /// At which port.
        tcp_port: ? u16 = TcpPort @V13,
        /// Where it listens for datagrams, if not where it logged in from. CSP 1.3.
        udp_address: ? String = UdpAddress,
    }
    early {
        client_type: ? String = ClientType @V11_12,
        initial_delivery_method: ? DeliveryMethod = InitialDeliveryMethod @V11_12,
        any_content: ? bool = AnyContent @V11_12,
        charsets: * u32 = AcceptedCharset,
        content_types: * AcceptedContentType = AcceptedContentType @V11_12,
        transfer_encodings: * String = AcceptedTransferEncoding @V11_12,
        content_length: ? u32 = AcceptedContentLength,
        bearers: * String = SupportedBearer @V11_12,
        multi_trans: ? u32 = MultiTrans @V11_12,
        parser_size: ? u32 = ParserSize @V11_12,
        cir_methods: * CirMethod = SupportedCirMethod @V11_12,
        udp_port: ? u16 = UdpPort @V11_12,
        tcp_address: ? String = TcpAddress @V11,
        tcp_port: ? u16 = TcpPort @V11,
        server_poll_min_s: ? u32 = ServerPollMin @V11_12,
        default_language: ? String = DefaultLanguage @V11_12,
    }
}

record! {
    /// What was agreed, and where the server can be reached.
    AgreedCapabilityList {
        /// Media types that will be delivered. CSP 1.3.
        content_types: * AcceptedContentType = AcceptedContentType @V13,
        /// Everything will be delivered. CSP 1.3.
        any_content: ? bool = AnyContent @V13,
        /// The largest content to be fetched. CSP 1.3.
        pull_length: ? u32 = AcceptedPullLength,
        /// The largest content to be pushed. CSP 1.3.
        push_length: ? u32 = AcceptedPushLength,
        /// The longest text. CSP 1.3.
        text_length: ? u32 = AcceptedTextContentLength,
        /// Content encodings that will be used. CSP 1.3.
        transfer_encodings: * String = AcceptedTransferEncoding @V13,
        /// Where to ask over HTTP whether anything waits.
        cir_http_url: ? String = CirHttpAddress / Url @V13,
        /// The number that requests for attention come from. CSP 1.3.
        cir_sms_address: ? String = CirSmsAddress,
        /// How many transactions may be open. CSP 1.3.
        multi_trans: ? u32 = MultiTrans @V13,
        /// How many transactions may be in one message. CSP 1.3.
        multi_trans_per_message: ? u32 = MultiTransPerMessage,
        /// What happens to messages of other kinds while the client is away. CSP 1.3.
        offline_handling: ? String = OfflineEtemHandling,
        /// The same while it is there. CSP 1.3.
        online_handling: ? String = OnlineEtemHandling,
        /// How many seconds are at least between two polls.
        server_poll_min_s: ? u32 = ServerPollMin @V13,
        /// What can transport CSP.
        bearers: * String = SupportedBearer @V13,
        /// The same for messages while there is no session. CSP 1.3.
        offline_bearers: * String = SupportedOfflineBearer,
        /// How the client will be told that something waits.
        cir_methods: * CirMethod = SupportedCirMethod @V13,
        /// Where the client shall connect to.
        tcp_address: ? String = TcpAddress @V13,
        /// At which port.
        tcp_port: ? u16 = TcpPort @V13,
        /// Where datagrams will come from. CSP 1.3.
        udp_address: ? String = UdpAddress,
        /// From which port. CSP 1.3.
        udp_port: ? u16 = UdpPort @V13,
        /// Which of the user's sessions comes first. CSP 1.3.
        session_priority: ? u32 = SessionPriority,
        /// How many sessions a user may have. CSP 1.3.
        user_session_limit: ? u32 = UserSessionLimit,
    }
    early {
        bearers: * String = SupportedBearer @V11_12,
        cir_methods: * CirMethod = SupportedCirMethod @V11_12,
        tcp_address: ? String = TcpAddress @V11_12,
        tcp_port: ? u16 = TcpPort @V11_12,
        server_poll_min_s: ? u32 = ServerPollMin @V11_12,
        cir_http_url: ? String = CirHttpAddress / Url @V11_12,
    }
}

/// A media type that a client can show. CSP 1.1 and 1.2 know its name only.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AcceptedContentType {
    /// The media type.
    pub content_type: String,
    /// The largest content of it, in bytes.
    pub length: Option<u32>,
    /// What to do with larger content.
    pub policy: Option<String>,
    /// From which size on, in bytes.
    pub policy_limit: Option<u32>,
}

impl AcceptedContentType {
    /// A media type, whatever the size.
    pub fn new(content_type: impl Into<String>) -> Self {
        Self {
            content_type: content_type.into(),
            ..Self::default()
        }
    }
}

impl Content for AcceptedContentType {
    fn read(_: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let mut value = Self::default();
        let mut parts = false;
        loop {
            match from.child_or_text()? {
                Ok(child) => {
                    parts = true;
                    match child {
                        Element::ContentType => value.content_type = String::read(child, from)?,
                        Element::AcceptedRichContentLength => {
                            value.length = Some(u32::read(child, from)?);
                        }
                        Element::ContentPolicy => value.policy = Some(String::read(child, from)?),
                        Element::ContentPolicyLimit => {
                            value.policy_limit = Some(u32::read(child, from)?);
                        }
                        _ => from.skip()?,
                    }
                }
                Err(name) => {
                    if !parts {
                        value.content_type = name;
                    }
                    return Ok(value);
                }
            }
        }
    }

    fn write(&self, element: Element, to: &mut Writer) {
        if to.version() < Version::V1_3 {
            return to.text(element, &self.content_type);
        }
        to.open(element);
        to.text(Element::ContentType, &self.content_type);
        if let Some(length) = self.length {
            to.integer(Element::AcceptedRichContentLength, length);
        }
        if let Some(policy) = &self.policy {
            to.text(Element::ContentPolicy, policy);
        }
        if let Some(limit) = self.policy_limit {
            to.integer(Element::ContentPolicyLimit, limit);
        }
        to.close(element);
    }

    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        let mut value = Self::new(chance.text(Element::ContentType));
        if chance.version == Version::V1_3 && chance.coin() {
            value.length = Some(chance.number());
            value.policy = Some(chance.text(Element::ContentPolicy));
            value.policy_limit = Some(chance.number());
        }
        value
    }
}
