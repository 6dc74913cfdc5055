//! Messages in several pieces.

use super::*;

/// Puts together what a leg hears, by Message-ID, checking that ranges do not lie.
fn assembled(frames: &[Heard]) -> BTreeMap<String, (Vec<u8>, char)> {
    let mut messages: BTreeMap<String, (Vec<u8>, char)> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.what == "SEND") {
        let (body, flag) = messages
            .entry(frame.id.clone())
            .or_insert((Vec::new(), '+'));
        let range = frame.range.unwrap();
        assert_eq!(
            range.offset(),
            body.len() as u64,
            "no gap and nothing twice"
        );
        body.extend_from_slice(&frame.body);
        let length = body.len() as u64;
        assert!(range.end.is_none_or(|end| end == length), "{range:?}");
        assert!(range.total.is_none_or(|total| total >= length), "{range:?}");
        assert_eq!(*flag, '+', "nothing comes after the end");
        *flag = frame.flag;
        if frame.flag == '$' {
            assert_eq!(range.total, Some(length));
        }
    }
    messages
}

fn text(length: usize) -> String {
    (0..length)
        .map(|n| char::from(b'a' + (n % 26) as u8))
        .collect()
}

fn in_chunks(id: &str, message: &[u8], size: usize) -> Vec<u8> {
    let mut frames = Vec::new();
    let count = message.len().div_ceil(size);
    for (n, body) in message.chunks(size).enumerate() {
        let (start, total) = (n * size + 1, message.len());
        let end = start + body.len() - 1;
        let headers = format!("Byte-Range: {start}-{end}/{total}\r\n{CPIM}");
        let flag = if n + 1 == count { '$' } else { '+' };
        frames.extend(send(id, &headers, body, flag));
    }
    frames
}

#[test]
fn a_megabyte_in_one_frame_is_passed_on_piece_by_piece() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, &text(1 << 20));
    let headers = format!("Byte-Range: 1-*/{}\r\n{CPIM}", message.len());
    let frame = send("m1xx", &headers, message.as_bytes(), '$');
    assert!(parlour.say_in_steps(ALICE, &frame, 64 << 10).is_empty());
    assert_eq!(parlour.codes(ALICE), [200]);
    for leg in [BEN, CLEO, DAVE] {
        let heard = parlour.heard(leg);
        assert!(heard.len() >= 16, "{}", heard.len());
        let messages = assembled(&heard);
        assert_eq!(messages.len(), 1);
        let (body, flag) = messages.values().next().unwrap();
        assert!(body == message.as_bytes() && *flag == '$');
    }
    assert!(parlour.speech.mouths.is_empty());
}

#[test]
fn a_megabyte_in_chunks_is_passed_on_chunk_by_chunk() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, &text(1 << 20));
    let frames = in_chunks("m1xx", message.as_bytes(), 2048);
    assert!(parlour.say(ALICE, &frames).is_empty());
    let codes = parlour.codes(ALICE);
    assert_eq!(codes.len(), message.len().div_ceil(2048));
    assert!(codes.iter().all(|code| *code == 200));
    let messages = assembled(&parlour.heard(BEN));
    assert!(messages.values().next().unwrap().0 == message.as_bytes());
}

/// However a message is cut into chunks and reads, the same arrives: also when its head is
/// rewritten, which moves all ranges.
#[test]
fn cuts_do_not_matter() {
    let mut dice = Rng::from_seed(11, 5);
    for round in 0..300 {
        let mut parlour = Parlour::new();
        let anonymous = format!("From: Al <{}>\r\nTo: <{ROOM}>\r\n", verify::ANONYMOUS);
        let rest = format!("\r\nContent-Type: text/plain\r\n\r\n{}", text(300));
        let want = format!("From: <sip:alice@home.example>\r\nTo: <{ROOM}>\r\n{rest}");
        let message = format!("{anonymous}{rest}");
        let chunk = 1 + dice.below(message.len() as u64) as usize;
        let step = 1 + dice.below(400) as usize;
        let frames = in_chunks("m1xx", message.as_bytes(), chunk);
        assert!(parlour.say_in_steps(ALICE, &frames, step).is_empty());
        assert!(
            parlour.codes(ALICE).iter().all(|code| *code == 200),
            "{round}"
        );
        let messages = assembled(&parlour.heard(BEN));
        let (body, flag) = messages.values().next().unwrap();
        assert_eq!(String::from_utf8_lossy(body), want, "{chunk} {step}");
        assert_eq!(*flag, '$');
        assert!(parlour.speech.mouths.is_empty());
    }
}

