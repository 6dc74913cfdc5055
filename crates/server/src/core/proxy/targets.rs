//! Which of a user's devices a request goes to (RFC 3841 section 7.2, RFC 5626 section 7).

use std::sync::Arc;

use sip::Request;
use sip::header::{AcceptContact, Header as _, NameAddr};

use crate::core::Device;
use crate::focus;

/// The most branches of one request. Nobody carries more devices; a stolen account that
/// registers thousands must not make us an amplifier.
const BRANCHES: usize = 16;

/// The wishes looked at. Callers have one or two; each is compared with each device.
const WISHES: usize = 8;

/// The feature of a device that speaks SIMPLE IM.
const SIP_IM: &str = "+g.oma.sip-im";

/// Leaves the devices that the request is to ring, the preferred first.
pub(super) fn choose(devices: Vec<Arc<Device>>, request: &Request) -> Vec<Arc<Device>> {
    let wishes: Vec<AcceptContact<'_>> = request.list().flatten().take(WISHES).collect();
    fit(devices, &wishes)
}

/// Leaves the devices that a conference is to ring: those that speak SIMPLE IM, if any says so.
pub(crate) fn for_focus(devices: Vec<Arc<Device>>) -> Vec<Arc<Device>> {
    let wish = AcceptContact::parse(focus::ACCEPT_CONTACT).ok();
    fit(devices, wish.as_slice())
}

fn fit(mut devices: Vec<Arc<Device>>, wishes: &[AcceptContact<'_>]) -> Vec<Arc<Device>> {
    if devices.len() > 1 {
        one_flow_each(&mut devices);
        wanted(&mut devices, wishes);
        devices.truncate(BRANCHES);
    }
    devices
}

/// RFC 5626 section 7: never two contacts with the same instance. The one that can be reached,
/// then the one heard of last.
fn one_flow_each(devices: &mut Vec<Arc<Device>>) {
    let rank = |device: &Device| (device.route().is_some(), device.record.updated_at_ms);
    let mut best: Vec<Arc<Device>> = Vec::with_capacity(devices.len());
    for device in devices.drain(..) {
        let instance = device.record.instance.as_deref();
        let same = best
            .iter_mut()
            .find(|other| instance.is_some() && other.record.instance.as_deref() == instance);
        match same {
            Some(other) if rank(other) < rank(&device) => *other = device,
            Some(_) => {}
            None => best.push(device),
        }
    }
    *devices = best;
}

/// Drops the devices that the caller does not want, unless it wants none of them: a message at
/// the wrong device is better than a message nowhere.
fn wanted(devices: &mut Vec<Arc<Device>>, wishes: &[AcceptContact<'_>]) {
    if wishes.is_empty() {
        return;
    }
    let keep: Vec<bool> = devices
        .iter()
        .map(|device| is_wanted(device, wishes))
        .collect();
    if keep.contains(&true) {
        let mut keep = keep.into_iter();
        devices.retain(|_| keep.next().unwrap_or_default());
    }
}

fn is_wanted(device: &Device, wishes: &[AcceptContact<'_>]) -> bool {
    let text = format!("<{}>{}", device.record.contact, device.record.params);
    let Ok(contact) = NameAddr::parse(&text) else {
        return false;
    };
    wishes.iter().all(|wish| {
        // A SIMPLE IM session means nothing to a device without SIMPLE IM.
        if wish.asks_for(SIP_IM) && !contact.has_feature(SIP_IM) {
            return false;
        }
        // RFC 3841 section 7.2.4: `require` drops what cannot do it, with `explicit` also what
        // does not say that it can.
        match wish.score(&contact) {
            None => !wish.is_required(),
            Some((met, asked)) => met == asked || !(wish.is_required() && wish.is_explicit()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Message;

    fn device(name: &str, params: &str, instance: Option<&str>, updated_at_ms: i64) -> Arc<Device> {
        let record = store::Binding {
            aor: "sip:bob@localhost".into(),
            key: name.into(),
            contact: format!("sip:{name}@192.0.2.1"),
            params: params.into(),
            path: Vec::new(),
            call_id: "r".into(),
            cseq: 1,
            q: 1000,
            instance: instance.map(str::to_owned),
            reg_id: None,
            node: "n".into(),
            flow: String::new(),
            user_agent: None,
            expires_at_ms: i64::MAX,
            created_at_ms: 0,
            updated_at_ms,
        };
        Arc::new(Device::ours(record, None))
    }

    fn names(devices: &[Arc<Device>], accept_contact: &str) -> String {
        let text = format!("MESSAGE sip:b@h SIP/2.0\r\n{accept_contact}Call-ID: c\r\n\r\n");
        let Ok(Message::Request(request)) = Message::parse(text.into()) else {
            panic!("a request")
        };
        let chosen = choose(devices.to_vec(), &request);
        let names: Vec<_> = chosen.iter().map(|d| d.record.key.as_str()).collect();
        names.join(" ")
    }

    #[test]
    fn rfc_3841_7_2_devices_that_speak_im_are_preferred() {
        let both = [
            device("phone", ";audio", None, 0),
            device("im", ";+g.oma.sip-im;audio", None, 0),
        ];
        for (accept_contact, want) in [
            ("", "phone im"),
            ("Accept-Contact: *;+g.oma.sip-im\r\n", "im"),
            ("a: *;+g.oma.sip-im;require;explicit\r\n", "im"),
            ("Accept-Contact: *;audio\r\n", "phone im"),
            ("Accept-Contact: *;audio=\"FALSE\";require\r\n", "phone im"),
            ("Accept-Contact: *;video;require;explicit\r\n", "phone im"),
            ("Accept-Contact: nonsense\r\n", "phone im"),
        ] {
            assert_eq!(names(&both, accept_contact), want, "{accept_contact}");
        }
        // Nobody has it: all are tried.
        assert_eq!(
            names(&both[..1], "Accept-Contact: *;+g.oma.sip-im\r\n"),
            "phone"
        );
    }

    #[test]
    fn rfc_5626_7_one_contact_an_instance() {
        let devices = [
            device("old", "", Some("urn:uuid:1"), 1),
            device("other", "", Some("urn:uuid:2"), 1),
            device("new", "", Some("urn:uuid:1"), 2),
            device("plain", "", None, 1),
            device("plain2", "", None, 1),
        ];
        assert_eq!(names(&devices, ""), "new other plain plain2");
    }

    #[test]
    fn branches_are_limited() {
        let many: Vec<_> = (0..100)
            .map(|n| device(&format!("d{n}"), "", None, 0))
            .collect();
        assert_eq!(names(&many, "").split(' ').count(), BRANCHES);
    }
}
