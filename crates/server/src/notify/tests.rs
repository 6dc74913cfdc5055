use std::time::Duration;

use sip::dialog::{Dialog, Outset};
use sip::{Method, Name, Request, Response};

use super::stage::{Stage, finish, text, value};

const EVENT: (Name, &str) = (Name::Event, "conference;id=1");
const ALICE: (Name, &str) = (Name::PAssertedIdentity, "<sip:alice@example.org>");

/// Nothing for this long is nothing at all.
const QUIET: Duration = Duration::from_secs(10);

impl Stage {
    /// Sends a SUBSCRIBE to the conference; its outset and the final response.
    async fn subscribe(&mut self, call_id: &str, headers: &[(Name, &str)]) -> (Outset, Response) {
        let from = "<sip:alice@example.org>";
        let to = format!("<{}>", self.room);
        let mut outset = Outset::new(
            call_id,
            "w",
            from,
            &to,
            &self.room,
            "<sip:alice@10.0.0.2:5060>",
        );
        let draft = outset.request(&Method::Subscribe, &self.peer.via());
        self.peer.send(&finish(draft, headers, None));
        let response = self.peer.response(1, &Method::Subscribe).await;
        (outset, response)
    }

    /// A subscription of Alice's that has had its first NOTIFY.
    async fn watch(&mut self, headers: &[(Name, &str)]) -> (Dialog, Request) {
        let headers = [&[EVENT, ALICE], headers].concat();
        let (outset, response) = self.subscribe("watch", &headers).await;
        assert_eq!(response.status(), 200, "{:?}", response.wire());
        let (dialog, notify) = self.first_notify(&outset).await;
        self.peer.answer(&dialog, &notify, 200, &[], None);
        (dialog, notify)
    }

    async fn first_notify(&mut self, outset: &Outset) -> (Dialog, Request) {
        let notify = self.peer.request(&Method::Notify).await;
        (Dialog::notified(outset, &notify).unwrap(), notify)
    }

    /// The next NOTIFY, answered.
    async fn notify(
        &mut self,
        dialog: &mut Dialog,
        status: u16,
        headers: &[(Name, &str)],
    ) -> Request {
        let notify = self.peer.request(&Method::Notify).await;
        dialog.receive(&notify).unwrap();
        self.peer.answer(dialog, &notify, status, headers, None);
        notify
    }

    async fn resubscribe(&mut self, dialog: &mut Dialog, expires: &str) -> Response {
        let headers = [EVENT, (Name::Expires, expires)];
        self.peer
            .ask(dialog, &Method::Subscribe, &headers, None)
            .await
    }

    async fn assert_quiet(&mut self) {
        let notify = self.peer.request_within(&Method::Notify, QUIET).await;
        assert!(notify.is_none(), "{notify:?}");
    }
}

fn state(notify: &Request) -> &str {
    value(notify, Name::SubscriptionState)
}

#[tokio::test(start_paused = true)]
async fn im_7_2_2_10_s0a_a_subscriber_gets_200_and_the_full_state() {
    let mut stage = Stage::set().await;
    let (outset, response) = stage.subscribe("watch", &[EVENT, ALICE]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(value(&response, Name::Expires), "3600");
    let contact = format!("<{}>;isfocus", stage.room);
    assert!(value(&response, Name::Contact).starts_with(&contact));
    assert_eq!(
        value(&response, Name::RecordRoute),
        "<sip:10.0.0.1:5060;transport=udp;lr>"
    );
    let (dialog, notify) = stage.first_notify(&outset).await;
    let tag = format!(";tag={}", dialog.id().remote_tag());
    assert!(value(&response, Name::To).ends_with(&tag));
    assert_eq!(value(&notify, Name::Event), "conference;id=1");
    assert_eq!(state(&notify), "active;expires=3600");
    assert!(value(&notify, Name::Contact).starts_with(&contact));
    assert_eq!(
        value(&notify, Name::RecordRoute),
        "<sip:10.0.0.1:5060;transport=udp;lr>"
    );
    assert!(value(&notify, Name::UserAgent).starts_with("IM-serv/OMA1.0"));
}

#[tokio::test(start_paused = true)]
async fn im_7_2_2_10_s0d_the_body_is_conference_info() {
    let mut stage = Stage::set().await;
    let (_, notify) = stage.watch(&[(Name::Accept, "application/*")]).await;
    assert_eq!(
        value(&notify, Name::ContentType),
        "application/conference-info+xml"
    );
    let body = text(&notify.body());
    assert!(
        body.contains("state=\"full\"") && body.contains("sip:bob@example.org"),
        "{body}"
    );
}

/// (what is wrong, headers, the status, a header it says why with)
type Refused = (
    &'static str,
    &'static [(Name, &'static str)],
    u16,
    Option<(Name, &'static str)>,
);

