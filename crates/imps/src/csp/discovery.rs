//! Finding out which versions a server speaks. These two are documents of their own: there is no
//! session yet, and no version.

use crate::record::record;
use crate::version::Version;

record! {
    /// Asks which versions the server speaks.
    VersionDiscoveryRequest {
        /// Those that the client speaks.
        versions: ~ VersionList = VersionList,
        /// Whatever else.
        extended: * String = ExtendedData,
    }
}

record! {
    /// Which versions the server speaks.
    VersionDiscoveryResponse {
        /// Those that both speak.
        versions: ~ VersionList = VersionList,
        /// Servers that speak others.
        other_servers: * OtherServer = OtherServer,
        /// Whatever else.
        extended: * String = ExtendedData,
    }
}

record! {
    /// Versions, by their namespaces.
    VersionList {
        /// Of the session part.
        session: * String = SessionNsName,
        /// Of what is in transactions.
        transaction: * String = TransactionNsName,
        /// Of the presence attributes.
        presence: * String = PresenceAttributeNsName,
    }
}

impl VersionList {
    /// A list of these versions.
    pub fn of(versions: &[Version]) -> Self {
        let names = |name: fn(Version) -> &'static str| {
            let name = |version: &Version| name(*version).to_owned();
            versions.iter().map(name).collect()
        };
        Self {
            session: names(Version::session_namespace),
            transaction: names(Version::transaction_namespace),
            presence: names(Version::presence_namespace),
        }
    }

    /// The versions on the list that are spoken here, in the order of the list.
    pub fn known(&self) -> Vec<Version> {
        let known = |name: &String| Version::of_session_namespace(name);
        self.session.iter().filter_map(known).collect()
    }
}

record! {
    /// A server that speaks other versions.
    OtherServer {
        /// Where it is.
        url: ? String = Url,
        /// Its telephone number.
        msisdn: ? String = Msisdn,
    }
}
