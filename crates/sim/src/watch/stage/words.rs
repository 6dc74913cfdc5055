//! The words of days made by hand.

pub(super) const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

pub(super) const ROOM: &str = "sip:room@localhost";

/// A person's end of their call: the caller's INVITE goes to the server, the others' from it.
pub(super) struct Call {
    pub(super) who: &'static str,
    pub(super) is_caller: bool,
}

impl Call {
    pub(super) fn of(name: &str) -> Self {
        let who = PEOPLE.into_iter().find(|person| *person == name).unwrap();
        Self {
            who,
            is_caller: who == "alice",
        }
    }

    pub(super) fn id(&self) -> String {
        format!("call-{}", self.who)
    }
}

pub(super) fn aor(name: &str) -> String {
    format!("sip:{name}@localhost")
}

pub(super) fn server_path(name: &str) -> String {
    format!("msrp://10.0.0.1:2855/room-{name}-end;tcp")
}

pub(super) fn member_path(name: &str) -> String {
    format!("msrp://10.0.1.9:9/{name}-session;tcp")
}

pub(super) fn sdp(call: &Call, of_server: bool) -> String {
    let path = match of_server {
        true => server_path(call.who),
        false => member_path(call.who),
    };
    format!("v=0\r\nm=message 9 TCP/MSRP *\r\na=path:{path}\r\n")
}

/// A message whose sender calls it by its text.
pub(super) fn cpim(from: &str, to: &str, name: &str, text: &str) -> String {
    format!(
        "From: <{}>\r\nTo: <{to}>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: {name}\r\n\
         \r\nContent-Type: text/plain\r\n\r\n{text}",
        aor(from)
    )
}
