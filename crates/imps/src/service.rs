//! The functions of the service, which client and server agree on at the beginning of a session.
//!
//! On the wire they are a tree of four features, each with groups of functions. An empty feature
//! means all of it, and a feature with nothing but its mandatory part in it (`MF`, `MP`, `MM`,
//! `MG`) that. Here they are a set.

use crate::content::Content;
use crate::error::Flaw;
use crate::reader::Reader;
use crate::table::Element;
use crate::version::Version;
use crate::writer::Writer;

/// Lists the functions, each with the feature and the group it is in.
macro_rules! functions {
    ($($name:ident $says:literal $feature:ident $group:ident;)*) => {
        /// A function that can be asked for by itself.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Function {
            $(
                #[doc = $says]
                $name,
            )*
        }

        impl Function {
            /// All of them, in the order of the tree.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            fn element(self) -> Element {
                match self {
                    $(Self::$name => Element::$name,)*
                }
            }

            /// The feature and the group it is in. The mandatory part of a feature is in no group:
            /// its own element stands for one.
            fn place(self) -> (Element, Element) {
                match self {
                    $(Self::$name => (Element::$feature, Element::$group),)*
                }
            }
        }
    };
}

#[rustfmt::skip]
functions! {
    Mf "The mandatory part of the fundamental feature: sessions." FundamentalFeat Mf;
    Mp "The mandatory part of presence: subscriptions." PresenceFeat Mp;
    Mm "The mandatory part of instant messaging: sending and receiving." ImFeat Mm;
    Mg "The mandatory part of groups: joining, leaving, sending to them." GroupFeat Mg;
    Getspi "Who runs the service." FundamentalFeat ServiceFunc;
    Getmap "Maps." FundamentalFeat ServiceFunc;
    Sgmnt "Messages in pieces." FundamentalFeat ServiceFunc;
    Srch "Search." FundamentalFeat SearchFunc;
    Advsr "Search with criteria." FundamentalFeat SearchFunc;
    Stsrc "Ending a search." FundamentalFeat SearchFunc;
    Invit "Invitations." FundamentalFeat InviteFunc;
    Cainv "Taking invitations back." FundamentalFeat InviteFunc;
    Vrid "Checking addresses." FundamentalFeat VerifyIdFunc;
    Gcli "Getting contact lists." PresenceFeat ContListFunc;
    Ccli "Making contact lists." PresenceFeat ContListFunc;
    Dcli "Removing contact lists." PresenceFeat ContListFunc;
    Mcls "Changing contact lists." PresenceFeat ContListFunc;
    Getwl "Who watches." PresenceFeat PresenceAuthFunc;
    React "Being asked who may watch." PresenceFeat PresenceAuthFunc;
    Caaut "Taking that back." PresenceFeat PresenceAuthFunc;
    Getaut "Asking who may watch." PresenceFeat PresenceAuthFunc;
    Getpr "Getting presence once." PresenceFeat PresenceDeliverFunc;
    Updpr "Updating presence." PresenceFeat PresenceDeliverFunc;
    Cali "Making attribute lists." PresenceFeat AttListFunc;
    Dali "Removing attribute lists." PresenceFeat AttListFunc;
    Gals "Getting attribute lists." PresenceFeat AttListFunc;
    Mdeliv "Delivery reports." ImFeat ImSendFunc;
    Fwmsg "Forwarding messages." ImFeat ImSendFunc;
    Setd "Setting the delivery method." ImFeat ImReceiveFunc;
    Getlm "Getting the list of messages." ImFeat ImReceiveFunc;
    Getm "Getting a message." ImFeat ImReceiveFunc;
    Rejcm "Refusing messages." ImFeat ImReceiveFunc;
    Notif "Being told of a message." ImFeat ImReceiveFunc;
    Newm "Being sent a message." ImFeat ImReceiveFunc;
    Offnotif "Being told of messages while away." ImFeat ImReceiveFunc;
    Glblu "Getting the block list." ImFeat ImAuthFunc;
    Blent "Blocking." ImFeat ImAuthFunc;
    Creag "Making groups." GroupFeat GroupMgmtFunc;
    Delgr "Removing groups." GroupFeat GroupMgmtFunc;
    Getgp "Getting group properties." GroupFeat GroupMgmtFunc;
    Setgp "Setting group properties." GroupFeat GroupMgmtFunc;
    Subgcn "Subscribing to group change notices." GroupFeat GroupUseFunc;
    Grchn "Group change notices." GroupFeat GroupUseFunc;
    Excon "ExtendConversation (IMPS-9.1.11-S41)." GroupFeat GroupUseFunc;
    Getgm "Getting group members." GroupFeat GroupAuthFunc;
    Addgm "Adding group members." GroupFeat GroupAuthFunc;
    Rmvgm "Removing group members." GroupFeat GroupAuthFunc;
    Mbrac "Changing rights of members." GroupFeat GroupAuthFunc;
    Rejec "The reject list." GroupFeat GroupAuthFunc;
    Getju "Who is in a group." GroupFeat GroupAuthFunc;
}

