//! The registrar (RFC 3261 section 10.3, RFC 3327 Path, RFC 5626 outbound, RFC 5627 GRUU).

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use sip::header::{CSeq, Contact, To};
use sip::{Name, Request, Uri, quote};
use store::{Binding, Cursor, PAGE_ROWS_MAX, Partition};

use crate::config::Policy;
use crate::core::{Answer, Delta, Device, Identity, gruu};
use crate::house::House;
use crate::keeper;
use crate::net::Flow;

/// The options a REGISTER may require.
const SUPPORTED: &[&str] = &["path", "outbound", "gruu"];

/// How often a client behind a NAT should ping over its connection, in seconds (RFC 5626).
const FLOW_TIMER: u32 = 120;

/// Answers one REGISTER whose sender is known. The result is the whole response.
pub(crate) async fn register(
    house: Arc<House>,
    request: Request,
    who: Identity,
    flow: Flow,
) -> (u16, Bytes) {
    let policy = house.policy();
    let tag = house.tag();
    match Registration::read(&house, &request, &who, &flow, &policy) {
        Err(answer) => (answer.status, house.replies.answer(&request, &answer, &tag)),
        Ok(registration) => match registration.carry_out(&house, &policy).await {
            Err(answer) => (answer.status, house.replies.answer(&request, &answer, &tag)),
            Ok(bindings) => (200, registration.answer(&house, &request, &bindings, &tag)),
        },
    }
}

/// What a REGISTER asks for, checked.
struct Registration {
    aor: String,
    call_id: String,
    cseq: u32,
    wanted: Wanted,
    flow: Flow,
    now_ms: i64,
    gruu: bool,
    outbound: bool,
}

enum Wanted {
    /// Nothing: only tell what is registered.
    Query,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    /// Per contact: the binding to be, or the key of one to remove.
    Change(Vec<Result<Binding, String>>),
}

impl Registration {
    fn read(
        house: &House,
        request: &Request,
        who: &Identity,
        flow: &Flow,
        policy: &Policy,
    ) -> Result<Self, Answer> {
        let bad = |_| {
            Answer::because(
                400,
                "Bad Request: a header of the registration is malformed",
            )
        };
        // RFC 3261 section 10.3 step 1: only for the domain that lives here.
        let uri = Uri::parse(request.uri()).map_err(bad)?;
        if !uri.host().eq_ignore_ascii_case(&house.setup.domain) {
            return Err(Answer::because(404, "Domain Not Served Here"));
        }
        // Step 2.
        let unknown: Vec<_> = request
            .tokens(Name::Require)
            .filter(|t| !SUPPORTED.contains(t))
            .collect();
        if !unknown.is_empty() {
            return Err(Answer::plain(420).with(Name::Unsupported, unknown.join(", ")));
        }
        // Step 4: users register themselves and nobody else.
        let to = request.require::<To<'_>>().map_err(bad)?;
        let aor = to.uri.aor();
        if aor != *who.aor {
            return Err(Answer::because(
                403,
                "You May Register Only Your Own Address",
            ));
        }
        let cseq = request.require::<CSeq<'_>>().map_err(bad)?.number;
        let mut registration = Self {
            aor,
            call_id: request.raw(Name::CallId).unwrap_or_default().to_owned(),
            cseq,
            wanted: Wanted::Query,
            flow: flow.clone(),
            now_ms: house.unix_ms(),
            gruu: request.lists(Name::Supported, "gruu"),
            outbound: false,
        };
        registration.wanted = registration.wanted(house, request, policy)?;
        Ok(registration)
    }

