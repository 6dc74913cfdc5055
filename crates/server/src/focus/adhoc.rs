//! 7.2.1.2: the set-up of an ad-hoc conference, step by step.

use std::sync::{Arc, Mutex};

use room::{Address, Cause, Claim, Guest, Host, Offer, Room, Rules};
use sip::header::From;
use sip::sdp::{Description, Repeated};
use sip::session_timer::Agreed;
use sip::{Method, Name, Request};
use store::{Member, MemberState, Partition, RoomKind, Write};
use tokio::sync::mpsc;

use crate::config::Policy;
use crate::core::{Answer, hides_sender};
use crate::focus::body::{self, Bodies};
use crate::focus::entry::Entry;
use crate::focus::host::Conference;
use crate::focus::invite::Opening;
use crate::focus::{Call, media, refusal, replace, timer};
use crate::home::access::{self, Known};
use crate::house::House;
use crate::keeper;
use crate::rooms::{self};

/// The fewest people of a session of two: it is over when either leaves.
pub(crate) const ONE_TO_ONE: u32 = 2;

/// What a user is told who invites too many at a time.
pub(crate) const NO_CREDIT: &str = "too many invitations under way";

/// Answers an INVITE to the conference factory.
///
/// IM-7.2.1.2-S1 was checked by whoever found out that the Request-URI is the factory's.
pub(crate) async fn set_up(house: Arc<House>, mut call: Call) {
    let policy = house.policy();
    let request = match Wanted::read(&house, &call, &policy) {
        Ok(wanted) => wanted,
        Err(answer) => return call.refuse(&house, &answer),
    };
    match request.open(&house, &call, &policy).await {
        Ok(conference) => conference.attend(&house, &mut call).await,
        Err(answer) => call.refuse(&house, &answer),
    }
}

/// What the inviter asks for, found acceptable.
struct Wanted {
    host: Host,
    guests: Vec<Guest>,
    rules: Rules,
    sdp: Option<Description>,
    bodies: Bodies,
    timer: Option<Agreed>,
}

impl Wanted {
    fn read(house: &House, call: &Call, policy: &Policy) -> Result<Self, Answer> {
        let request = &call.request;
        let mut rules = rules(policy);
        let mut offer = Offer {
            authorised: may_create(policy, &call.who.aor),
            hidden: hides_sender(request),
            media_acceptable: true,
            guests: 0,
        };
        // IM-7.2.1.2-S2, IM-7.2.1.2-S3: who asks comes before what is asked.
        room::admit(&offer, &rules).map_err(refusal::answer)?;
        let timer = timer::agree(request, policy)?;
        let mut bodies = body::read(request, policy.focus.max_adhoc_group_size)?;
        let sdp = bodies.sdp.take();
        // IM-7.2.1.2-S7: no description at all means that we make the offer.
        offer.media_acceptable = sdp
            .as_ref()
            .is_none_or(|sdp| media::acceptable(house, sdp).is_some());
        let host = Host {
            address: Address::new(&call.who.aor),
            display: display(call, offer.hidden),
            hidden: offer.hidden,
            nick: None,
            claim: Claim::default(),
        };
        let guests = room::distinct(&host.address, guests(&bodies));
        // IM-7.2.1.2-S8: each user counts once, the inviter not at all.
        // A list that was too long to be read is too long.
        offer.guests = if bodies.overlong {
            usize::MAX
        } else {
            guests.len()
        };
        // IM-7.2.1.2-S0: with one guest it is a one-to-one session, over when either leaves.
        rules.fewest = if guests.len() == 1 { ONE_TO_ONE } else { 0 };
        room::admit(&offer, &rules).map_err(|refused| {
            let answer = refusal::answer(refused);
            match refused {
                room::Refusal::Media => answer.with_sdp(media::capabilities(house)),
                _ => answer,
            }
        })?;
        if bodies.list.is_none() {
            return Err(Answer::because(400, "No URI List"));
        }
        Ok(Self {
            host,
            guests,
            rules,
            sdp,
            bodies,
            timer,
        })
    }

    /// Makes the conference: stored first, then alive.
    async fn open(
        self,
        house: &Arc<House>,
        call: &Call,
        policy: &Policy,
    ) -> Result<Conference, Answer> {
        // Invitations by list draw on one credit per user; an excess is the sender's own.
        let holds = house
            .credit
            .take(
                &call.who.aor,
                self.guests.len(),
                policy.focus.fan_out_credit,
            )
            .ok_or(Answer::warned(403, NO_CREDIT))?;
        let list = self.bodies.list.as_deref().unwrap_or_default();
        let successions = replace::successions(house, &self.host.address, list).await?;
        let (identity, partition) = identity(house);
        let mut actions = Vec::new();
        let now = house.world.clock.now();
        let writes = self.writes(house, &identity, partition);
        let ours = self.ours(house);
        let room = Room::open(
            self.host.clone(),
            self.guests,
            self.rules,
            now,
            &mut actions,
        )
        .map_err(refusal::answer)?;
        let known = store(house, writes, partition, ours).await?;
        let (host, news) = mpsc::unbounded_channel();
        let opening = Opening {
            by: Some(self.host.address.clone()),
            inviter: (!self.host.hidden).then(|| self.host.address.clone()),
            display: self.host.display.clone().filter(|_| !self.host.hidden),
            offer: self
                .sdp
                .as_ref()
                .and_then(|sdp| sdp.msrp().ok())
                .map(|(_, media)| Repeated::of(media)),
            subject: call.request.raw(Name::Subject).map(str::to_owned),
            list: self.bodies.list.unwrap_or_default(),
            known: Mutex::new(known),
            successions: successions.into_iter().collect(),
            holds: Mutex::new(holds),
        };
        let room = rooms::open(
            house,
            rooms::Opened {
                identity,
                partition,
                opening: Arc::new(opening),
                room,
                actions,
                host,
                kind: rooms::Kind::Conference,
                document: None,
                writes: Vec::new(),
            },
        );
        let (sdp, timer) = (self.sdp, self.timer);
        let entry = Entry { room, sdp, timer };
        Ok(Conference { entry, news })
    }