#[test]
fn an_end_without_octets_is_told() {
    for (flag, headers) in [('$', CPIM), ('#', CPIM), ('#', "")] {
        let mut parlour = Parlour::new();
        let message = to_all(PEOPLE[0].0, "Hello");
        let mut frames = send("m1xx", CPIM, message.as_bytes(), '+');
        let range = format!("Byte-Range: {}-{}/*\r\n", message.len() + 1, message.len());
        frames.extend(send("m1xx", &format!("{range}{headers}"), b"", flag));
        assert!(parlour.say(ALICE, &frames).is_empty());
        assert_eq!(parlour.codes(ALICE), [200, 200]);
        let messages = assembled(&parlour.heard(BEN));
        assert_eq!(
            messages.values().next(),
            Some(&(message.into_bytes(), flag))
        );
        assert!(parlour.speech.mouths.is_empty());
    }
}

#[test]
fn an_abort_before_anything_was_passed_on_is_silent() {
    for (body, flag) in [
        ("From: <sip:alice@home", '#'),
        (&*to_all(PEOPLE[0].0, "x"), '#'),
    ] {
        let mut parlour = Parlour::new();
        assert!(
            parlour
                .say(ALICE, &send("m1xx", CPIM, body.as_bytes(), flag))
                .is_empty()
        );
        assert_eq!(parlour.codes(ALICE), [200]);
        assert!(parlour.wire(BEN).is_empty());
    }
}

#[test]
fn the_audience_is_that_of_the_first_chunk() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, &text(100));
    let (first, second) = message.split_at(message.len() - 50);
    assert!(
        parlour
            .say(ALICE, &send("m1xx", CPIM, first.as_bytes(), '+'))
            .is_empty()
    );
    // Cleo leaves; a second device of Ben's comes.
    parlour.voices.remove(CLEO);
    parlour.speech.left(CLEO);
    let now = parlour.now;
    parlour
        .room
        .handle(Event::Left { leg: CLEO }, now, &mut Vec::new())
        .unwrap();
    let entered = Event::Entered {
        address: Address::new(PEOPLE[1].0),
        leg: LegId(5),
        hidden: false,
        nick: None,
        claim: room::Claim::default(),
    };
    parlour.room.handle(entered, now, &mut Vec::new()).unwrap();
    parlour.sit(PEOPLE[1].0, LegId(5));
    let headers = format!("Byte-Range: {}-*/*\r\n{CPIM}", first.len() + 1);
    assert!(
        parlour
            .say(ALICE, &send("m1xx", &headers, second.as_bytes(), '$'))
            .is_empty()
    );
    assert_eq!(parlour.heard(BEN).len(), 2);
    assert_eq!(parlour.heard(CLEO).len(), 1, "what came before she left");
    assert_eq!(
        parlour.heard(LegId(5)).len(),
        0,
        "latecomers hear nothing of it"
    );
    assert!(parlour.say(ALICE, &whole("m2xx", &message)).is_empty());
    assert_eq!(parlour.heard(LegId(5)).len(), 1);
}

#[test]
fn silence_ends_a_message() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, "Hello");
    assert!(
        parlour
            .say(ALICE, &send("m1xx", CPIM, message.as_bytes(), '+'))
            .is_empty()
    );
    parlour.codes(ALICE);
    let first = parlour.now;
    assert_eq!(parlour.speech.poll_timeout(), Some(first + PATIENCE));
    // A chunk gives it new time.
    assert!(parlour.wait(PATIENCE - Duration::from_secs(1)).is_empty());
    let more = format!("Byte-Range: {}-*/*\r\n{CPIM}", message.len() + 1);
    assert!(
        parlour
            .say(ALICE, &send("m1xx", &more, b"!", '+'))
            .is_empty()
    );
    assert!(parlour.wait(Duration::from_secs(1)).is_empty());
    assert_eq!(
        parlour.speech.poll_timeout(),
        Some(parlour.now - Duration::from_secs(1) + PATIENCE)
    );
    assert!(parlour.wait(PATIENCE).is_empty());
    assert_eq!(parlour.speech.poll_timeout(), None);
    let messages = assembled(&parlour.heard(BEN));
    assert_eq!(messages.values().next().unwrap().1, '#');
    // Too late.
    parlour.codes(ALICE);
    assert!(
        parlour
            .say(ALICE, &send("m1xx", &more, b"!", '$'))
            .is_empty()
    );
    assert_eq!(parlour.codes(ALICE), [413]);
    assert!(parlour.wire(BEN).is_empty());
}