    fn wanted(
        &mut self,
        house: &House,
        request: &Request,
        policy: &Policy,
    ) -> Result<Wanted, Answer> {
        let expires = request.raw(Name::Expires).and_then(seconds);
        if request.tokens(Name::Contact).any(|contact| contact == "*") {
            // Step 6: "*" stands alone and removes everything.
            if request.tokens(Name::Contact).count() != 1 || expires != Some(0) {
                return Err(Answer::because(
                    400,
                    "Contact * Needs Expires 0 and Nothing Else",
                ));
            }
            return Ok(Wanted::RemoveAll);
        }
        let mut changes = Vec::new();
        for contact in request.list::<Contact<'_>>() {
            let contact = contact.map_err(|_| Answer::because(400, "Bad Contact"))?;
            if changes.len() >= policy.registrar.max_contacts {
                return Err(Answer::because(403, "Too Many Contacts"));
            }
            changes.push(self.change(house, request, &contact, expires, policy)?);
        }
        Ok(if changes.is_empty() {
            Wanted::Query
        } else {
            Wanted::Change(changes)
        })
    }

    fn change(
        &mut self,
        house: &House,
        request: &Request,
        contact: &Contact<'_>,
        expires: Option<u64>,
        policy: &Policy,
    ) -> Result<Result<Binding, String>, Answer> {
        if !contact.uri.is_sip() {
            return Err(Answer::because(400, "Only SIP Contacts Can Be Registered"));
        }
        let rules = &policy.registrar;
        let seconds = contact
            .params
            .get("expires")
            .and_then(seconds)
            .or(expires)
            .unwrap_or(rules.default_expires.as_secs());
        let instance = contact
            .params
            .unquoted("+sip.instance")
            .map(|i| i.trim_matches(['<', '>']).to_owned());
        let reg_id = contact
            .params
            .get("reg-id")
            .and_then(|id| id.parse::<u32>().ok());
        let key = match (&instance, reg_id) {
            // RFC 5626 section 6: the device and its flow, whatever the contact.
            (Some(instance), Some(reg_id)) => {
                self.outbound = true;
                format!("{instance};{reg_id}")
            }
            (Some(instance), None) => instance.clone(),
            _ => contact.uri.as_str().to_owned(),
        };
        if seconds == 0 {
            return Ok(Err(key));
        }
        if seconds < rules.min_expires.as_secs() {
            let least = rules.min_expires.as_secs().to_string();
            return Err(Answer::plain(423).with(Name::MinExpires, least));
        }
        let lifetime = seconds.min(rules.max_expires.as_secs());
        let lifetime_ms = i64::try_from(lifetime)
            .unwrap_or(i64::MAX / 2000)
            .saturating_mul(1000);
        Ok(Ok(Binding {
            aor: self.aor.clone(),
            key,
            contact: contact.uri.as_str().to_owned(),
            params: contact.params.as_str().to_owned(),
            path: path(request)?,
            call_id: self.call_id.clone(),
            cseq: self.cseq,
            q: contact.params.get("q").map_or(1000, thousandths),
            instance,
            reg_id,
            node: house.setup.node.clone(),
            flow: self.flow.name(),
            user_agent: request
                .raw(Name::UserAgent)
                .map(|agent| agent.chars().take(200).collect()),
            expires_at_ms: self.now_ms.saturating_add(lifetime_ms),
            created_at_ms: self.now_ms,
            updated_at_ms: self.now_ms,
        }))
    }

    /// Commits the change, tells every shard, and returns what is registered afterwards.
    async fn carry_out(&self, house: &House, policy: &Policy) -> Result<Vec<Binding>, Answer> {
        let mut current = self.current(house).await?;
        // Step 7: an earlier request of the same client must not undo a later one.
        let overtaken = |b: &Binding| b.call_id == self.call_id && b.cseq >= self.cseq;
        let changes = match &self.wanted {
            Wanted::Query => return Ok(current),
            Wanted::RemoveAll => current.iter().map(|b| Err(b.key.clone())).collect(),
            Wanted::Change(changes) => changes.clone(),
        };
        let mut writes = Vec::new();
        let mut deltas = Vec::new();
        for change in changes {
            let key = change
                .as_ref()
                .map_or_else(|key| key.clone(), |b| b.key.clone());
            let old = current.iter().position(|b| b.key == key);
            let old = old.map(|at| current.remove(at));
            if old.as_ref().is_some_and(overtaken) {
                return Err(Answer::because(500, "CSeq Out of Order"));
            }
            match change {
                Ok(mut binding) => {
                    binding.created_at_ms = old.map_or(binding.created_at_ms, |b| b.created_at_ms);
                    writes.push(store::Write::PutBinding(binding.clone()));
                    let flow = Some(self.flow.clone());
                    let device = Device::ours(binding.clone(), flow);
                    deltas.push(Delta::Put(Arc::new(device)));
                    current.push(binding);
                }
                Err(key) => {
                    let aor = self.aor.clone();
                    writes.push(store::Write::RemoveBinding {
                        aor: aor.clone(),
                        key: key.clone(),
                    });
                    deltas.push(Delta::Remove { aor, key });
                }
            }
        }
        if current.len() > policy.registrar.max_contacts {
            return Err(Answer::because(403, "Too Many Contacts"));
        }
        if let Err(error) = house.keeper.commit(writes, Partition::of(&self.aor)).await {
            tracing::error!(aor = self.aor, %error, "a registration was not stored");
            return Err(Answer::warned(500, keeper::FAILED));
        }
        deltas.iter().for_each(|delta| house.shards.binding(delta));
        Ok(current)
    }

    async fn current(&self, house: &House) -> Result<Vec<Binding>, Answer> {
        let aor = self.aor.clone();
        let page = house
            .keeper
            .read(move |reader| reader.bindings(&aor, &Cursor::START, PAGE_ROWS_MAX))
            .await;
        match page {
            Ok(Ok(mut page)) => {
                page.rows
                    .retain(|binding| binding.expires_at_ms > self.now_ms);
                Ok(page.rows)
            }
            _ => Err(Answer::warned(500, keeper::FAILED)),
        }
    }

    /// Step 8: the 200 with every binding there is.
    fn answer(&self, house: &House, request: &Request, bindings: &[Binding], tag: &str) -> Bytes {
        let mut draft = house.replies.draft(request, 200, "OK", tag);
        for binding in bindings {
            draft.header(Name::Contact, self.contact(house, binding));
        }
        draft.header(Name::Date, house.date());
        draft.header(Name::Supported, SUPPORTED.join(", "));
        draft.header(Name::PAssociatedUri, format_args!("<{}>", self.aor));
        // RFC 3327 section 5.3: the Path is shown to the client that sent it.
        draft.copy_all(request, Name::Path);
        if self.outbound {
            draft.header(Name::Require, "outbound");
            draft.header(Name::FlowTimer, FLOW_TIMER);
        }
        draft.finish()
    }

    fn contact(&self, house: &House, binding: &Binding) -> String {
        let left_ms = binding.expires_at_ms.saturating_sub(self.now_ms).max(0);
        let mut text = format!("<{}>;expires={}", binding.contact, left_ms.div_euclid(1000));
        if let Some(instance) = &binding.instance {
            let _ = write!(text, ";+sip.instance={}", quote(&format!("<{instance}>")));
            if let Some(reg_id) = binding.reg_id {
                let _ = write!(text, ";reg-id={reg_id}");
            }
            if self.gruu {
                let public = gruu::public(&self.aor, instance);
                let number = house
                    .gruus
                    .registration(&self.aor, instance, &binding.call_id);
                let temporary =
                    house
                        .gruus
                        .temporary(number, &house.setup.domain, house.rng().u64());
                let _ = write!(text, ";pub-gruu={}", quote(&public));
                let _ = write!(text, ";temp-gruu={}", quote(&temporary));
            }
        }
        text
    }
}

