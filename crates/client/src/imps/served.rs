//! Requests of the server: each is answered, and told to the program.

use std::time::Instant;

use imps::csp::{
    DeliveryReportRequest, GetMessageRequest, GroupChangeNotice, InviteType, InviteUserRequest,
    MessageDelivered, MessageInfo, Status,
};
use imps::status::Code;
use imps::{Primitive, Transaction};

use super::answer::{Job, Purpose};
use super::conversation::is_name;
use super::core::Core;
use super::event::{Event, Heard, members, name};
use super::failure::{Refused, outcome};
use super::login::Held;
use super::presence::Seen;

/// Requests whose repetition is recognised. A server repeats what it has had no answer to, which
/// is among the last.
const REMEMBERED: usize = 64;

/// The longest name of a request that is remembered, in bytes. Ids are much shorter.
const NAME: usize = 1024;

impl Held {
    /// Is this request new? A repetition is answered again, and not told again. Some servers number
    /// badly: the kind of request and the message in it have to be the same as well.
    fn is_new(&mut self, id: &str, request: &Primitive, answer: &Primitive) -> bool {
        let message = match answer {
            Primitive::MessageDelivered(delivered) => delivered.message.as_str(),
            _ => "",
        };
        let name = format!("{} {id} {message}", request.name());
        if id.is_empty() || name.len() > NAME {
            return true;
        }
        if self.served.contains(&name) {
            return false;
        }
        if self.served.len() >= REMEMBERED {
            self.served.pop_front();
        }
        self.served.push_back(name);
        true
    }
}

impl Core {
    /// Answers a request of the server, and tells of it.
    pub(super) fn serve(&mut self, transaction: Transaction, now: Instant) {
        let Transaction { id, primitive, .. } = transaction;
        let (Some(session), Some(held)) = (self.session(), &mut self.held) else {
            return;
        };
        let Some(answer) = answer(&primitive) else {
            let what = primitive.name();
            return self.fault(format_args!("{what} stands where a request belongs"));
        };
        let is_new = held.is_new(&id, &primitive, &answer);
        let answer = Transaction::response(id, answer);
        let mut purpose = Purpose::Answer;
        if let Primitive::Disconnect(disconnect) = &primitive {
            // The session is over; the answer is the last word in it.
            purpose = Purpose::Farewell;
            self.expelled(disconnect.outcome.code.number(), now);
        }
        self.push(Job::send(session, answer, purpose));
        if is_new {
            self.act(primitive);
        }
    }

    /// Answers a request that could not be read.
    pub(super) fn refuse(&mut self, id: String, code: Code) {
        if let Some(session) = self.session() {
            let answer = Transaction::response(id, Status::new(code));
            self.push(Job::send(session, answer, Purpose::Answer));
        }
    }

    fn act(&mut self, request: Primitive) {
        match request {
            Primitive::CancelInviteUserRequest(cancel) => {
                self.invitation_cancelled(cancel.id, name(cancel.sender.as_ref()));
            }
            Primitive::DeliveryReportRequest(report) => self.tell(delivered(&report)),
            // Whoever cares has seen to it already.
            Primitive::Disconnect(_) => {}
            Primitive::ExtendConversationResponse(response) => self.extended(response),
            Primitive::GroupChangeNotice(notice) => self.tell(changed(notice)),
            Primitive::InviteResponse(response) => self.tell(Event::InviteAnswered {
                invitation: response.id,
                from: name(response.sender.as_ref()),
                accepted: response.acceptance,
                note: response.response_note,
            }),
            Primitive::InviteUserRequest(request) => match objection(&request) {
                Some(_) => self.fault("an invitation that cannot be followed"),
                None => self.invited(request),
            },
            Primitive::LeaveGroupResponse(left) => {
                self.out_of_group(left.group, left.outcome.code);
            }
            Primitive::MessageNotification(notification) => self.waiting(notification.info),
            Primitive::NewMessage(message) => {
                let heard = Heard::of(&message.info, message.content.as_ref());
                self.tell(Event::Message(heard));
            }
            Primitive::NotificationRequest(notice) => self.tell(Event::Notified {
                kind: notice.notification_type,
                group: notice.group,
                users: notice.users,
            }),
            Primitive::PresenceAuthRequest(request) => {
                self.tell(Event::PresenceAsked { user: request.user });
            }
            Primitive::PresenceNotificationRequest(notification) => {
                for presence in &notification.presences {
                    self.tell(Event::Presence(Seen::of(presence)));
                }
            }
            Primitive::SystemMessageRequest(request) => {
                for message in request.messages {
                    self.tell(Event::SystemMessage {
                        id: message.id,
                        text: message.text,
                        requires_response: message.requires_response,
                    });
                }
            }
            other => {
                let what = other.name();
                self.fault(format_args!("{what} is nothing to ask a client"));
            }
        }
    }

    /// A message waits: it is fetched.
    fn waiting(&mut self, info: MessageInfo) {
        let Some(message) = info.id else {
            return self.fault("a message waits that has no id");
        };
        self.tell(Event::MessageWaiting {
            message_id: message.clone(),
            from: name(info.sender.as_ref()),
            size: info.content_size,
        });
        let request = GetMessageRequest {
            message: message.clone(),
        };
        self.ask(request, Purpose::Fetch { message });
    }

