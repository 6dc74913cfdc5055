//! Header field names: one table of what this crate knows, with the compact forms.

/// Makes [`Name`] and its look-ups from one list: variant, written form, compact form.
macro_rules! names {
    ($( $variant:ident $long:literal $lower:literal $($compact:literal)? ; )*) => {
        /// The name of a header field.
        ///
        /// Names are compared without case, and a compact form is the same name (RFC 3261
        /// section 7.3.3). A name that is not in the table is [`Name::Other`]; its text is kept in
        /// the message.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[expect(missing_docs, reason = "each is the header of its name")]
        pub enum Name {
            $( $variant, )*
            /// A header this crate has no word for.
            Other,
        }

        impl Name {
            /// The name in its long written form; empty for [`Name::Other`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $long, )*
                    Self::Other => "",
                }
            }

            /// Finds the name of a field whose label is already in lower case.
            fn from_lower(label: &[u8]) -> Self {
                match label {
                    $( $lower $(| $compact)? => Self::$variant, )*
                    _ => Self::Other,
                }
            }
        }
    };
}

names! {
    Accept "Accept" b"accept";
    AcceptContact "Accept-Contact" b"accept-contact" b"a";
    AcceptEncoding "Accept-Encoding" b"accept-encoding";
    AcceptLanguage "Accept-Language" b"accept-language";
    AlertInfo "Alert-Info" b"alert-info";
    Allow "Allow" b"allow";
    AllowEvents "Allow-Events" b"allow-events" b"u";
    AuthenticationInfo "Authentication-Info" b"authentication-info";
    Authorization "Authorization" b"authorization";
    CallId "Call-ID" b"call-id" b"i";
    CallInfo "Call-Info" b"call-info";
    Contact "Contact" b"contact" b"m";
    ContentDisposition "Content-Disposition" b"content-disposition";
    ContentEncoding "Content-Encoding" b"content-encoding" b"e";
    ContentId "Content-ID" b"content-id";
    ContentLanguage "Content-Language" b"content-language";
    ContentLength "Content-Length" b"content-length" b"l";
    ContentType "Content-Type" b"content-type" b"c";
    ContributionId "Contribution-ID" b"contribution-id";
    ConversationId "Conversation-ID" b"conversation-id";
    CSeq "CSeq" b"cseq";
    Date "Date" b"date";
    ErrorInfo "Error-Info" b"error-info";
    Event "Event" b"event" b"o";
    Expires "Expires" b"expires";
    FlowTimer "Flow-Timer" b"flow-timer";
    From "From" b"from" b"f";
    InReplyTo "In-Reply-To" b"in-reply-to";
    MaxForwards "Max-Forwards" b"max-forwards";
    MimeVersion "MIME-Version" b"mime-version";
    MinExpires "Min-Expires" b"min-expires";
    MinSe "Min-SE" b"min-se";
    Organization "Organization" b"organization";
    PAccessNetworkInfo "P-Access-Network-Info" b"p-access-network-info";
    PAssertedIdentity "P-Asserted-Identity" b"p-asserted-identity";
    PAssertedService "P-Asserted-Service" b"p-asserted-service";
    PAssociatedUri "P-Associated-URI" b"p-associated-uri";
    PChargingVector "P-Charging-Vector" b"p-charging-vector";
    PPreferredIdentity "P-Preferred-Identity" b"p-preferred-identity";
    PPreferredService "P-Preferred-Service" b"p-preferred-service";
    PRefusedUriList "P-Refused-URI-List" b"p-refused-uri-list";
    Path "Path" b"path";
    Priority "Priority" b"priority";
    Privacy "Privacy" b"privacy";
    ProxyAuthenticate "Proxy-Authenticate" b"proxy-authenticate";
    ProxyAuthorization "Proxy-Authorization" b"proxy-authorization";
    ProxyRequire "Proxy-Require" b"proxy-require";
    RAck "RAck" b"rack";
    RSeq "RSeq" b"rseq";
    Reason "Reason" b"reason";
    RecordRoute "Record-Route" b"record-route";
    ReferSub "Refer-Sub" b"refer-sub";
    ReferTo "Refer-To" b"refer-to" b"r";
    ReferredBy "Referred-By" b"referred-by" b"b";
    RejectContact "Reject-Contact" b"reject-contact" b"j";
    Replaces "Replaces" b"replaces";
    ReplyTo "Reply-To" b"reply-to";
    RequestDisposition "Request-Disposition" b"request-disposition" b"d";
    Require "Require" b"require";
    RetryAfter "Retry-After" b"retry-after";
    Route "Route" b"route";
    Server "Server" b"server";
    ServiceRoute "Service-Route" b"service-route";
    SessionExpires "Session-Expires" b"session-expires" b"x";
    SessionReplaces "Session-Replaces" b"session-replaces";
    SipEtag "SIP-ETag" b"sip-etag";
    SipIfMatch "SIP-If-Match" b"sip-if-match";
    Subject "Subject" b"subject" b"s";
    SubscriptionState "Subscription-State" b"subscription-state";
    Supported "Supported" b"supported" b"k";
    Timestamp "Timestamp" b"timestamp";
    To "To" b"to" b"t";
    Unsupported "Unsupported" b"unsupported";
    UserAgent "User-Agent" b"user-agent";
    Via "Via" b"via" b"v";
    Warning "Warning" b"warning";
    WwwAuthenticate "WWW-Authenticate" b"www-authenticate";
}

/// The longest name in the table, in bytes: a longer label needs no look-up.
const LONGEST: usize = 24;

impl Name {
    /// Finds the name of a field by its label, in any case, long or compact.
    pub fn from_label(label: &[u8]) -> Self {
        let mut lower = [0_u8; LONGEST];
        let Some(room) = lower.get_mut(..label.len()) else {
            return Self::Other;
        };
        for (to, from) in room.iter_mut().zip(label) {
            *to = from.to_ascii_lowercase();
        }
        Self::from_lower(room)
    }

    /// May a field of this name stand only once in a message?
    ///
    /// RFC 3261 section 7.3.1: only headers defined as a comma-separated list (and the four of
    /// authentication) may be repeated. These are the ones a server's work depends on.
    pub const fn is_single(self) -> bool {
        matches!(
            self,
            Self::CallId
                | Self::ContentDisposition
                | Self::ContentLength
                | Self::ContentType
                | Self::CSeq
                | Self::Event
                | Self::Expires
                | Self::From
                | Self::MaxForwards
                | Self::MinSe
                | Self::Privacy
                | Self::ReferSub
                | Self::ReferTo
                | Self::Replaces
                | Self::SessionExpires
                | Self::SubscriptionState
                | Self::To
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_meaning_in_every_spelling() {
        for (label, want) in [
            ("Via", Name::Via),
            ("VIA", Name::Via),
            ("v", Name::Via),
            ("V", Name::Via),
            ("cAlL-iD", Name::CallId),
            ("i", Name::CallId),
            ("x", Name::SessionExpires),
            ("P-Access-Network-Info", Name::PAccessNetworkInfo),
            ("X-Unheard-Of", Name::Other),
            ("", Name::Other),
            ("a-label-far-longer-than-any-in-the-table", Name::Other),
        ] {
            assert_eq!(Name::from_label(label.as_bytes()), want, "{label}");
        }
    }
}
