//! Replaces (RFC 3891): a session that takes the place of another.
//!
//! A list entry may say that the call to somebody is to replace the session they have with the
//! inviter (IM-7.1.1.6-S8). Where that session runs through this server, the inviter knows their
//! own leg of it alone: the call carries the names of the other leg instead.
//!
//! ```text
//!   alice ──leg 1── the session of two ──leg 2── bob
//!
//!   alice's list:  bob?Replaces=leg 1      the call to bob:  Replaces: leg 2
//! ```

use room::{Address, LegId};
use sip::dialog::DialogId;
use sip::header::{Header as _, Replaces};
use sip::{Name, Request, Uri};
use tokio::sync::oneshot;
use xdm::resource_lists::Entry;

use crate::core::{Answer, Command, Device};
use crate::focus::legs::LegCommand;
use crate::focus::refusal;
use crate::house::House;
use crate::rooms::{Order, RoomHandle};

/// RFC 3891: the option whose support a call with Replaces asks for.
pub(crate) const REPLACES: &str = "replaces";

/// What the call to somebody is to take the place of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Succession {
    /// A dialog that this server does not know: passed on as it came.
    foreign: Option<String>,
    /// Legs of ours: the contact of each device, and its dialog as the device sees it.
    ours: Vec<(String, String)>,
    /// How RCS names the session of two that grows.
    session: Option<String>,
}

impl Succession {
    /// The value of Replaces in the call to a device. In another domain devices are not told apart
    /// from here: its server asks all of them, and the one that has the session knows it.
    pub(crate) fn for_device(&self, device: &Device) -> Option<&str> {
        let is_it = |contact: &str| contact == device.record.contact || device.is_elsewhere();
        let ours = self.ours.iter().find(|(contact, _)| is_it(contact));
        let ours = ours.map(|(_, value)| value.as_str());
        ours.or(self.foreign.as_deref())
    }

    /// The value of Session-Replaces.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }
}

/// A leg of a conference, and whether it is still one.
#[derive(Clone, Debug)]
pub(crate) struct FoundLeg {
    pub(crate) leg: LegId,
    pub(crate) room: RoomHandle,
    /// It ends in this moment.
    pub(crate) is_ending: bool,
}

/// The leg with this dialog, as the one who has the other end names it.
async fn find(house: &House, replaces: &Replaces<'_>) -> Option<FoundLeg> {
    let dialog = DialogId::new(replaces.call_id, replaces.to_tag, replaces.from_tag);
    let (answer, found) = oneshot::channel();
    let shard = house.shards.of(replaces.call_id)?;
    shard.tell(Command::Leg(LegCommand::Find { dialog, answer }));
    found.await.ok().flatten()
}

/// What the calls to the people of a list are to take the place of.
///
/// # Errors
///
/// 400 for what cannot be read, and 403 where the dialog is not the inviter's.
pub(super) async fn successions(
    house: &House,
    inviter: &Address,
    entries: &[Entry],
) -> Result<Vec<(Address, Succession)>, Answer> {
    let mut all = Vec::new();
    for entry in entries {
        // The list was read before, so it can be read again.
        let Ok(uri) = Uri::parse(&entry.uri) else {
            continue;
        };
        if let Some(succession) = succession(house, inviter, &uri).await? {
            all.push((Address::new(&uri.aor()), succession));
        }
    }
    Ok(all)
}

/// What the call to this URI is to take the place of. Of the headers in a URI nothing else is
/// taken: the rest of a request is not for others to write.
async fn succession(
    house: &House,
    inviter: &Address,
    uri: &Uri<'_>,
) -> Result<Option<Succession>, Answer> {
    let mut succession = Succession::default();
    for (name, value) in uri.headers() {
        match Name::from_label(name.as_bytes()) {
            Name::Replaces => {
                let replaces = Replaces::parse(&value)
                    .map_err(|_| Answer::because(400, "Malformed Replaces in the List"))?;
                if succession.foreign.is_some() || !succession.ours.is_empty() {
                    return Err(Answer::because(400, "Several Replaces for One"));
                }
                let guest = Address::new(&uri.aor());
                translate(house, (inviter, &guest), &replaces, &mut succession).await?;
            }
            Name::SessionReplaces => succession.session = Some(value.into_owned()),
            _ => {}
        }
    }
    let is_any = succession != Succession::default();
    Ok(is_any.then_some(succession))
}

/// IM-7.1.1.6-S8: names the dialog as the guest's devices know it.
async fn translate(
    house: &House,
    (inviter, guest): (&Address, &Address),
    replaces: &Replaces<'_>,
    succession: &mut Succession,
) -> Result<(), Answer> {
    let Some(found) = find(house, replaces).await else {
        // Not one of ours: the two speak directly, or by another server.
        succession.foreign = Some(replaces.to_string());
        return Ok(());
    };
    let (answer, legs) = oneshot::channel();
    found.room.tell(Order::Peers {
        leg: found.leg,
        of: inviter.clone(),
        who: guest.clone(),
        answer,
    });
    // Nobody may end a session of others by naming it.
    let forbidden = || Answer::warned(403, refusal::SERVICE).by("RFC 3891 section 3");
    let legs = legs.await.ok().flatten().ok_or_else(forbidden)?;
    for (leg, shard) in legs {
        let (answer, named) = oneshot::channel();
        shard.tell(Command::Leg(LegCommand::Name { leg, answer }));
        if let Ok(Some((contact, dialog))) = named.await {
            let value = Replaces {
                call_id: dialog.call_id(),
                to_tag: dialog.remote_tag(),
                from_tag: dialog.local_tag(),
                early_only: false,
            };
            succession.ours.push((contact, value.to_string()));
        }
    }
    Ok(())
}

/// The leg that an INVITE to a session is to take the place of, if it says so: one device of a
/// person gives its place to another (RFC 3891 section 3).
///
/// # Errors
///
/// 400, 403, 481, 486 or 603: what section 3 has.
pub(super) async fn replaced(
    house: &House,
    request: &Request,
    who: &Address,
) -> Result<Option<FoundLeg>, Answer> {
    let replaces = request.get::<Replaces<'_>>();
    let malformed = |_| Answer::because(400, "Malformed Replaces");
    let Some(replaces) = replaces.map_err(malformed)? else {
        return Ok(None);
    };
    let found = find(house, &replaces).await;
    let found = found.ok_or_else(|| Answer::because(481, "No Such Dialog to Replace"))?;
    if found.is_ending {
        return Err(Answer::plain(603));
    }
    let (answer, owned) = oneshot::channel();
    found.room.tell(Order::Peers {
        leg: found.leg,
        of: who.clone(),
        who: who.clone(),
        answer,
    });
    if owned.await.ok().flatten().is_none() {
        return Err(Answer::warned(403, refusal::SERVICE).by("RFC 3891 section 3"));
    }
    if replaces.early_only {
        return Err(Answer::plain(486));
    }
    Ok(Some(found))
}
