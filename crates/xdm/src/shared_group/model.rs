//! The content models of the document: what may stand where, how often, and in which order.

use crate::Error;
use crate::reader::{Element, Ns, Reader};

/// What may stand in one kind of element.
#[derive(Debug)]
pub(crate) struct Model {
    name: &'static str,
    parts: &'static [Part],
    /// The step at which elements of other namespaces may stand, if they may.
    other: Option<u8>,
    /// Whether the document is that of a group, whose schemas define all there is of their own.
    of_group: bool,
}

/// One kind of child. A child never stands behind one of a later step.
#[derive(Debug)]
struct Part {
    step: u8,
    name: &'static str,
    ns: &'static [Ns],
    repeats: bool,
}

/// The name that [`Inside::next`] gives to elements of namespaces that are not known.
pub(crate) const OTHER: &str = "";

impl Model {
    /// Begins to read what stands in an element.
    pub(crate) fn inside(&'static self) -> Inside {
        Inside {
            model: self,
            step: 0,
            seen: Vec::new(),
        }
    }
}

/// How far the children of an element have been read.
pub(crate) struct Inside {
    model: &'static Model,
    step: u8,
    seen: Vec<&'static str>,
}

impl Inside {
    /// The next child of `parent` and its name in the model, or [`OTHER`].
    ///
    /// An error if the model has no place for it here.
    pub(crate) fn next(
        &mut self,
        reader: &mut Reader<'_>,
        parent: &Element,
    ) -> Result<Option<(&'static str, Element)>, Error> {
        let Some(child) = reader.child(parent)? else {
            return Ok(None);
        };
        let parts = self.model.parts;
        let part = parts
            .iter()
            .find(|part| part.name == child.name && part.ns.contains(&child.ns));
        let (name, step) = match (part, self.model.other) {
            (Some(part), _) => {
                self.count(reader, part)?;
                (part.name, part.step)
            }
            (None, Some(step)) if is_other(child.ns, self.model.of_group) => (OTHER, step),
            (None, _) => return Err(reader.misplaced(&child, self.model.name)),
        };
        if step < self.step {
            let name = &child.name;
            let parent = self.model.name;
            return Err(reader.invalid(&format!("<{name}> stands too late in <{parent}>")));
        }
        self.step = step;
        Ok(Some((name, child)))
    }

    fn count(&mut self, reader: &Reader<'_>, part: &Part) -> Result<(), Error> {
        if part.repeats {
            return Ok(());
        }
        if self.seen.contains(&part.name) {
            let (name, parent) = (part.name, self.model.name);
            return Err(reader.invalid(&format!("a second <{name}> in <{parent}>")));
        }
        self.seen.push(part.name);
        Ok(())
    }
}

/// Whether an element of this namespace may be one that is merely not known here. The schemas of
/// the document define all there is of their own; that of OMA's conditions has grown.
fn is_other(ns: Ns, of_group: bool) -> bool {
    match ns {
        Ns::CommonPolicy | Ns::Undeclared => false,
        Ns::ListService | Ns::ResourceLists | Ns::TertuliaGroup => !of_group,
        Ns::ConferenceInfo
        | Ns::CopyControl
        | Ns::Imdn
        | Ns::None
        | Ns::Oma
        | Ns::OmaCommonPolicy
        | Ns::Other
        | Ns::TertuliaLists
        | Ns::Xml => true,
    }
}

/// The place of elements of other namespaces in a model where nothing has an order.
const ANYWHERE: Option<u8> = Some(0);

const LS: &[Ns] = &[Ns::ListService];
const CR: &[Ns] = &[Ns::CommonPolicy];
const OCP: &[Ns] = &[Ns::OmaCommonPolicy];
/// The action of who may invite stands in one namespace or another.
const ANY_OMA: &[Ns] = &[Ns::Oma, Ns::OmaCommonPolicy, Ns::ListService];
const OURS: &[Ns] = &[Ns::TertuliaGroup];
/// The schema asks for the first; devices write either.
const RL_OR_LS: &[Ns] = &[Ns::ResourceLists, Ns::ListService];

