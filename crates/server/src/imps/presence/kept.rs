//! What the store keeps of a user's presence: what was published, who may see what, what the user
//! said of whoever asked, and the public profile.
//!
//! One document for each user. It is written as a message of CSP 1.3 in XML, whose transactions are
//! the requests that would bring all this about, so that the codec alone can read it.

use std::collections::BTreeMap;

use imps::csp::{
    CreateAttributeListRequest, PresenceAuthUser, PresenceSubList, Property, PublicProfile,
    UpdatePresenceRequest, UpdatePublicProfileRequest,
};
use imps::status::Code;
use imps::{Encoding, MAX_TRANSACTIONS, Message, Primitive, Session, Transaction, Version};
use room::Address;
use store::{CommitError, DOCUMENT_BYTES_MAX, Document, Expect, Partition, Write};

use super::super::Refused;
use super::super::refused::broken;
use super::super::user::wv_of_user;
use super::kinds::{Kind, Kinds};
use crate::house::House;
use crate::keeper::CommitFailed;

/// The collection of these documents.
const COLLECTION: &str = "tertulia.imps.presence";

/// The most users and contact lists that a user can say something of, the default not counted.
pub(super) const LISTS_MAX: usize = 120;

/// The most users of whom it is kept what their asking was answered with.
pub(super) const ANSWERS_MAX: usize = 120;

/// Each of them is a transaction, and so is what was published, the default, and the profile.
const _: () = assert!(LISTS_MAX + ANSWERS_MAX + 3 <= MAX_TRANSACTIONS);

/// How often a change is tried when another client of the user makes one at the same moment.
const TRIES: usize = 5;

/// What is kept of one user.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::imps) struct Kept {
    /// What the user has published, but for what follows the sessions.
    pub(super) published: PresenceSubList,
    /// What those may see of whom nothing else was said.
    pub(super) default: Option<Granted>,
    /// What users may see.
    pub(super) users: BTreeMap<Address, Granted>,
    /// What all on a contact list may see, by the name of the list.
    pub(super) contact_lists: BTreeMap<String, Granted>,
    /// What was said of users who asked: what they may see, or that they may not.
    pub(super) answers: BTreeMap<Address, Option<Kinds>>,
    /// The public profile.
    pub(in crate::imps) profile: Vec<Property>,
}

/// An attribute list: what somebody may see without asking.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Granted {
    pub(super) kinds: Kinds,
    /// The user wants to be told who watches by it. It is kept and given back.
    pub(super) notify: Option<bool>,
}

/// Reads what is kept of a user: nothing, if there is nothing.
pub(in crate::imps) async fn load(house: &House, owner: &Address) -> Result<Kept, Refused> {
    Ok(load_with_etag(house, owner).await?.0)
}

/// Changes what is kept of a user. If another client changes it at the same time, the change is
/// made again to what that client has written.
///
/// # Errors
///
/// What `change` refuses, and 503 if there is no end of others' changes.
pub(in crate::imps) async fn change<T>(
    house: &House,
    owner: &Address,
    mut change: impl FnMut(&mut Kept) -> Result<T, Refused>,
) -> Result<T, Refused> {
    for _ in 0..TRIES {
        let (before, etag) = load_with_etag(house, owner).await?;
        let mut kept = before.clone();
        let done = change(&mut kept)?;
        if kept == before || save(house, owner, &kept, etag).await? {
            return Ok(done);
        }
    }
    let why = "other clients of the user change it in this moment";
    Err(Refused::because(Code::SERVICE_UNAVAILABLE, why))
}

fn name(owner: &Address) -> String {
    format!("users/{owner}/presence")
}

async fn load_with_etag(house: &House, owner: &Address) -> Result<(Kept, Option<String>), Refused> {
    let wanted = name(owner);
    let found = house
        .keeper
        .read(move |reader| reader.document(COLLECTION, &wanted));
    let Some(document) = found.await.map_err(broken)?.map_err(broken)? else {
        return Ok((Kept::default(), None));
    };
    let kept = Kept::read(&document.body).map_err(|error| {
        let why = format!("the presence of {owner} cannot be read: {error}");
        broken(why)
    })?;
    Ok((kept, Some(document.etag)))
}