fn path(request: &Request) -> Result<Vec<String>, Answer> {
    request
        .list::<sip::header::Path<'_>>()
        .map(|hop| hop.map(|hop| hop.uri.as_str().to_owned()))
        .collect::<Result<_, _>>()
        .map_err(|_| Answer::because(400, "Bad Path"))
}

/// A number of seconds. RFC 3261 section 10.2.1.1 has a malformed one mean the default.
fn seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // More digits than fit are for ever, which the registrar cuts to its own measure.
    digits.then(|| text.parse().unwrap_or(u64::from(u32::MAX)))
}

/// A q-value in thousandths.
fn thousandths(text: &str) -> u16 {
    let value: f32 = text.parse().unwrap_or(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=1000"
    )]
    let thousandths = (value.clamp(0.0, 1.0) * 1000.0) as u16;
    thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_rfc_wants() {
        for (text, want) in [
            ("0", Some(0)),
            ("3600", Some(3600)),
            ("", None),
            ("1h", None),
            ("-1", None),
        ] {
            assert_eq!(seconds(text), want, "{text}");
        }
        assert_eq!(seconds("99999999999999999999"), Some(u64::from(u32::MAX)));
        for (text, want) in [
            ("1", 1000),
            ("0.5", 500),
            ("0", 0),
            ("7", 1000),
            ("x", 1000),
        ] {
            assert_eq!(thousandths(text), want, "{text}");
        }
    }
}
