//! What client and server agree on: functions, and what the client can take.

use std::sync::Arc;

use imps::csp::{
    AgreedCapabilityList, CapabilityList, ClientCapabilityRequest, ClientCapabilityResponse,
    ServiceRequest, ServiceResponse,
};
use imps::service::{Function, Functions};
use imps::{Primitive, Version};

use super::cir;
use super::desk::{Caller, Turn};
use super::session::Session;
use super::terms::Terms;
use crate::config::Policy;
use crate::house::House;

/// What is not offered: maps, messages in pieces, and search by expressions.
const NOT_OFFERED: [Function; 4] = [
    Function::Getmap,
    Function::Sgmnt,
    Function::Advsr,
    Function::Offnotif,
];

/// All that is offered to clients of a version. IMPS-9.1.11-S39, IMPS-9.1.11-S41: EXCON is.
pub(super) fn offered(version: Version) -> Functions {
    Functions::all(version).without(Functions::of(&NOT_OFFERED))
}

/// Agrees on functions. Returns what was asked for and is not available.
pub(super) fn agree(session: &Session, asked: Functions) -> Functions {
    let version = session.version;
    let wanted = asked.wanted(version);
    let agreed = wanted.both(offered(version));
    session.state().functions = Some(agreed);
    wanted.without(agreed)
}

/// Service-Request.
pub(super) fn service(turn: &Turn<'_>, request: ServiceRequest) -> Primitive {
    let asked = request.functions.unwrap_or(Functions::NONE);
    // Who only wants to know what there is has not asked for anything yet.
    let functions = match request.functions {
        None if request.all_functions => None,
        _ => Some(agree(turn.session, asked)),
    };
    let all_functions = request.all_functions.then(|| offered(turn.session.version));
    ServiceResponse {
        client: request.client,
        functions,
        all_functions,
    }
    .into()
}

/// ClientCapability-Request.
pub(super) fn capability(turn: &Turn<'_>, request: ClientCapabilityRequest) -> Primitive {
    let list = request.capabilities.unwrap_or_default();
    let Turn {
        house,
        policy,
        caller,
        session,
    } = *turn;
    let agreed = agree_on(house, policy, caller, session, &list);
    ClientCapabilityResponse {
        client: request.client,
        capabilities: Some(Box::new(told_in_1_1(*list, &agreed))),
        agreed: Some(Box::new(agreed)),
    }
    .into()
}

/// CSP 1.1 tells what was agreed in a list of the client's form.
fn told_in_1_1(list: CapabilityList, agreed: &AgreedCapabilityList) -> CapabilityList {
    CapabilityList {
        bearers: agreed.bearers.clone(),
        cir_methods: agreed.cir_methods.clone(),
        tcp_address: agreed.tcp_address.clone(),
        tcp_port: agreed.tcp_port,
        multi_trans: agreed.multi_trans,
        server_poll_min_s: agreed.server_poll_min_s,
        ..list
    }
}

/// Agrees on what a client can take, and on how it is told that something waits.
pub(super) fn agree_on(
    house: &House,
    policy: &Policy,
    caller: &Caller,
    session: &Arc<Session>,
    list: &CapabilityList,
) -> AgreedCapabilityList {
    let terms = Terms::of(list);
    let mut agreed = cir::agree(house, policy, caller, session, list, &terms);
    let number = |count: usize| u32::try_from(count).ok();
    let poll_min = u32::try_from(policy.imps.poll_min.as_secs()).unwrap_or(u32::MAX);
    agreed.server_poll_min_s = Some(poll_min);
    agreed.bearers = vec!["HTTP".to_owned()];
    agreed.multi_trans = number(terms.open_max);
    agreed.multi_trans_per_message = number(terms.message_max);
    agreed.content_types.clone_from(&list.content_types);
    agreed.any_content = list.any_content;
    let largest = number(policy.imps.max_message);
    agreed.pull_length = list.pull_length.min(largest).or(largest);
    agreed.push_length = list.push_length.min(largest).or(largest);
    agreed.text_length = list.text_length.min(largest).or(largest);
    agreed.session_priority = list.session_priority;
    agreed.user_session_limit = number(policy.imps.max_sessions_per_user);
    let mut state = session.state();
    if state.terms.types != terms.types {
        // What it could not show before it may show now.
        state.outbox.backlog = Some(store::Cursor::START);
    }
    state.terms = terms;
    drop(state);
    agreed
}
