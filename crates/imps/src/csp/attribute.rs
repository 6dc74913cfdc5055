//! Presence attributes.
//!
//! An attribute with nothing in it stands for itself: for instance in a subscription, which lists
//! those that are wanted. The qualifier says whether the value counts: without it, or with `F`, the
//! value is not known.

use super::{AcceptedContentType, ClientId};
use crate::record::record;

record! {
    /// A list of presence attributes.
    ///
    /// Of the attributes that belong to a client there can be several from 1.3 on, one for each
    /// client.
    PresenceSubList {
        /// Whether the user is logged in: `T` or `F`.
        online_status: * Attribute = OnlineStatus,
        /// Whether the device is in the network: `T` or `F`.
        registration: * Attribute = Registration,
        /// What the client is.
        client_info: * ClientInfo = ClientInfo,
        /// The time zone.
        time_zone: * TimeZone = TimeZone,
        /// Where on Earth.
        geo_location: * GeoLocation = GeoLocation,
        /// The address.
        address: * PostalAddress = Address,
        /// Where, in words.
        free_text_location: * Attribute = FreeTextLocation,
        /// In which mobile network.
        plmn: * Attribute = Plmn,
        /// How the user can be reached.
        comm_cap: * CommCap = CommCap,
        /// `AVAILABLE`, `NOT_AVAILABLE` or `DISCREET`.
        user_availability: ? Attribute = UserAvailability,
        /// How the user likes to be reached.
        preferred_contacts: ? PreferredContacts = PreferredContacts,
        /// In which language.
        preferred_language: ? Attribute = PreferredLanguage,
        /// A text for those who watch.
        status_text: ? Attribute = StatusText,
        /// A mood, as in `HAPPY`.
        status_mood: ? Attribute = StatusMood,
        /// A name for people.
        alias: ? Attribute = Alias,
        /// A picture or a sound.
        status_content: ? StatusContent = StatusContent,
        /// A business card.
        contact_info: ? ContactInfo = ContactInfo,
        /// Where to read more. CSP 1.2 and later.
        info_link: ? InfoLink = InfoLink,
    }
}

record! {
    /// An attribute that is one value.
    Attribute {
        /// Whether the value counts.
        qualifier: ? bool = Qualifier,
        /// The value.
        value: ? String = PresenceValue,
        /// Whose it is. CSP 1.3.
        client: ? ClientId = ClientId @V13,
    }
}

impl Attribute {
    /// An attribute with a value that counts.
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            qualifier: Some(true),
            value: Some(value.into()),
            client: None,
        }
    }
}

record! {
    /// What a client is.
    ClientInfo {
        /// Whether the rest counts.
        qualifier: ? bool = Qualifier,
        /// What it can show. CSP 1.3.
        content_limit: ? ClientContentLimit = ClientContentLimit,
        /// What sort of device.
        client_type: ? String = ClientType,
        /// Who made the device.
        device_manufacturer: ? String = DevManufacturer,
        /// Who made the client.
        producer: ? String = ClientProducer,
        /// The name of the device.
        model: ? String = Model,
        /// The version of the client.
        version: ? String = ClientVersion,
        /// The language it speaks.
        language: ? String = Language,
        /// Which of the user's clients gets messages first. CSP 1.3.
        im_priority: ? u32 = ClientImPriority,
        /// Which application it is. CSP 1.3.
        application: ? String = ApplicationId,
        /// Which client it is. CSP 1.3.
        client: ? ClientId = ClientId @V13,
    }
}

record! {
    /// What a client can show; sizes are in bytes. CSP 1.3.
    ClientContentLimit {
        /// Media types.
        content_types: * AcceptedContentType = AcceptedContentType,
        /// All media types.
        any_content: ? bool = AnyContent,
        /// The longest text.
        text_length: ? u32 = AcceptedTextContentLength,
        /// Content encodings.
        transfer_encodings: * String = AcceptedTransferEncoding,
        /// The largest content that it will fetch.
        pull_length: ? u32 = MaxPullLength,
        /// The largest content that it will have pushed.
        push_length: ? u32 = MaxPushLength,
        /// The character sets of plain text, by the numbers of the IANA.
        charsets: * u32 = PlainTextCharset,
    }
}