#[rustfmt::skip]
const REFUSED: &[Refused] = &[
    ("RFC 6665 4.2.1.1 another package", &[ALICE, (Name::Event, "presence")], 489, Some((Name::AllowEvents, "conference"))),
    ("RFC 6665 4.2.3 no package",        &[ALICE], 489, Some((Name::AllowEvents, "conference"))),
    ("RFC 6665 3.1.3 another body",      &[ALICE, EVENT, (Name::Accept, "text/plain")], 406, Some((Name::Accept, "application/conference-info+xml"))),
    ("RFC 6665 4.2.1.1 too short",       &[ALICE, EVENT, (Name::Expires, "59")], 423, Some((Name::MinExpires, "60"))),
    ("RFC 3261 8.2.2.3 an option",       &[ALICE, EVENT, (Name::Require, "eventlist")], 420, Some((Name::Unsupported, "eventlist"))),
    ("RFC 6665 4.2.1.3 a stranger",      &[(Name::PAssertedIdentity, "<sip:eve@example.org>"), EVENT], 403, None),
];

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_is_refused_and_leaves_nothing() {
    let mut stage = Stage::set().await;
    for (n, (why, headers, status, header)) in REFUSED.iter().enumerate() {
        let (_, response) = stage.subscribe(&format!("watch{n}"), headers).await;
        assert_eq!(response.status(), *status, "{why}");
        if let Some((name, wanted)) = header {
            assert_eq!(value(&response, *name), *wanted, "{why}");
        }
    }
    stage.assert_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn rfc_6665_4_2_1_1_a_subscription_is_shortened_to_two_hours() {
    let mut stage = Stage::set().await;
    let (_, notify) = stage.watch(&[(Name::Expires, "90000")]).await;
    assert_eq!(state(&notify), "active;expires=7200");
}

#[tokio::test(start_paused = true)]
async fn rfc_6665_4_4_3_a_fetch_gets_the_state_once() {
    let mut stage = Stage::set().await;
    let (mut dialog, notify) = stage.watch(&[(Name::Expires, "0")]).await;
    assert_eq!(state(&notify), "terminated;reason=timeout");
    assert!(text(&notify.body()).contains("state=\"full\""));
    assert_eq!(stage.resubscribe(&mut dialog, "60").await.status(), 481);
    stage.assert_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_brings_the_full_state_and_an_end_none() {
    let mut stage = Stage::set().await;
    let (mut dialog, _) = stage.watch(&[]).await;
    let response = stage.resubscribe(&mut dialog, "600").await;
    assert_eq!(
        (response.status(), value(&response, Name::Expires)),
        (200, "600")
    );
    let notify = stage.notify(&mut dialog, 200, &[]).await;
    assert_eq!(state(&notify), "active;expires=600");
    assert!(text(&notify.body()).contains("state=\"full\""));

    // What is refused changes nothing.
    for (expires, event, status) in [
        ("5", "conference;id=1", 423),
        ("60", "presence", 489),
        ("60", "conference;id=2", 481),
    ] {
        let headers = [(Name::Event, event), (Name::Expires, expires)];
        let response = stage
            .peer
            .ask(&mut dialog, &Method::Subscribe, &headers, None)
            .await;
        assert_eq!(response.status(), status, "{event} {expires}");
    }
    for (method, status) in [
        (Method::Bye, 481),
        (Method::Info, 405),
        (Method::Other("X".into()), 501),
    ] {
        let response = stage.peer.ask(&mut dialog, &method, &[], None).await;
        assert_eq!(response.status(), status, "{method}");
    }

    // RFC 6665 section 4.2.1.4
    let response = stage.resubscribe(&mut dialog, "0").await;
    assert_eq!(
        (response.status(), value(&response, Name::Expires)),
        (200, "0")
    );
    let notify = stage.notify(&mut dialog, 200, &[]).await;
    assert_eq!(state(&notify), "terminated;reason=timeout");
    assert_eq!(stage.resubscribe(&mut dialog, "60").await.status(), 481);
    stage.assert_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn rfc_6665_4_2_1_4_who_does_not_refresh_is_told_that_it_is_over() {
    let mut stage = Stage::set().await;
    let begin = stage.peer.clock.now();
    let (mut dialog, _) = stage.watch(&[(Name::Expires, "60")]).await;
    let notify = stage.notify(&mut dialog, 200, &[]).await;
    assert_eq!(state(&notify), "terminated;reason=timeout");
    let lived = stage.peer.clock.now() - begin;
    assert!((60..62).contains(&lived.as_secs()), "{lived:?}");
    assert_eq!(stage.resubscribe(&mut dialog, "60").await.status(), 481);
}

#[tokio::test(start_paused = true)]
async fn rfc_6665_4_2_2_a_notify_that_fails_ends_the_subscription() {
    for status in [481, 404, 489, 500] {
        let mut stage = Stage::set().await;
        let (outset, _) = stage.subscribe("watch", &[EVENT, ALICE]).await;
        let (mut dialog, notify) = stage.first_notify(&outset).await;
        stage.peer.answer(&dialog, &notify, status, &[], None);
        assert_eq!(
            stage.resubscribe(&mut dialog, "60").await.status(),
            481,
            "{status}"
        );
    }
    // Timer F: nobody answers at all.
    let mut stage = Stage::set().await;
    let (outset, _) = stage.subscribe("watch", &[EVENT, ALICE]).await;
    let (mut dialog, _) = stage.first_notify(&outset).await;
    stage.peer.clock.sleep(Duration::from_secs(33)).await;
    assert_eq!(stage.resubscribe(&mut dialog, "60").await.status(), 481);
}

#[tokio::test(start_paused = true)]
async fn a_busy_subscriber_gets_the_full_state_later() {
    let mut stage = Stage::set().await;
    let (mut dialog, _) = stage.watch(&[]).await;
    assert_eq!(stage.resubscribe(&mut dialog, "600").await.status(), 200);
    stage
        .notify(&mut dialog, 503, &[(Name::RetryAfter, "30")])
        .await;
    let begin = stage.peer.clock.now();
    let notify = stage.notify(&mut dialog, 200, &[]).await;
    assert!(stage.peer.clock.now() - begin >= Duration::from_secs(30));
    assert!(text(&notify.body()).contains("state=\"full\""));
    assert_eq!(state(&notify), "active;expires=569");
    stage.assert_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn rfc_4575_3_3_the_end_of_the_conference_is_the_end_of_the_subscription() {
    let mut stage = Stage::set().await;
    let (mut dialog, _) = stage.watch(&[]).await;
    let bye = stage.bob.request(&Method::Bye, &stage.peer.via());
    stage.peer.send(&bye.finish());
    // Bob was the only guest: without him it is over.
    let mut last = stage.notify(&mut dialog, 200, &[]).await;
    if state(&last).starts_with("active") {
        last = stage.notify(&mut dialog, 200, &[]).await;
    }
    assert_eq!(state(&last), "terminated;reason=noresource");
    assert_eq!(stage.resubscribe(&mut dialog, "60").await.status(), 481);
}
