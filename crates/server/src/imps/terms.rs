//! What was agreed with a client about what it can take.

use imps::csp::{AcceptedContentType, CapabilityList, CirMethod, DeliveryMethod};

use super::outbox::Item;
use super::repertoire::Repertoire;

/// What a client said it can do, as far as it matters here. A client that has said nothing gets
/// whole messages of any kind, one transaction at a time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Terms {
    /// How messages reach it.
    pub(super) delivery: DeliveryMethod,
    /// The largest content that is pushed, in bytes; more is announced.
    pub(super) push_max: Option<u32>,
    /// The largest content that it fetches, in bytes; more never reaches it.
    pub(super) pull_max: Option<u32>,
    /// The media types it can show; none at all for every type.
    pub(super) types: Vec<String>,
    /// The characters of plain text that it can show.
    pub(super) shown: Repertoire,
    /// Transactions it may have open, and may be asked.
    pub(super) open_max: usize,
    /// Transactions in one message to it.
    pub(super) message_max: usize,
    /// The largest message that it can parse, in bytes.
    pub(super) parser_max: Option<usize>,
    /// How it is told that something waits, the best first.
    pub(super) cir: Vec<CirMethod>,
    /// Where it waits for datagrams.
    pub(super) udp_port: Option<u16>,
    /// The host where it does, if it names one.
    pub(super) udp_host: Option<String>,
}

/// The most transactions of ours that a client may leave unanswered, whatever it offers.
const OPEN_MAX: u32 = 16;

/// The most media types that are kept of what a client lists.
const TYPES_MAX: usize = 64;

impl Terms {
    /// The terms that a client's capabilities come to.
    pub(super) fn of(list: &CapabilityList) -> Self {
        let most = |value: Option<u32>| {
            let value = value.unwrap_or(1).clamp(1, OPEN_MAX);
            usize::try_from(value).unwrap_or(1)
        };
        let any = list.any_content == Some(true);
        let types = list.content_types.iter().filter(|_| !any);
        let name = |one: &AcceptedContentType| one.content_type.to_ascii_lowercase();
        Self {
            delivery: list.initial_delivery_method.clone().unwrap_or_default(),
            push_max: list.push_length.or(list.content_length),
            pull_max: list.pull_length.or(list.content_length),
            types: types.map(name).take(TYPES_MAX).collect(),
            shown: Repertoire::of(&list.charsets),
            open_max: most(list.multi_trans),
            message_max: most(list.multi_trans_per_message),
            parser_max: list
                .parser_size
                .map(|size| usize::try_from(size).unwrap_or(usize::MAX)),
            cir: list.cir_methods.iter().take(8).cloned().collect(),
            udp_port: list.udp_port.filter(|port| *port != 0),
            udp_host: list.udp_address.clone(),
        }
    }

    /// Can it show this, if it is a message?
    pub(super) fn shows(&self, item: &Item) -> bool {
        match item {
            Item::Letter(letter) => self.takes(letter.content_type()),
            Item::Notice(_) | Item::Presence(_) | Item::Tell(..) => true,
        }
    }

    /// Can it show this media type?
    pub(super) fn takes(&self, media_type: &str) -> bool {
        let essence = essence(media_type);
        // Plain text is what every client has.
        self.types.is_empty()
            || is_plain_text(media_type)
            || self.types.iter().any(|accepted| matches(accepted, essence))
    }
}

/// A media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Is it plain text, as what names no type is?
pub(super) fn is_plain_text(media_type: &str) -> bool {
    let essence = essence(media_type);
    essence.is_empty() || essence.eq_ignore_ascii_case("text/plain")
}

/// `image/*` and `*/*` stand for more than one type.
fn matches(accepted: &str, essence: &str) -> bool {
    let accepted = self::essence(accepted);
    if accepted == "*" || accepted == "*/*" || accepted.eq_ignore_ascii_case(essence) {
        return true;
    }
    let (Some(of), Some((kind, _))) = (accepted.strip_suffix("/*"), essence.split_once('/')) else {
        return false;
    };
    of.eq_ignore_ascii_case(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_can_show() {
        let list = |types: &[&str], any| CapabilityList {
            content_types: types.iter().map(|t| AcceptedContentType::new(*t)).collect(),
            any_content: any,
            ..CapabilityList::default()
        };
        #[rustfmt::skip]
        let rows: &[(&[&str], Option<bool>, &str, bool)] = &[
            (&[],                       None,        "image/png", true),
            (&["text/plain"],           None,        "image/png", false),
            (&["text/plain"],           Some(true),  "image/png", true),
            (&["image/gif"],            None,        "text/plain; charset=utf-8", true),
            (&["Image/*"],              None,        "image/png", true),
            (&["image/*"],              None,        "video/png", false),
            (&["*/*"],                  None,        "video/png", true),
            (&["IMAGE/PNG;q=1"],        None,        "image/png; x=y", true),
        ];
        for (types, any, media_type, want) in rows {
            let terms = Terms::of(&list(types, *any));
            assert_eq!(terms.takes(media_type), *want, "{types:?} {media_type}");
        }
    }

    #[test]
    fn who_says_nothing_has_one_transaction() {
        let terms = Terms::of(&CapabilityList::default());
        assert_eq!((terms.open_max, terms.message_max), (1, 1));
        let list = CapabilityList {
            multi_trans: Some(1_000_000),
            multi_trans_per_message: Some(0),
            ..CapabilityList::default()
        };
        let terms = Terms::of(&list);
        assert_eq!((terms.open_max, terms.message_max), (16, 1));
    }
}