record! {
    /// The time zone.
    TimeZone {
        /// Whether the zone counts.
        qualifier: ? bool = Qualifier,
        /// The difference from UTC, as in `+01`.
        zone: ? String = Zone,
        /// Whose it is. CSP 1.3.
        client: ? ClientId = ClientId @V13,
    }
}

record! {
    /// Where on Earth.
    GeoLocation {
        /// Whether the rest counts.
        qualifier: ? bool = Qualifier,
        /// The longitude in WGS84.
        longitude: ? String = Longitude,
        /// The latitude in WGS84.
        latitude: ? String = Latitude,
        /// The altitude, in metres.
        altitude: ? String = Altitude,
        /// How exact that is, in metres.
        accuracy: ? String = Accuracy,
        /// Whose it is. CSP 1.3.
        client: ? ClientId = ClientId @V13,
    }
}

record! {
    /// A postal address.
    PostalAddress {
        /// Whether the rest counts.
        qualifier: ? bool = Qualifier,
        /// The country, in two letters.
        country: ? String = Country,
        /// The town.
        city: ? String = City,
        /// The street.
        street: ? String = Street,
        /// A street that crosses it.
        crossing_1: ? String = Crossing1,
        /// Another.
        crossing_2: ? String = Crossing2,
        /// The house.
        building: ? String = Building,
        /// What the place is called.
        named_area: ? String = NamedArea,
        /// How exact that is, in metres.
        accuracy: ? String = Accuracy,
    }
}

record! {
    /// How the user can be reached.
    CommCap {
        /// Whether the rest counts.
        qualifier: ? bool = Qualifier,
        /// The ways.
        ways: * CommC = CommC,
        /// Whose they are. CSP 1.3.
        client: ? ClientId = ClientId @V13,
    }
}

record! {
    /// A way to reach the user.
    CommC {
        /// Which way: `CALL`, `SMS`, `MMS`, `IM`, `EMAIL`.
        cap: ~ String = Cap,
        /// Whether it is open now.
        status: ~ String = Status,
        /// At which number or address.
        contact: ? String = Contact,
        /// A text about it.
        note: ? String = Note,
    }
}

record! {
    /// How the user likes to be reached.
    PreferredContacts {
        /// Whether the rest counts.
        qualifier: ? bool = Qualifier,
        /// The ways.
        ways: * AddrPref = AddrPref,
    }
}

record! {
    /// A way by which the user likes to be reached.
    AddrPref {
        /// Which way.
        way: ~ String = PrefC,
        /// At which number or address.
        address: ~ String = Caddr,
        /// Whether it is open now.
        status: ~ String = Cstatus,
        /// What it is called.
        name: ? String = Cname,
        /// The smaller, the rather.
        priority: ? String = Cpriority,
    }
}

record! {
    /// A picture or a sound.
    StatusContent {
        /// Whether the rest counts.
        qualifier: ? bool = Qualifier,
        /// The content.
        direct: ? String = DirectContent,
        /// Or where it can be had.
        referred: ? String = ReferredContent,
        /// The media type.
        content_type: ? String = ContentType,
    }
}

record! {
    /// A business card.
    ContactInfo {
        /// Whether the rest counts.
        qualifier: ? bool = Qualifier,
        /// The card.
        card: ? String = ContainedvCard,
        /// Or where it can be had.
        referred: ? String = ReferredvCard,
    }
}

record! {
    /// Where to read more. CSP 1.2 and later.
    InfoLink {
        /// Whether the rest counts.
        qualifier: ? bool = Qualifier,
        /// The links.
        links: * Link = InfLink,
    }
}

record! {
    /// A link. CSP 1.2 and later.
    Link {
        /// Where it leads.
        url: ~ String = Link,
        /// What it says.
        text: ? String = Text,
        /// The media type that is there.
        content_type: ? String = ContentType,
    }
}
