//! What stands in a request of the agent.

use bytes::Bytes;
use client::Entry;
use sip::multipart::{self, BodyHeaders};
use sip::sdp::Description;
use sip::{Name, Request};
use xdm::resource_lists::{self, Limits};

pub(crate) fn part(request: &Request, media_type: &str, disposition: Option<&str>) -> Bytes {
    let headers = BodyHeaders {
        content_type: request.raw(Name::ContentType).unwrap(),
        ..BodyHeaders::default()
    };
    let parts = multipart::parts(&headers, &request.body()).unwrap();
    multipart::find(&parts, media_type, disposition)
        .unwrap()
        .body
        .clone()
}

/// The offer of an INVITE.
pub(crate) fn offer(request: &Request) -> Description {
    Description::parse(&part(request, "application/sdp", None)).unwrap()
}

pub(crate) fn offered_types(request: &Request) -> Vec<String> {
    offer(request).msrp().unwrap().1.accept_types.clone()
}

/// The list of people in an INVITE or REFER.
pub(crate) fn entries(request: &Request) -> Vec<Entry> {
    let list = "application/resource-lists+xml";
    let headers = BodyHeaders {
        content_type: request.raw(Name::ContentType).unwrap(),
        disposition: request.raw(Name::ContentDisposition),
        ..BodyHeaders::default()
    };
    let parts = multipart::parts(&headers, &request.body()).unwrap();
    let part = multipart::find(&parts, list, Some("recipient-list")).unwrap();
    let list = resource_lists::read(&part.body, Limits::default()).unwrap();
    list.into_flat().unwrap()
}

/// Their addresses.
pub(crate) fn listed(request: &Request) -> Vec<String> {
    entries(request)
        .into_iter()
        .map(|entry| entry.uri)
        .collect()
}