    /// The message that waited, or why it cannot be had.
    pub(super) fn fetched(&mut self, message: String, answer: Primitive) {
        match answer {
            Primitive::GetMessageResponse(response) => {
                let mut heard = Heard::of(&response.info, response.content.as_ref());
                heard.message_id.get_or_insert_with(|| message.clone());
                self.tell(Event::Message(heard));
                self.ask(MessageDelivered { message }, Purpose::Receipt);
            }
            other => {
                let why = outcome(&other).map(|outcome| Refused::of(outcome).to_string());
                let why = why.unwrap_or_else(|| format!("{} answers it", other.name()));
                self.fault(format_args!("message {message} was not fetched: {why}"));
            }
        }
    }
}

/// What is answered to a request. `None`: it is none.
fn answer(request: &Primitive) -> Option<Primitive> {
    let code = match request {
        Primitive::NewMessage(message) => {
            if let Some(message) = message.info.id.clone() {
                return Some(MessageDelivered { message }.into());
            }
            Code::SUCCESSFUL
        }
        // IMPS-9.1.11-S20: an invitation, of type EC too, is answered with Status.
        Primitive::InviteUserRequest(request) => objection(request).unwrap_or(Code::SUCCESSFUL),
        Primitive::CancelInviteUserRequest(_)
        | Primitive::DeliveryReportRequest(_)
        | Primitive::Disconnect(_)
        | Primitive::ExtendConversationResponse(_)
        | Primitive::GroupChangeNotice(_)
        | Primitive::InviteResponse(_)
        | Primitive::LeaveGroupResponse(_)
        | Primitive::MessageNotification(_)
        | Primitive::NotificationRequest(_)
        | Primitive::PresenceAuthRequest(_)
        | Primitive::PresenceNotificationRequest(_)
        | Primitive::SystemMessageRequest(_) => Code::SUCCESSFUL,
        // A Status that is answered with a Status would go to and fro.
        Primitive::Status(_) => return None,
        _ => Code::NOT_IMPLEMENTED,
    };
    Some(Status::new(code).into())
}

/// What is wrong with an invitation.
fn objection(request: &InviteUserRequest) -> Option<Code> {
    let into_group = matches!(
        request.invite_type,
        InviteType::ExtendConversation | InviteType::ExtendGroup | InviteType::Group
    );
    match &request.group {
        _ if !is_name(&request.id) => Some(Code::BAD_PARAMETER),
        Some(group) if !is_name(group) => Some(Code::BAD_PARAMETER),
        None if into_group => Some(Code::MISSING_GROUP),
        Some(_) | None => None,
    }
}

fn delivered(report: &DeliveryReportRequest) -> Event {
    let recipient = &report.info.recipient;
    let users = recipient.users.iter().map(|user| user.id.clone());
    let groups = recipient.groups.iter().map(|group| match group {
        imps::csp::Group::Id(group) => group.clone(),
        imps::csp::Group::ScreenName(name) => name.name.clone(),
    });
    Event::Delivered {
        message_id: report.info.id.clone(),
        to: users.chain(groups).collect(),
        code: report.outcome.code.number(),
    }
}

fn changed(notice: GroupChangeNotice) -> Event {
    let properties = notice.properties.map(|all| all.properties);
    let properties = properties.into_iter().flatten();
    Event::GroupChanged {
        group: notice.group,
        joined: members(notice.joined),
        left: members(notice.left),
        properties: properties
            .map(|property| (property.name, property.value.unwrap_or_default()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use imps::csp::{LogoutRequest, NewMessage};

    use super::*;

    fn invite(kind: InviteType, id: &str, group: Option<&str>) -> Primitive {
        let group = group.map(str::to_owned);
        let request = InviteUserRequest {
            id: id.to_owned(),
            invite_type: kind,
            group,
            ..InviteUserRequest::default()
        };
        request.into()
    }

    #[test]
    fn every_request_has_its_answer() {
        let long = "x".repeat(4096);
        let group = Some("wv:/g@im.com");
        let ec = InviteType::ExtendConversation;
        let mut message = NewMessage::default();
        let unnamed = message.clone().into();
        message.info.id = Some("m1".to_owned());
        let rows = [
            // IMPS-9.1.11-S20
            (invite(ec.clone(), "i1", group), "Status", 200),
            (invite(ec.clone(), "i1", None), "Status", 429),
            (invite(ec.clone(), &long, group), "Status", 402),
            (invite(ec, "i1", Some(&long)), "Status", 402),
            (invite(InviteType::Im, "i1", None), "Status", 200),
            (unnamed, "Status", 200),
            (message.into(), "MessageDelivered", 0),
            (LogoutRequest {}.into(), "Status", 501),
        ];
        for (request, name, code) in rows {
            let answer = answer(&request).unwrap();
            assert_eq!(answer.name(), name, "{request:?}");
            let found = outcome(&answer).map_or(0, |outcome| outcome.code.number());
            assert_eq!(found, code, "{request:?}");
        }
        assert_eq!(answer(&Status::new(Code::SUCCESSFUL).into()), None);
    }
}