    /// Those of the guests who live in this domain.
    fn ours(&self, house: &House) -> Vec<Address> {
        let addresses = self.guests.iter().map(|guest| &guest.address);
        let ours = addresses.filter(|address| {
            let uri = sip::Uri::parse(address.as_str());
            uri.is_ok_and(|uri| house.is_domain(uri.host()))
        });
        ours.cloned().collect()
    }

    fn writes(&self, house: &House, identity: &str, partition: Partition) -> Vec<Write> {
        let now_ms = house.unix_ms();
        let room = store::Room {
            identity: identity.to_owned(),
            partition,
            kind: RoomKind::AdHoc,
            group: None,
            host: self.host.address.to_string(),
            subject: None,
            created_at_ms: now_ms,
            closed_at_ms: None,
        };
        let member = |address: &Address, display: Option<&str>, role, hidden| {
            Write::PutMember(Member {
                room: identity.to_owned(),
                address: address.to_string(),
                display: display.map(str::to_owned),
                role,
                hidden,
                state: MemberState::Invited,
                changed_at_ms: now_ms,
            })
        };
        let host = &self.host;
        let mut writes = vec![
            Write::OpenRoom(room),
            member(
                &host.address,
                host.display.as_deref(),
                store::Role::Host,
                host.hidden,
            ),
        ];
        for guest in &self.guests {
            writes.push(member(
                &guest.address,
                guest.display.as_deref(),
                store::Role::Guest,
                guest.hidden,
            ));
        }
        writes
    }
}

/// Stores a conference, and asks on the way what those who are to be invited have said of it.
async fn store(
    house: &House,
    writes: Vec<Write>,
    partition: Partition,
    guests: Vec<Address>,
) -> Result<Known, Answer> {
    let stored = house.keeper.commit_asking(writes, partition, |inside| {
        access::known(|auid, name| inside.document(auid, name), guests)
    });
    stored.await.map_err(|error| {
        tracing::error!(%error, "a conference was not stored");
        Answer::warned(500, keeper::FAILED)
    })
}

/// IM-7.2.1.2-S6: an identity that names nobody and leads to the owner of its partition.
pub(crate) fn identity(house: &House) -> (Arc<str>, Partition) {
    let mut rng = house.rng();
    let number = u16::try_from(rng.below(u64::from(Partition::COUNT))).unwrap_or_default();
    let partition = Partition::new(number).unwrap_or(Partition::of(""));
    let user = format!("{}{}", partition.label(), rng.token128());
    (
        format!("sip:{user}@{}", house.setup.domain).into(),
        partition,
    )
}

/// The rules of an ad-hoc conference.
pub(crate) fn rules(policy: &Policy) -> Rules {
    Rules {
        max_guests: policy.focus.max_adhoc_group_size,
        max_present: None,
        allow_hidden: policy.focus.allow_anonymity,
        allow_observe: true,
        allow_refer: true,
        allow_whisper: true,
        members_only: false,
        invited_only: true,
        answer: policy.focus.answer.into(),
        ring: policy.focus.ring,
        fewest: 0,
        unanswered: Cause(408),
        hidden_refused: Cause(403),
        full: Cause(486),
        ended: Cause(480),
    }
}

/// IM-7.2.1.2-S2: may this user create conferences?
fn may_create(policy: &Policy, aor: &str) -> bool {
    let allowed = &policy.focus.allowed_senders;
    allowed.is_empty() || allowed.iter().any(|sender| sender == aor)
}

/// IM-7.2.1.2-S5: the name in From unless the inviter hides, else the one the account has.
pub(super) fn display(call: &Call, hidden: bool) -> Option<Arc<str>> {
    if hidden {
        return None;
    }
    let from = call.request.get::<From<'_>>().ok().flatten();
    let named = from.and_then(|from| from.display()).map(Arc::from);
    named.or_else(|| call.who.display.clone())
}

fn guests(bodies: &Bodies) -> Vec<Guest> {
    let entries = bodies.list.iter().flatten();
    entries
        .filter_map(|entry| {
            Some(Guest {
                address: Address::new(&sip::Uri::parse(&entry.uri).ok()?.aor()),
                display: entry
                    .display_name
                    .as_ref()
                    .map(|name| Arc::from(name.text.as_str())),
                hidden: body::hides(entry),
                claim: Claim::default(),
            })
        })
        .collect()
}

/// The options of an INVITE to a focus that it does not know (420).
pub(crate) fn unknown_options(request: &Request, known: &[&str]) -> Option<Answer> {
    let unknown: Vec<_> = request
        .tokens(Name::Require)
        .filter(|option| !known.iter().any(|known| known.eq_ignore_ascii_case(option)))
        .collect();
    debug_assert!(*request.method() != Method::Ack, "an ACK is never refused");
    (!unknown.is_empty()).then(|| Answer::plain(420).with(Name::Unsupported, unknown.join(", ")))
}