/// The features, and the mandatory part of each.
const FEATURES: [(Element, Function); 4] = [
    (Element::FundamentalFeat, Function::Mf),
    (Element::PresenceFeat, Function::Mp),
    (Element::ImFeat, Function::Mm),
    (Element::GroupFeat, Function::Mg),
];

impl Function {
    /// The name on the wire, as in `EXCON`.
    pub fn name(self) -> &'static str {
        self.element().name()
    }

    /// Whether a version has it.
    pub fn is_in(self, version: Version) -> bool {
        self.element().entry().span.contains(version)
    }

    fn is_mandatory(self) -> bool {
        FEATURES.iter().any(|(_, mandatory)| *mandatory == self)
    }

    fn bit(self) -> u64 {
        1 << (self as u64)
    }
}

/// A set of functions.
///
/// What `Service-Request` asks for is such a set; see [`Functions::wanted`]. The answer is one too,
/// but turned around: what was asked for and is **not** available.
///
/// ```
/// use imps::Version;
/// use imps::service::{Function, Functions};
///
/// let asked = Functions::of(&[Function::Grchn, Function::Excon]);
/// let offered = Functions::all(Version::V1_3).without(Functions::of(&[Function::Excon]));
/// assert_eq!(asked.without(offered), Functions::of(&[Function::Excon]));
/// assert_eq!(asked.both(offered), Functions::of(&[Function::Grchn]));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Functions(u64);

impl Functions {
    /// No function at all.
    pub const NONE: Self = Self(0);

    /// These functions.
    pub fn of(functions: &[Function]) -> Self {
        functions.iter().copied().collect()
    }

    /// Everything that a version has.
    pub fn all(version: Version) -> Self {
        let has = |function: &Function| function.is_mandatory() || function.is_in(version);
        Function::ALL.iter().copied().filter(has).collect()
    }

    /// What a request asks for: a tree with nothing in it asks for everything.
    #[must_use]
    pub fn wanted(self, version: Version) -> Self {
        if self.is_empty() {
            Self::all(version)
        } else {
            self
        }
    }

    /// Whether the function is in the set.
    pub fn contains(self, function: Function) -> bool {
        self.0 & function.bit() != 0
    }

