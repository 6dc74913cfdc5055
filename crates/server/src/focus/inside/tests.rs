use std::time::Duration;

use sip::sdp::Setup;
use sip::{Method, Name, Request};

use super::role;
use crate::notify::stage::{Stage, sdp, text, value};

const SDP: &str = "application/sdp";
const LIST: &str = "<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"/>";
const AUDIO: &str = "v=0\r\no=- 7 2 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// (what is wrong, method, headers, body, the status, a header it says why with)
type Row = (
    &'static str,
    Method,
    &'static [(Name, &'static str)],
    Option<(&'static str, &'static str)>,
    u16,
    Option<(Name, &'static str)>,
);

const TIMER: (Name, &str) = (Name::Supported, "timer");

#[rustfmt::skip]
fn refused() -> Vec<Row> {
    use Method::*;
    let list = Some((Name::Unsupported, "recipient-list-invite"));
    let min_se = Some((Name::MinSe, "90"));
    let allow = Some((Name::Allow, super::ALLOW_INSIDE));
    vec![
        ("RFC 5366 5.1 the option",     Invite,    &[(Name::Require, "recipient-list-invite")], None, 420, list),
        ("RFC 5366 5.1 a list alone",   Invite,    &[], Some(("application/resource-lists+xml", LIST)), 420, list),
        ("RFC 3261 8.2.2.3",            Update,    &[(Name::Require, "timer, 100rel, x")], None, 420, Some((Name::Unsupported, "100rel, x"))),
        ("no chat",                     Invite,    &[], Some((SDP, AUDIO)), 488, Some((Name::ContentType, SDP))),
        ("no chat in an UPDATE",        Update,    &[], Some((SDP, AUDIO)), 488, Some((Name::ContentType, SDP))),
        ("no description",              Invite,    &[], Some((SDP, "hello")), 400, None),
        ("another body",                Update,    &[], Some(("text/plain", "hello")), 415, Some((Name::Accept, crate::focus::ACCEPT))),
        ("RFC 4028 9 too short",        Invite,    &[TIMER, (Name::SessionExpires, "60")], None, 422, min_se),
        ("RFC 4028 9 too short UPDATE", Update,    &[TIMER, (Name::SessionExpires, "60")], None, 422, min_se),
        ("not inside",                  Info,      &[], None, 405, allow),
        ("not inside",                  Message,   &[], None, 405, allow),
        ("RFC 3515 2.4.2 no Refer-To",  Refer,     &[], None, 400, None),
        ("RFC 6665 4.5.2",              Subscribe, &[(Name::Event, "conference")], None, 403, None),
        ("RFC 3262 3",                  Prack,     &[], None, 481, None),
        ("RFC 6665 4.1.3",              Notify,    &[(Name::Event, "conference")], None, 481, None),
        ("RFC 3261 8.2.1",              Other("DANCE".into()), &[], None, 501, None),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_inside_a_leg_leaves_the_session_as_it_is() {
    let mut stage = Stage::set().await;
    for (why, method, headers, body, status, header) in refused() {
        let response = stage.alice(&method, headers, body).await;
        assert_eq!(response.status(), status, "{why} {method}");
        if let Some((name, wanted)) = header {
            assert_eq!(value(&response, name), wanted, "{why} {method}");
        }
    }
    let response = stage.alice(&Method::Options, &[], None).await;
    assert_eq!(
        (response.status(), value(&response, Name::AllowEvents)),
        (200, "conference")
    );
    let offer = sdp(1, "alice", "active");
    let response = stage.alice(&Method::Invite, &[], Some((SDP, &offer))).await;
    assert_eq!(response.body(), stage.accepted.body());
}

#[tokio::test(start_paused = true)]
async fn im_7_1_1_5_s1_a_re_invite_is_answered_within_the_dialog() {
    let mut stage = Stage::set().await;
    // RFC 3264 section 8: the same offer, the same answer, octet for octet.
    let headers = [TIMER, (Name::SessionExpires, "600;refresher=uac")];
    let response = stage
        .alice(
            &Method::Invite,
            &headers,
            Some((SDP, &sdp(1, "alice", "active"))),
        )
        .await;
    assert_eq!(
        (response.status(), response.body()),
        (200, stage.accepted.body())
    );
    assert_eq!(value(&response, Name::SessionExpires), "600;refresher=uac");
    assert_eq!(value(&response, Name::Require), "timer");
    assert_eq!(value(&response, Name::To), value(&stage.accepted, Name::To));
    assert!(value(&response, Name::Contact).contains(&stage.room));
    stage.alice_acknowledges(None);
    // Another offer of hers is another answer of ours, one version on.
    let offer = format!("{}m=audio 4000 RTP/AVP 0\r\n", sdp(2, "moved", "actpass"));
    let response = stage.alice(&Method::Invite, &[], Some((SDP, &offer))).await;
    let (answer, before) = (text(&response.body()), text(&stage.accepted.body()));
    assert_eq!(response.status(), 200);
    assert!(
        answer.contains("m=audio 0 RTP/AVP 0") && answer.contains("a=setup:passive"),
        "{answer}"
    );
    assert_ne!(answer.lines().nth(1), before.lines().nth(1), "the o= line");
    stage.alice_acknowledges(None);
}

#[tokio::test(start_paused = true)]
async fn rfc_3261_13_3_1_4_the_2xx_to_a_re_invite_is_repeated_until_its_ack() {
    let mut stage = Stage::set().await;
    let offer = sdp(1, "alice", "active");
    let response = stage.alice(&Method::Invite, &[], Some((SDP, &offer))).await;
    let cseq = stage.alice.local_cseq();
    for _ in 0..3 {
        assert_eq!(
            stage.peer.response(cseq, &Method::Invite).await.wire(),
            response.wire()
        );
    }
    // RFC 3261 section 13.3.1.4: without ACK the leg ends.
    let bye = stage.peer.request(&Method::Bye).await;
    assert!(value(&bye, Name::Reason).contains("No ACK"));
}

#[tokio::test(start_paused = true)]
async fn an_invite_without_a_description_gets_ours() {
    let mut stage = Stage::set().await;
    let response = stage.alice(&Method::Invite, &[], None).await;
    assert_eq!(
        (response.status(), response.body()),
        (200, stage.accepted.body())
    );
    // RFC 3264 section 4: until the answer comes there is no place for another offer.
    let offer = sdp(1, "alice", "active");
    assert_eq!(
        stage
            .alice(&Method::Update, &[], Some((SDP, &offer)))
            .await
            .status(),
        491
    );
    // An UPDATE without one is none.
    assert_eq!(
        stage.alice(&Method::Update, &[TIMER], None).await.status(),
        200
    );
    stage.peer.acknowledge(&stage.alice, 2, Some(&offer));
    let response = stage.alice(&Method::Update, &[], Some((SDP, &offer))).await;
    assert_eq!(
        (response.status(), response.body()),
        (200, stage.accepted.body())
    );
}

#[tokio::test(start_paused = true)]
async fn rfc_3261_12_2_2_what_is_out_of_order_is_refused() {
    let mut stage = Stage::set().await;
    let mut earlier = stage.alice.clone();
    assert_eq!(stage.alice(&Method::Options, &[], None).await.status(), 200);
    assert_eq!(stage.alice(&Method::Options, &[], None).await.status(), 200);
    let late = stage.peer.ask(&mut earlier, &Method::Info, &[], None).await;
    assert_eq!(late.status(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_bye_ends_the_leg_and_tells_the_room() {
    let mut stage = Stage::set().await;
    assert_eq!(stage.alice(&Method::Bye, &[], None).await.status(), 200);
    // IM-7.2.1.2-S0: it was one to one, so it is over for the other too.
    let bye = stage.peer.request(&Method::Bye).await;
    stage.bob(&bye, 200, &[], None);
    assert_eq!(stage.alice(&Method::Options, &[], None).await.status(), 481);
}

// ---- Refreshes of ours ----

impl Stage {
    /// The next refresh that Bob gets, and how long it took to come.
    async fn refresh(&mut self, method: &Method) -> (Request, Duration) {
        let begin = self.peer.clock.now();
        let request = self.peer.request(method).await;
        assert_eq!(value(&request, Name::Supported), "timer");
        (request, self.peer.clock.now() - begin)
    }
}

fn within(time: Duration, from_ms: u64, to_ms: u64) {
    let ms = u64::try_from(time.as_millis()).unwrap();
    assert!(
        (from_ms..=to_ms).contains(&ms),
        "{time:?} is not in {from_ms} to {to_ms} ms"
    );
}

#[tokio::test(start_paused = true)]
async fn rfc_4028_7_4_the_focus_refreshes_by_update() {
    let mut stage = Stage::set().await;
    let (update, after) = stage.refresh(&Method::Update).await;
    within(after, 44_900, 45_100);
    assert_eq!(value(&update, Name::SessionExpires), "90;refresher=uac");
    assert!(update.body().is_empty() && !update.has(Name::MinSe));
    // RFC 4028 section 10: once more with what the 422 wants, and Min-SE from now on.
    stage.bob(&update, 422, &[(Name::MinSe, "120")], None);
    let (update, after) = stage.refresh(&Method::Update).await;
    within(after, 0, 100);
    assert_eq!(value(&update, Name::SessionExpires), "120;refresher=uac");
    assert_eq!(value(&update, Name::MinSe), "120");
    let agreed = [
        (Name::SessionExpires, "120;refresher=uac"),
        (Name::Require, "timer"),
    ];
    stage.bob(&update, 200, &agreed, None);
    let (update, after) = stage.refresh(&Method::Update).await;
    within(after, 59_900, 60_100);
    assert_eq!(value(&update, Name::MinSe), "120");
    // A busy peer is asked again.
    stage.bob(&update, 500, &[(Name::RetryAfter, "2")], None);
    let (update, after) = stage.refresh(&Method::Update).await;
    within(after, 1_900, 2_100);
    // The peer takes over: then we only wait.
    stage.bob(
        &update,
        200,
        &[(Name::SessionExpires, "90;refresher=uas")],
        None,
    );
    let (bye, after) = stage.refresh_bye().await;
    within(after, 59_900, 60_100);
    assert!(value(&bye, Name::Reason).contains("Session Expired"));
}

impl Stage {
    async fn refresh_bye(&mut self) -> (Request, Duration) {
        let begin = self.peer.clock.now();
        let bye = self.peer.request(&Method::Bye).await;
        (bye, self.peer.clock.now() - begin)
    }
}

#[tokio::test(start_paused = true)]
async fn rfc_4028_7_4_the_focus_refreshes_by_invite_if_it_must() {
    let mut stage = Stage::set().await;
    let (update, _) = stage.refresh(&Method::Update).await;
    stage.bob(&update, 405, &[], None);
    let (invite, _) = stage.refresh(&Method::Invite).await;
    // RFC 4028 section 7.4: the offer says that nothing has changed.
    assert_eq!(invite.body(), stage.invited.body());
    stage.bob(&invite, 491, &[], None);
    stage.peer.request(&Method::Ack).await;
    // RFC 3261 section 14.1: the Call-ID is ours.
    let (invite, after) = stage.refresh(&Method::Invite).await;
    within(after, 2_100, 4_100);
    let agreed = [(Name::SessionExpires, "90;refresher=uac")];
    let answer = sdp(1, "bob", "active");
    stage.bob(&invite, 200, &agreed, Some(&answer));
    let first = stage.peer.request(&Method::Ack).await;
    // The ACK was lost.
    stage
        .peer
        .answer(&stage.bob, &invite, 200, &agreed, Some(&answer));
    stage.peer.forget(&first);
    let again = stage.peer.request(&Method::Ack).await;
    assert_eq!(first.wire(), again.wire());
    // UPDATE is not tried again.
    let (invite, after) = stage.refresh(&Method::Invite).await;
    within(after, 44_900, 45_100);
    // RFC 3261 section 12.2.1.2
    stage.bob(&invite, 481, &[], None);
    let (_, after) = stage.refresh_bye().await;
    within(after, 0, 100);
}

#[tokio::test(start_paused = true)]
async fn invites_that_meet() {
    let mut stage = Stage::set().await;
    let (update, _) = stage.refresh(&Method::Update).await;
    stage.bob(&update, 501, &[], None);
    let (ours, _) = stage.refresh(&Method::Invite).await;
    // RFC 3261 section 14.2: ours is under way.
    let offer = sdp(1, "bob", "active");
    for method in [Method::Invite, Method::Update] {
        let mut bob = stage.bob.clone();
        let theirs = stage
            .peer
            .ask(&mut bob, &method, &[], Some((SDP, &offer)))
            .await;
        stage.bob = bob;
        assert_eq!(theirs.status(), 491, "{method}");
    }
    stage.bob(&ours, 491, &[], None);
    stage.peer.request(&Method::Ack).await;
    let (ours, _) = stage.refresh(&Method::Invite).await;
    stage.bob(&ours, 200, &[], Some(&offer));
    stage.peer.request(&Method::Ack).await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_a_refresh_is_gone() {
    let mut stage = Stage::set().await;
    stage.refresh(&Method::Update).await;
    let (bye, after) = stage.refresh_bye().await;
    within(after, 31_900, 32_100);
    assert!(value(&bye, Name::Reason).contains("No Answer"));
}

#[test]
fn the_role_in_an_answer_is_never_open() {
    use Setup::{ActPass, Active, HoldConn, Passive};
    #[rustfmt::skip]
    let rows = [
        (Passive, Some(ActPass), Passive), (Active, Some(ActPass), Active), (ActPass, Some(ActPass), Passive),
        (ActPass, Some(Active), Passive),  (Passive, Some(Active), Passive), (Active, Some(Active), Passive),
        (ActPass, Some(Passive), Active),  (Passive, Some(Passive), Active), (Active, None, Passive),
        (Active, Some(HoldConn), Passive),
    ];
    for (ours, offered, want) in rows {
        assert_eq!(role(ours, offered), want, "{ours} {offered:?}");
    }
}