/// Writes what is kept of a user. False: somebody else has written it meanwhile.
async fn save(
    house: &House,
    owner: &Address,
    kept: &Kept,
    etag: Option<String>,
) -> Result<bool, Refused> {
    let body = kept.write();
    // What cannot be read again must not be stored.
    if let Err(error) = Kept::read(&body) {
        return Err(Refused::because(Code::BAD_PARAMETER, error.to_string()));
    }
    if body.len() > DOCUMENT_BYTES_MAX {
        let why = format!("what is kept of a user has at most {DOCUMENT_BYTES_MAX} bytes");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    let document = Document {
        collection: COLLECTION.to_owned(),
        name: name(owner),
        owner: owner.to_string(),
        etag: house.rng().token(80),
        body,
        changed_at_ms: house.unix_ms(),
    };
    let partition = Partition::of(&document.name);
    let expect = etag.map_or(Expect::Absent, Expect::Etag);
    let write = Write::PutDocument { document, expect };
    match house.keeper.commit(vec![write], partition).await {
        Ok(()) => Ok(true),
        Err(CommitFailed::Commit(CommitError::DocumentChanged { .. })) => Ok(false),
        Err(error) => Err(broken(error)),
    }
}

impl Kept {
    fn write(&self) -> Vec<u8> {
        let mut primitives: Vec<Primitive> = Vec::new();
        let attributes = Box::new(self.published.clone());
        primitives.push(UpdatePresenceRequest { attributes }.into());
        let list = |granted: &Granted| CreateAttributeListRequest {
            attributes: Some(Box::new(granted.kinds.list())),
            ..CreateAttributeListRequest::default()
        };
        primitives.extend(self.default.iter().map(|granted| {
            let default_list = true;
            let default_notify = granted.notify;
            Primitive::from(CreateAttributeListRequest {
                default_list,
                default_notify,
                ..list(granted)
            })
        }));
        primitives.extend(self.users.iter().map(|(user, granted)| {
            Primitive::from(CreateAttributeListRequest {
                users: vec![wv_of_user(user)],
                user_notify: granted.notify,
                ..list(granted)
            })
        }));
        primitives.extend(self.contact_lists.iter().map(|(name, granted)| {
            Primitive::from(CreateAttributeListRequest {
                contact_lists: vec![name.clone()],
                contact_list_notify: granted.notify,
                ..list(granted)
            })
        }));
        primitives.extend(self.answers.iter().map(|(user, answer)| {
            Primitive::from(PresenceAuthUser {
                user: wv_of_user(user),
                acceptance: answer.is_some(),
                attributes: answer.map(|kinds| Box::new(kinds.list())),
            })
        }));
        if !self.profile.is_empty() {
            let profile = PublicProfile {
                user: None,
                properties: self.profile.clone(),
            };
            let request = UpdatePublicProfileRequest {
                clear: true,
                profile: Some(profile),
            };
            primitives.push(request.into());
        }
        let mut message = Message::new(Version::V1_3, Session::Outband);
        let numbered = (1_usize..).zip(primitives);
        message.transactions = numbered
            .map(|(number, primitive)| Transaction::request(number.to_string(), primitive))
            .collect();
        message.encode(Encoding::Xml).to_vec()
    }

    fn read(body: &[u8]) -> Result<Self, imps::Error> {
        let message = Message::decode(body, Encoding::Xml)?;
        let mut kept = Self::default();
        for transaction in message.transactions {
            kept.take(transaction.primitive);
        }
        Ok(kept)
    }

    /// Takes in what one request says. Requests that a later version may keep are passed over.
    fn take(&mut self, primitive: Primitive) {
        match primitive {
            Primitive::UpdatePresenceRequest(request) => self.publish(&request.attributes),
            Primitive::CreateAttributeListRequest(request) => {
                let kinds = request.attributes.as_deref().map(Kinds::named);
                let granted = |notify| Granted {
                    kinds: kinds.unwrap_or_default(),
                    notify,
                };
                if request.default_list {
                    self.default = Some(granted(request.default_notify));
                }
                for user in &request.users {
                    let granted = granted(request.user_notify);
                    self.users.insert(address(user), granted);
                }
                for name in request.contact_lists {
                    let granted = granted(request.contact_list_notify);
                    self.contact_lists.insert(name, granted);
                }
            }
            Primitive::PresenceAuthUser(said) => {
                let kinds = said.attributes.as_deref().map(Kinds::named);
                let answer = said.acceptance.then(|| kinds.unwrap_or_default());
                self.answers.insert(address(&said.user), answer);
            }
            Primitive::UpdatePublicProfileRequest(request) => {
                self.profile = request.profile.unwrap_or_default().properties;
            }
            _ => {}
        }
    }

    /// Takes over what the user publishes.
    pub(super) fn publish(&mut self, list: &PresenceSubList) {
        for kind in Kind::ALL.iter().filter(|kind| !kind.is_of_session()) {
            kind.merge(list, &mut self.published);
        }
    }

    /// How many users and contact lists there is an attribute list for.
    pub(super) fn lists(&self) -> usize {
        self.users.len().saturating_add(self.contact_lists.len())
    }
}

/// The address in the house of a user whose address on the wire this is. [`wv_of_user`] wrote it.
fn address(wv: &str) -> Address {
    let bare = wv.strip_prefix("wv:").unwrap_or(wv);
    Address::new(&format!("sip:{bare}"))
}

#[cfg(test)]
mod tests {
    use imps::csp::{Attribute, ClientId, ContactInfo};

    use super::*;

    fn user(number: usize) -> Address {
        Address::new(&format!("sip:user{number}@localhost"))
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Kept::read(&Kept::default().write()), Ok(Kept::default()));
        let granted = |notify| Granted {
            kinds: Kinds::all(),
            notify,
        };
        let phone = ClientId {
            url: Some("phone".to_owned()),
            msisdn: None,
        };
        let mut published = PresenceSubList {
            status_text: Some(Attribute::new("a < b & c")),
            contact_info: Some(ContactInfo {
                qualifier: Some(true),
                card: Some("BEGIN:VCARD\r\nEND:VCARD".to_owned()),
                referred: None,
            }),
            ..PresenceSubList::default()
        };
        published.plmn.push(Attribute {
            client: Some(phone),
            ..Attribute::new("26201")
        });
        let denied = Granted::default();
        let kept = Kept {
            published,
            default: Some(denied),
            users: [(user(1), granted(Some(true))), (user(2), denied)].into(),
            contact_lists: [("friends".to_owned(), granted(Some(false)))].into(),
            answers: [(user(3), None), (user(4), Some(Kinds::all()))].into(),
            profile: vec![Property::new("FriendlyName", "Al \"the\" <pal>")],
        };
        assert_eq!(Kept::read(&kept.write()), Ok(kept));
    }

    #[test]
    fn the_most_that_is_kept_can_be_read() {
        let granted = Granted {
            kinds: Kinds::all(),
            notify: Some(true),
        };
        let kept = Kept {
            default: Some(granted),
            users: (0..LISTS_MAX).map(|n| (user(n), granted)).collect(),
            answers: (0..ANSWERS_MAX)
                .map(|n| (user(n), Some(Kinds::all())))
                .collect(),
            profile: vec![Property::new("City", "Lisbon")],
            ..Kept::default()
        };
        let written = kept.write();
        assert!(written.len() < DOCUMENT_BYTES_MAX);
        assert_eq!(Kept::read(&written), Ok(kept));
    }

    #[test]
    fn what_follows_the_sessions_is_not_kept() {
        let mut kept = Kept::default();
        kept.publish(&PresenceSubList {
            online_status: vec![Attribute::new("T")],
            registration: vec![Attribute::new("T")],
            alias: Some(Attribute::new("Al")),
            ..PresenceSubList::default()
        });
        let alias = Some(Attribute::new("Al"));
        let want = PresenceSubList {
            alias,
            ..PresenceSubList::default()
        };
        assert_eq!(kept.published, want);
    }
}