    /// Whether there is nothing in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in both.
    #[must_use]
    pub fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in one of them.
    #[must_use]
    pub fn either(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this and not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The functions, in the order of the tree.
    pub fn iter(self) -> impl Iterator<Item = Function> {
        let functions = Function::ALL.iter().copied();
        functions.filter(move |function| self.contains(*function))
    }

    /// What a version has of a feature, or of one group of it.
    fn under(place: Element, version: Version) -> Self {
        let under = |function: &Function| {
            let (feature, group) = function.place();
            feature == place || group == place
        };
        Self::all(version).iter().filter(under).collect()
    }

    fn read_feature(feature: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let mut found = Self::NONE;
        let mut whole = true;
        while let Some(group) = from.child()? {
            whole = false;
            found = found.either(Self::read_group(group, from)?);
        }
        Ok(if whole {
            Self::under(feature, from.version())
        } else {
            found
        })
    }

    /// Reads a group of functions, or the mandatory part of a feature, which has nothing in it.
    fn read_group(group: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let mut found = Self::NONE;
        let mut whole = true;
        while let Some(leaf) = from.child()? {
            whole = false;
            let function = Function::ALL.iter().find(|known| known.element() == leaf);
            found = found.either(function.into_iter().copied().collect());
            from.skip()?;
        }
        Ok(if whole {
            Self::under(group, from.version())
        } else {
            found
        })
    }

    fn write_feature(self, feature: Element, mandatory: Function, to: &mut Writer) {
        let version = to.version();
        let whole = Self::under(feature, version);
        let own = self.both(whole);
        let leaves = own.without(Self::of(&[mandatory]));
        // Version 1.1 has no way to ask for the mandatory part alone.
        if leaves.is_empty() && !(own.contains(mandatory) && mandatory.is_in(version)) {
            return;
        }
        to.open(feature);
        if leaves.is_empty() {
            to.open(mandatory.element());
            to.close(mandatory.element());
        } else if own != whole {
            // Whoever asks for a function asks for the mandatory part as well.
            leaves.write_groups(to);
        }
        to.close(feature);
    }

    fn write_groups(self, to: &mut Writer) {
        let mut open = None;
        for function in self.iter() {
            let (_, group) = function.place();
            if open != Some(group) {
                if let Some(before) = open.replace(group) {
                    to.close(before);
                }
                to.open(group);
            }
            to.open(function.element());
            to.close(function.element());
        }
        if let Some(last) = open {
            to.close(last);
        }
    }
}

impl FromIterator<Function> for Functions {
    fn from_iter<I: IntoIterator<Item = Function>>(functions: I) -> Self {
        let bits = functions.into_iter().map(Function::bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

impl Content for Functions {
    fn read(_: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
        let mut functions = Self::NONE;
        while let Some(child) = from.child()? {
            if child != Element::WvCspFeat {
                from.skip()?;
                continue;
            }
            while let Some(feature) = from.child()? {
                functions = functions.either(Self::read_feature(feature, from)?);
            }
        }
        Ok(functions)
    }

    fn write(&self, element: Element, to: &mut Writer) {
        to.open(element);
        to.open(Element::WvCspFeat);
        for (feature, mandatory) in FEATURES {
            self.write_feature(feature, mandatory, to);
        }
        to.close(Element::WvCspFeat);
        to.close(element);
    }

    /// Features are whole, mandatory, or some of their functions: nothing else can be written.
    #[cfg(test)]
    fn any(_: Element, chance: &mut crate::chance::Chance) -> Self {
        let mut functions = Self::NONE;
        for (feature, mandatory) in FEATURES {
            let whole = Self::under(feature, chance.version);
            let mandatory = Self::of(&[mandatory]);
            let own = match chance.below(4) {
                0 => whole,
                1 if chance.version > Version::V1_1 => mandatory,
                2 => {
                    let some = whole.iter().filter(|_| chance.coin()).collect::<Self>();
                    some.without(mandatory)
                }
                _ => Self::NONE,
            };
            functions = functions.either(own);
        }
        functions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes what stands in `Functions`, and reads it again.
    fn written(functions: Functions, version: Version) -> String {
        let mut writer = Writer::xml(version);
        functions.write(Element::Functions, &mut writer);
        let out = writer.finish();
        let text = str::from_utf8(&out).unwrap();
        let (_, tree) = text.split_once("<WVCSPFeat").unwrap();
        let tree = tree.strip_suffix("</Functions>").unwrap();
        let inner = tree.strip_prefix('>').unwrap_or("");
        inner.strip_suffix("</WVCSPFeat>").unwrap_or("").to_owned()
    }

    fn read(tree: &str, version: Version) -> Functions {
        let namespace = version.session_namespace();
        let document =
            format!("<Functions xmlns='{namespace}'><WVCSPFeat>{tree}</WVCSPFeat></Functions>");
        let (mut reader, _) = Reader::xml(document.as_bytes()).unwrap();
        Functions::read(Element::Functions, &mut reader).unwrap()
    }

    #[test]
    fn trees() {
        use Function::{Excon, Grchn, Mg, Mm, Subgcn};
        let group = Functions::under(Element::GroupFeat, Version::V1_3);
        let rows = [
            ("", Functions::NONE),
            ("<GroupFeat/>", group),
            ("<IMFeat><MM/></IMFeat>", Functions::of(&[Mm])),
            (
                "<GroupFeat><GroupUseFunc><SUBGCN/><GRCHN/><EXCON/></GroupUseFunc></GroupFeat>",
                Functions::of(&[Subgcn, Grchn, Excon]),
            ),
        ];
        for (tree, functions) in rows {
            assert_eq!(read(tree, Version::V1_3), functions, "{tree}");
            assert_eq!(written(functions, Version::V1_3), tree);
        }
        assert!(group.contains(Mg) && group.contains(Excon));
        // An empty group is all of it.
        let tree = "<GroupFeat><GroupUseFunc/></GroupFeat>";
        let use_functions = Functions::of(&[Subgcn, Grchn, Excon]);
        assert_eq!(read(tree, Version::V1_3), use_functions);
        // Functions of other versions, and of none, are passed over.
        assert!(!read("<GroupFeat/>", Version::V1_2).contains(Excon));
        let tree = "<GroupFeat><GroupUseFunc><NEWFUNC/></GroupUseFunc></GroupFeat>";
        assert_eq!(read(tree, Version::V1_3), Functions::NONE);
        assert_eq!(written(Functions::of(&[Excon, Mg]), Version::V1_1), "");
    }

    #[test]
    fn nothing_asked_is_everything() {
        let all = Functions::all(Version::V1_2);
        assert_eq!(Functions::NONE.wanted(Version::V1_2), all);
        assert!(!all.contains(Function::Excon));
        assert!(all.contains(Function::Getaut));
        let some = Functions::of(&[Function::Srch]);
        assert_eq!(some.wanted(Version::V1_2), some);
        assert_eq!(Function::Excon.name(), "EXCON");
    }
}
