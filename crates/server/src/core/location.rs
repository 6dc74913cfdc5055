//! Where users' devices are: one shard's copy of all bindings.
//!
//! The store has the truth. Every change is committed there first and then told to every shard
//! as a [`Delta`], so that looking one up takes no lock and waits for nothing.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use sip::Uri;

use crate::core::Gruus;
use crate::core::ways::Goal;
use crate::net::Flow;

/// One device of a user, as it registered.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) record: store::Binding,
    /// The way it registered; `None` when that was a connection of an earlier process.
    pub(crate) flow: Option<Flow>,
    /// Its domain, if it is somebody of another one.
    pub(crate) domain: Option<Arc<str>>,
}

impl Device {
    /// Somebody of another domain, reached by way of its server: not registered, and for good.
    pub(crate) fn elsewhere(aor: String, target: String, to: Goal) -> Self {
        let record = store::Binding {
            key: target.clone(),
            contact: target,
            aor,
            params: String::new(),
            path: Vec::new(),
            call_id: String::new(),
            cseq: 0,
            q: 1000,
            instance: None,
            reg_id: None,
            node: String::new(),
            flow: String::new(),
            user_agent: None,
            expires_at_ms: i64::MAX,
            created_at_ms: 0,
            updated_at_ms: 0,
        };
        Self {
            record,
            flow: Some(to.flow),
            domain: to.domain,
        }
    }

    /// A device of ours.
    pub(crate) const fn ours(record: store::Binding, flow: Option<Flow>) -> Self {
        Self {
            record,
            flow,
            domain: None,
        }
    }

    /// Is it not a device but the way to all that somebody has in another domain?
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.domain.is_some()
    }

    /// Where a request for this device goes now.
    ///
    /// Over a connection: the one it registered with (RFC 5626). Over UDP: the contact, if it is
    /// at the address that the registration came from, else that address itself, for then a NAT
    /// stands between. So nothing is ever sent to an address that did not send to us.
    pub(crate) fn route(&self) -> Option<Goal> {
        let flow = self.flow.as_ref()?;
        if self.domain.is_some() {
            return Some(Goal {
                flow: flow.clone(),
                domain: self.domain.clone(),
            });
        }
        let flow = match flow {
            Flow::Udp { port, remote } => {
                let to = contact_address(&self.record.contact).filter(|to| to.ip() == remote.ip());
                Flow::Udp {
                    port: Arc::clone(port),
                    remote: if self.record.path.is_empty() {
                        to.unwrap_or(*remote)
                    } else {
                        *remote
                    },
                }
            }
            stream @ Flow::Stream(_) => stream.is_open().then(|| stream.clone())?,
        };
        Some(Goal::only(flow))
    }
}

/// The address in a contact, if it holds one and not a name.
fn contact_address(contact: &str) -> Option<SocketAddr> {
    let uri = Uri::parse(contact).ok()?;
    let ip = uri.host().trim_matches(['[', ']']).parse().ok()?;
    Some(SocketAddr::new(ip, uri.port().unwrap_or(5060)))
}

/// A change of one binding.
#[derive(Clone, Debug)]
pub(crate) enum Delta {
    Put(Arc<Device>),
    Remove { aor: String, key: String },
}

/// All bindings, by address of record.
pub(crate) struct Location {
    users: HashMap<String, Vec<Arc<Device>>>,
    /// Registrations that temporary GRUUs may lead to: address of record and key.
    temporary: HashMap<u64, (String, String)>,
    gruus: Gruus,
}

impl Location {
    pub(crate) fn new(gruus: Gruus) -> Self {
        Self {
            users: HashMap::new(),
            temporary: HashMap::new(),
            gruus,
        }
    }

    /// Applies a change. A device that is replaced keeps its place in the order.
    pub(crate) fn apply(&mut self, delta: Delta) {
        match delta {
            Delta::Put(device) => {
                if let Some(number) = registration(&self.gruus, &device.record) {
                    let place = (device.record.aor.clone(), device.record.key.clone());
                    self.temporary.insert(number, place);
                }
                let devices = self.users.entry(device.record.aor.clone()).or_default();
                match devices
                    .iter_mut()
                    .find(|d| d.record.key == device.record.key)
                {
                    Some(old) if is_older(&device.record, &old.record) => {}
                    Some(old) => *old = device,
                    None => devices.push(device),
                }
            }
            Delta::Remove { aor, key } => {
                if let Some(devices) = self.users.get_mut(&aor) {
                    devices.retain(|device| device.record.key != key);
                    if devices.is_empty() {
                        self.users.remove(&aor);
                    }
                }
            }
        }
    }

    /// A user's devices that have not lapsed, the preferred first.
    pub(crate) fn devices(&self, aor: &str, now_ms: i64) -> Vec<Arc<Device>> {
        let all = self.users.get(aor).map(Vec::as_slice).unwrap_or_default();
        let mut devices: Vec<_> = all
            .iter()
            .filter(|device| device.record.expires_at_ms > now_ms)
            .cloned()
            .collect();
        devices.sort_by_key(|device| std::cmp::Reverse(device.record.q));
        devices
    }

    /// The device of a user that has this instance id.
    pub(crate) fn instance(&self, aor: &str, instance: &str, now_ms: i64) -> Option<Arc<Device>> {
        self.devices(aor, now_ms)
            .into_iter()
            .filter(|device| device.record.instance.as_deref() == Some(instance))
            .max_by_key(|device| device.record.updated_at_ms)
    }

    /// The device that a temporary GRUU with this user part leads to, with its user's address.
    ///
    /// RFC 5627 section 3.1.2: only as long as the registration lives that it was given for.
    pub(crate) fn temporary(
        &self,
        user: &str,
        now_ms: i64,
    ) -> Option<(String, Option<Arc<Device>>)> {
        let number = self.gruus.read(user)?;
        let Some((aor, key)) = self.temporary.get(&number) else {
            return Some((String::new(), None));
        };
        let mut devices = self.devices(aor, now_ms).into_iter();
        let device = devices.find(|device| {
            device.record.key == *key && registration(&self.gruus, &device.record) == Some(number)
        });
        Some((aor.clone(), device))
    }

    /// Forgets what has lapsed.
    pub(crate) fn purge(&mut self, now_ms: i64) {
        self.forget_users(now_ms);
        let (users, gruus) = (&self.users, &self.gruus);
        self.temporary.retain(|number, (aor, key)| {
            let devices = users.get(aor).map(Vec::as_slice).unwrap_or_default();
            devices.iter().any(|device| {
                device.record.key == *key && registration(gruus, &device.record) == Some(*number)
            })
        });
    }

    fn forget_users(&mut self, now_ms: i64) {
        self.users.retain(|_, devices| {
            devices.retain(|device| device.record.expires_at_ms > now_ms);
            !devices.is_empty()
        });
    }
}

fn registration(gruus: &Gruus, record: &store::Binding) -> Option<u64> {
    let instance = record.instance.as_deref()?;
    Some(gruus.registration(&record.aor, instance, &record.call_id))
}

/// Of one registration the one with the lower CSeq is the older; a retransmission that was
/// overtaken must not undo the newer (RFC 3261 section 10.3 step 7).
fn is_older(new: &store::Binding, old: &store::Binding) -> bool {
    new.call_id == old.call_id && new.cseq < old.cseq
}