const fn once(step: u8, name: &'static str, ns: &'static [Ns]) -> Part {
    Part {
        step,
        name,
        ns,
        repeats: false,
    }
}

const fn many(name: &'static str, ns: &'static [Ns]) -> Part {
    Part {
        step: 0,
        name,
        ns,
        repeats: true,
    }
}

const fn model(name: &'static str, parts: &'static [Part], other: Option<u8>) -> Model {
    Model {
        name,
        parts,
        other,
        of_group: true,
    }
}

/// A model of a document of rules that is no group's.
const fn model_of_rules(name: &'static str, parts: &'static [Part], other: Option<u8>) -> Model {
    Model {
        of_group: false,
        ..model(name, parts, other)
    }
}

pub(crate) static GROUP: Model = model("group", &[once(0, "list-service", LS)], None);

pub(crate) static LIST_SERVICE: Model = model(
    "list-service",
    &[
        once(0, "display-name", LS),
        once(1, "list", LS),
        once(2, "invite-members", LS),
        once(3, "max-participant-count", LS),
        once(4, "imps", OURS),
        once(4, "ruleset", CR),
    ],
    Some(4),
);

pub(crate) static LIST: Model = model("list", &[many("entry", LS), many("external", LS)], None);

pub(crate) static ENTRY: Model = model("entry", &[once(0, "display-name", RL_OR_LS)], Some(1));

pub(crate) static EXTERNAL: Model =
    model("external", &[once(0, "display-name", RL_OR_LS)], Some(1));

pub(crate) static RULESET: Model = model("ruleset", &[many("rule", CR)], None);

pub(crate) static RULE: Model = model(
    "rule",
    &[
        once(0, "conditions", CR),
        once(1, "actions", CR),
        once(2, "transformations", CR),
    ],
    None,
);

pub(crate) static CONDITIONS: Model = model(
    "conditions",
    &[
        many("anonymous-request", OCP),
        many("external-list", OCP),
        many("identity", CR),
        many("is-list-member", LS),
        many("other-identity", OCP),
        many("sphere", CR),
        many("validity", CR),
    ],
    ANYWHERE,
);

pub(crate) static IDENTITY: Model =
    model("identity", &[many("many", CR), many("one", CR)], ANYWHERE);

pub(crate) static ONE: Model = model("one", &[], ANYWHERE);

pub(crate) static MANY: Model = model("many", &[many("except", CR)], ANYWHERE);

pub(crate) static VALIDITY: Model = model("validity", &[many("from", CR), many("until", CR)], None);

pub(crate) static ACTIONS: Model = model(
    "actions",
    &[
        once(0, "allow-anonymity", LS),
        once(0, "allow-conference-state", LS),
        once(0, "allow-initiate-conference", LS),
        once(0, "allow-invite-users-dynamically", LS),
        once(0, "is-key-participant", LS),
        once(0, "join-handling", LS),
    ],
    ANYWHERE,
);

pub(crate) static TRANSFORMATIONS: Model = model("transformations", &[], ANYWHERE);

pub(crate) static IMPS: Model = model(
    "imps",
    &[
        once(0, "created", OURS),
        once(0, "owner", OURS),
        many("property", OURS),
        many("rank", OURS),
        many("rejected", OURS),
        once(0, "welcome", OURS),
    ],
    None,
);

/// There is no list that somebody could be on.
pub(crate) static CONDITIONS_OF_INVITE: Model = model_of_rules(
    "conditions",
    &[
        many("anonymous-request", OCP),
        many("external-list", OCP),
        many("identity", CR),
        many("other-identity", OCP),
        many("sphere", CR),
        many("validity", CR),
    ],
    ANYWHERE,
);

pub(crate) static ACTIONS_OF_INVITE: Model =
    model_of_rules("actions", &[once(0, "allow-invite", ANY_OMA)], ANYWHERE);
