//! Sessions: login, logout, keeping alive, and what is offered in them.

use super::{
    AgreedCapabilityList, CapabilityList, ClientId, ContentData, Outcome, SystemMessageResponse,
};
use crate::digest::DigestSchema;
use crate::record::record;
use crate::service::Functions;

record! {
    /// Asks for a session, or proves who asks.
    ///
    /// With `password` the login is two-way. Without it and without `digest_bytes` it is the first
    /// step of a four-way login, and `digest_schemas` says what the client can compute.
    LoginRequest {
        /// Who logs in.
        user: ! String = UserId,
        /// From which client.
        client: ? ClientId = ClientId,
        /// For which application. CSP 1.3.
        application: ? String = ApplicationId,
        /// The password.
        password: ? String = Password,
        /// See [`DigestSchema::digest`].
        digest_bytes: ? String = DigestBytes,
        /// What the client can compute. CSP 1.1 writes one only, and a list of names with commas
        /// between them is read as several.
        digest_schemas: * DigestSchema = DigestSchema,
        /// A session to be taken up again. CSP 1.3.
        session: ? String = SessionId @V13,
        /// For how many seconds the session is to live without a sign of life.
        time_to_live_s: ? u32 = TimeToLive,
        /// What the client expects to see in requests for attention.
        session_cookie: ? String = SessionCookie,
        /// Answers to messages of the system. CSP 1.3.
        system_message_responses: * SystemMessageResponse
            = SystemMessageResponseList / SystemMessageResponse,
        /// Service negotiation in the same step. CSP 1.3.
        functions: ? Functions = Functions @V13,
        /// Capability negotiation in the same step. CSP 1.3.
        capabilities: ? Box<CapabilityList> = CapabilityList @V13,
    }
    then split_schemas
}

impl LoginRequest {
    fn split_schemas(&mut self) {
        let is_list = |schema: &DigestSchema| schema.as_str().contains(',');
        if self.digest_schemas.iter().any(is_list) {
            let names = self
                .digest_schemas
                .iter()
                .flat_map(|s| s.as_str().split(','));
            self.digest_schemas = names.map(DigestSchema::parse).collect();
        }
    }
}

record! {
    /// Gives a session, or a nonce to prove oneself with.
    LoginResponse {
        /// Who has logged in. CSP 1.3.
        user: ? String = UserId @V13,
        /// From which client.
        client: ? ClientId = ClientId,
        /// How it ended.
        outcome: ! Outcome = Result,
        /// What to put before the password.
        nonce: ? String = Nonce,
        /// Which digest to compute over both.
        digest_schema: ? DigestSchema = DigestSchema,
        /// The session, once there is one.
        session: ? String = SessionId,
        /// For how many seconds it lives without a sign of life.
        keep_alive_s: ? u32 = KeepAliveTime,
        /// The client shall negotiate its capabilities now.
        capability_request: ? bool = CapabilityRequest,
        /// What is not available of what was asked for. CSP 1.3.
        functions: ? Functions = Functions @V13,
        /// What was agreed. CSP 1.3.
        capabilities: ? Box<AgreedCapabilityList> = AgreedCapabilityList @V13,
    }
}

record! {
    /// Ends the session.
    LogoutRequest {}
}

record! {
    /// The server ends the session.
    Disconnect {
        /// Why.
        outcome: ! Outcome = Result,
    }
}

record! {
    /// A sign of life.
    KeepAliveRequest {
        /// For how many seconds the session is to live from now on.
        time_to_live_s: ? u32 = TimeToLive,
    }
}

record! {
    /// The answer to a sign of life.
    KeepAliveResponse {
        /// 605 if the time to live was not accepted.
        outcome: ! Outcome = Result,
        /// For how many seconds the session lives without a sign of life.
        keep_alive_s: ? u32 = KeepAliveTime,
    }
}

record! {
    /// Asks whether anything is waiting. There is no answer but what is.
    PollingRequest {}
}

record! {
    /// Asks who runs the service.
    GetSpInfoRequest {
        /// From which client.
        client: ? ClientId = ClientId,
    }
}

record! {
    /// Who runs the service.
    GetSpInfoResponse {
        /// For which client.
        client: ? ClientId = ClientId,
        /// What it is called.
        name: ~ String = Name,
        /// A picture for it.
        logo: ? Logo = Logo,
        /// A text about it.
        description: ? String = Description,
        /// Where to read more.
        url: ? String = Url,
    }
}

record! {
    /// A picture of the service's.
    Logo {
        /// The media type.
        content_type: ~ String = ContentType,
        /// How many bytes it has.
        size: ? u32 = ContentSize,
        /// How it is encoded.
        encoding: ? String = ContentEncoding,
        /// The picture.
        data: ~ ContentData = ContentData,
    }
    then decode
}

impl Logo {
    fn decode(&mut self) {
        self.data.decode(self.encoding.as_deref());
    }
}

record! {
    /// Asks for functions of the service, before they are used.
    ServiceRequest {
        /// From which client.
        client: ? ClientId = ClientId @V11,
        /// What is asked for. [`Functions::wanted`] knows that nothing means everything.
        functions: ? Functions = Functions,
        /// Whether to tell all that is offered.
        all_functions: ~ bool = AllFunctionsRequest,
    }
}

record! {
    /// The answer, turned around: what is **not** available of what was asked for.
    ServiceResponse {
        /// For which client.
        client: ? ClientId = ClientId @V11,
        /// What was asked for and is not available; nothing if all was agreed.
        functions: ? Functions = Functions,
        /// All that is offered.
        all_functions: ? Functions = AllFunctions,
    }
}

record! {
    /// Says what the client can do.
    ClientCapabilityRequest {
        /// From which client.
        client: ? ClientId = ClientId @V11,
        /// What it can do.
        capabilities: ? Box<CapabilityList> = CapabilityList,
    }
}

record! {
    /// Says what the server makes of it.
    ClientCapabilityResponse {
        /// For which client.
        client: ? ClientId = ClientId @V11,
        /// What was agreed.
        agreed: ? Box<AgreedCapabilityList> = AgreedCapabilityList,
        /// What CSP 1.1 says instead.
        capabilities: ? Box<CapabilityList> = CapabilityList @V11,
    }
}