#[test]
fn whoever_leaves_in_the_middle_is_aborted() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, "Hello");
    assert!(
        parlour
            .say(ALICE, &send("m1xx", CPIM, message.as_bytes(), '+'))
            .is_empty()
    );
    parlour.voices.remove(ALICE);
    parlour.speech.left(ALICE);
    assert!(
        parlour
            .speech
            .poll_timeout()
            .is_some_and(|due| due <= parlour.now)
    );
    assert!(parlour.wait(Duration::ZERO).is_empty());
    let flags: String = parlour.heard(BEN).iter().map(|frame| frame.flag).collect();
    assert_eq!(flags, "+#");
    assert_eq!(parlour.speech.poll_timeout(), None);
    assert!(parlour.speech.mouths.is_empty());
}

#[test]
fn a_chunk_that_is_refused_ends_the_message() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, "Hello");
    let mut frames = send("m1xx", CPIM, message.as_bytes(), '+');
    frames.extend(send("m1xx", "Content-Type: text/plain\r\n", b"x", '+'));
    assert!(parlour.say(ALICE, &frames).is_empty());
    assert_eq!(parlour.codes(ALICE), [200, 415]);
    let flags: String = parlour.heard(BEN).iter().map(|frame| frame.flag).collect();
    assert_eq!(flags, "+#");
}

#[test]
fn a_total_that_cannot_be_true_is_not_passed_on() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, "Hello");
    let headers = format!("Byte-Range: 1-*/8\r\n{CPIM}");
    assert!(
        parlour
            .say(ALICE, &send("m1xx", &headers, message.as_bytes(), '+'))
            .is_empty()
    );
    assert_eq!(parlour.heard(BEN)[0].range.unwrap().total, None);
}

/// Chunks of one message may come in any order after the first (RFC 4975 section 7.3.1).
#[test]
fn later_chunks_are_passed_on_as_they_come() {
    let mut parlour = Parlour::new();
    let message = to_all(PEOPLE[0].0, &text(200));
    let first = message.len() - 100;
    let chunk = |from: usize, to: usize, flag| {
        let headers = format!("Byte-Range: {}-{to}/{}\r\n{CPIM}", from + 1, message.len());
        send("m1xx", &headers, &message.as_bytes()[from..to], flag)
    };
    let mut frames = chunk(0, first, '+');
    frames.extend(chunk(first + 50, first + 80, '+'));
    frames.extend(chunk(first, first + 50, '+'));
    frames.extend(chunk(first + 80, first + 100, '$'));
    assert!(parlour.say(ALICE, &frames).is_empty());
    let mut copy = vec![0; message.len()];
    for frame in parlour.heard(BEN) {
        let at = frame.range.unwrap().offset() as usize;
        copy[at..at + frame.body.len()].copy_from_slice(&frame.body);
    }
    assert!(copy == message.as_bytes());
}

/// Frames with anything in them: an answer or none, but no panic, and nothing stays behind that
/// does not run out.
#[test]
fn anything_may_be_said() {
    let mut dice = Rng::from_seed(5, 9);
    let mut parlour = Parlour::new();
    for _ in 0..20_000 {
        let message = to_all(PEOPLE[0].0, "Hello");
        let mut body = message.into_bytes();
        for _ in 0..dice.below(4) {
            let at = dice.below(body.len() as u64 + 1) as usize;
            match dice.below(3) {
                0 => body.truncate(at),
                1 => body.insert(at, dice.below(256) as u8),
                _ => body
                    .splice(at..at, b"\r\n\r\n".iter().copied())
                    .for_each(drop),
            }
        }
        let big = [0, 1, 2, 50, u64::MAX - 1, u64::MAX];
        let mut number = || big[dice.below(6) as usize];
        let range = format!("Byte-Range: {}-*/{}\r\n", number(), number());
        let headers = ["", CPIM, "Content-Type: text/plain\r\n"][dice.below(3) as usize];
        let id = format!("m{:03}", dice.below(40));
        let flag = ['$', '+', '#'][dice.below(3) as usize];
        let leg = PEOPLE[dice.below(4) as usize].1;
        let frame = send(&id, &format!("{range}{headers}"), &body, flag);
        // A body may hold an end-line of its own by chance; then it is another frame.
        assert!(
            parlour
                .say_in_steps(leg, &frame, 1 + dice.below(100) as usize)
                .is_empty()
        );
        for (_, leg) in PEOPLE {
            parlour.wire(leg);
        }
        for mouth in parlour.speech.mouths.values() {
            assert!(mouth.underway.len() <= UNDERWAY_MAX);
        }
    }
    assert!(parlour.wait(PATIENCE).is_empty());
    assert!(parlour.speech.mouths.is_empty());
    assert_eq!(parlour.speech.poll_timeout(), None);
}
