//! The namespaces of the documents here.

use quick_xml::name::ResolveResult;

/// The namespace of a name, as far as the documents here care.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ns {
    CommonPolicy,
    ConferenceInfo,
    CopyControl,
    Imdn,
    ListService,
    None,
    /// Any other of OMA's.
    Oma,
    OmaCommonPolicy,
    Other,
    ResourceLists,
    TertuliaGroup,
    TertuliaLists,
    /// A prefix that no element around it declares.
    Undeclared,
    Xml,
}

impl Ns {
    pub(super) fn of(resolved: &ResolveResult<'_>) -> Self {
        let name = match resolved {
            ResolveResult::Bound(namespace) => namespace.as_ref(),
            ResolveResult::Unbound => return Self::None,
            ResolveResult::Unknown(_) => return Self::Undeclared,
        };
        match name {
            COMMON_POLICY => Self::CommonPolicy,
            CONFERENCE_INFO => Self::ConferenceInfo,
            COPY_CONTROL | COPY_CONTROL_AS_IN_RFC_5366 => Self::CopyControl,
            IMDN => Self::Imdn,
            LIST_SERVICE | LIST_SERVICE_OF_DRAFTS => Self::ListService,
            OMA_COMMON_POLICY => Self::OmaCommonPolicy,
            RESOURCE_LISTS => Self::ResourceLists,
            TERTULIA_GROUP => Self::TertuliaGroup,
            TERTULIA_LISTS => Self::TertuliaLists,
            "http://www.w3.org/XML/1998/namespace" => Self::Xml,
            _ if name.starts_with(OMA) => Self::Oma,
            _ => Self::Other,
        }
    }
}

/// RFC 4745 section 15.1.
pub(crate) const COMMON_POLICY: &str = "urn:ietf:params:xml:ns:common-policy";
/// RFC 4575 section 4.2.
pub(crate) const CONFERENCE_INFO: &str = "urn:ietf:params:xml:ns:conference-info";
/// RFC 5364 section 9.2.
pub(crate) const COPY_CONTROL: &str = "urn:ietf:params:xml:ns:copycontrol";
/// RFC 5438 section 15.2.
pub(crate) const IMDN: &str = "urn:ietf:params:xml:ns:imdn";
/// The shared-group document of OMA.
pub(crate) const LIST_SERVICE: &str = "urn:oma:xml:poc:list-service";
/// Who may invite a user to a conversation: OMA, in the spelling that we write.
pub(crate) const IM_RULES: &str = "urn:oma:xml:im:im-rules";
/// The conditions that OMA adds to those of RFC 4745.
pub(crate) const OMA_COMMON_POLICY: &str = "urn:oma:xml:xdm:common-policy";
/// RFC 4826 section 3.1.
pub(crate) const RESOURCE_LISTS: &str = "urn:ietf:params:xml:ns:resource-lists";
/// Ours: what a shared-group document has no element for.
pub(crate) const TERTULIA_GROUP: &str = "urn:tertulia:xml:group";
/// Ours: what a list of a resource-lists document has no attribute for.
pub(crate) const TERTULIA_LISTS: &str = "urn:tertulia:xml:lists";
/// How the namespaces of OMA begin.
const OMA: &str = "urn:oma:xml:";
/// The spelling of figure 3 of RFC 5366, which devices have copied.
const COPY_CONTROL_AS_IN_RFC_5366: &str = "urn:ietf:params:xml:ns:copyControl";
/// The spelling of shared-group documents before the specification was approved.
const LIST_SERVICE_OF_DRAFTS: &str = "urn:oma:params:xml:ns:list-service";
