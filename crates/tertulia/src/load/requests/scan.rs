//! What little has to be known of a message, found without parsing it.

use memchr::memmem;

use super::template;

/// A response, as far as it matters here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Response {
    pub(super) status: u16,
    /// The operation whose branch it carries.
    pub(super) index: u64,
}

/// Something that came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heard<'a> {
    /// A response to one of ours.
    Response(Response),
    /// A request, with its method.
    Request(&'a str),
    /// Neither.
    Garbage,
}

/// Reads the first line and looks for our branch. `tag` is what precedes the number of an
/// operation wherever this run writes it.
pub(super) fn read<'a>(message: &'a [u8], tag: &memmem::Finder<'_>) -> Heard<'a> {
    let index = || {
        let after = tag.find(message)? + tag.needle().len();
        template::number(message.get(after..)?)
    };
    if let Some(rest) = message.strip_prefix(b"SIP/2.0 ") {
        return match (status(rest), index()) {
            (Some(status), Some(index)) => Heard::Response(Response { status, index }),
            _ => Heard::Garbage,
        };
    }
    let line = message.get(..memmem::find(message, b"\r\n").unwrap_or_default());
    let line = line
        .and_then(|line| std::str::from_utf8(line).ok())
        .unwrap_or_default();
    match line
        .strip_suffix(" SIP/2.0")
        .and_then(|line| line.split_once(' '))
    {
        Some((method, _)) => Heard::Request(method),
        None => Heard::Garbage,
    }
}

fn status(rest: &[u8]) -> Option<u16> {
    let status = std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()?;
    (100..700).contains(&status).then_some(status)
}

/// The number of the operation to which a request belongs that the server passes on to us.
pub(super) fn index(message: &[u8], tag: &memmem::Finder<'_>) -> Option<u64> {
    let after = tag.find(message)? + tag.needle().len();
    template::number(message.get(after..)?)
}

/// The header fields: name and line, without the body. Folded lines stay apart: nobody writes them
/// any more (RFC 3261 section 7.3.1 allows them).
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let end = memmem::find(message, b"\r\n\r\n").unwrap_or(message.len());
    let head = message.get(..end).unwrap_or_default();
    head.split(|byte| *byte == b'\n')
        .skip(1)
        .filter_map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((line.get(..colon)?.trim_ascii(), line))
        })
}

/// The values of the header fields of a name.
pub(super) fn values<'a>(message: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    fields(message).filter_map(move |(found, line)| {
        let value = line.get(line.iter().position(|byte| *byte == b':')? + 1..)?;
        found
            .eq_ignore_ascii_case(name.as_bytes())
            .then(|| value.trim_ascii())
    })
}

/// The longest message taken from a stream, in bytes: more than any answer that we ask for.
pub(super) const MESSAGE_MAX: usize = 65_536;

/// How far a message at the begin of `bytes` goes: `Ok(None)`, it is not all there yet; `Err`, it
/// is none or too large. RFC 3261 section 18.3.
pub(super) fn frame(bytes: &[u8]) -> Result<Option<usize>, ()> {
    let Some(head) = memmem::find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > MESSAGE_MAX {
            Err(())
        } else {
            Ok(None)
        };
    };
    let head = head + 4;
    let mut lengths = values(bytes, "Content-Length").chain(values(bytes, "l"));
    let length = match lengths.next() {
        Some(value) => {
            let value = std::str::from_utf8(value).map_err(|_| ())?;
            value.parse::<usize>().map_err(|_| ())?
        }
        None => 0,
    };
    if head > MESSAGE_MAX || length > MESSAGE_MAX {
        return Err(());
    }
    Ok((bytes.len() >= head + length).then_some(head + length))
}

/// Appends a 200 to a request: what RFC 3261 section 8.2.6.2 has copied is copied.
pub(super) fn accept(request: &[u8], tag: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"SIP/2.0 200 OK\r\n");
    for (name, line) in fields(request) {
        let is = |long: &str, short: &str| {
            name.eq_ignore_ascii_case(long.as_bytes())
                || name.eq_ignore_ascii_case(short.as_bytes())
        };
        if is("To", "t") {
            out.extend_from_slice(line);
            if memmem::find(line, b";tag=").is_none() {
                out.extend_from_slice(b";tag=");
                out.extend_from_slice(tag.as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        } else if is("Via", "v") || is("From", "f") || is("Call-ID", "i") || is("CSeq", "CSeq") {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OK: &[u8] = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bKq7x000000001f\
        \r\nl: 3\r\n\r\nabcSIP/2.0";

    fn tag() -> memmem::Finder<'static> {
        memmem::Finder::new("z9hG4bKq7x")
    }

    #[test]
    fn what_came_is_told_apart() {
        let rows: [(&[u8], Heard<'_>); 7] = [
            (
                OK,
                Heard::Response(Response {
                    status: 200,
                    index: 31,
                }),
            ),
            (b"SIP/2.0 200 OK\r\n\r\n", Heard::Garbage),
            (b"SIP/2.0 999 z9hG4bKq7x000000001f", Heard::Garbage),
            (b"SIP/2.0 20", Heard::Garbage),
            (
                b"MESSAGE sip:a@b SIP/2.0\r\n\r\n",
                Heard::Request("MESSAGE"),
            ),
            (b"HTTP/1.1 200 OK\r\n\r\n", Heard::Garbage),
            (b"", Heard::Garbage),
        ];
        for (message, want) in rows {
            assert_eq!(
                read(message, &tag()),
                want,
                "{}",
                String::from_utf8_lossy(message)
            );
        }
    }

    #[test]
    fn a_stream_is_cut_into_messages() {
        let whole = OK.len() - 7;
        assert_eq!(frame(OK), Ok(Some(whole)));
        for cut in 0..whole {
            assert_eq!(frame(&OK[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(frame(&vec![b'x'; MESSAGE_MAX + 1]), Err(()));
        assert_eq!(frame(b"SIP/2.0 200 OK\r\nl: x\r\n\r\n"), Err(()));
        let large = format!("SIP/2.0 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX);
        assert_eq!(frame(large.as_bytes()), Err(()));
    }

    #[test]
    fn a_200_goes_back_the_way_the_request_came() {
        let request =
            b"MESSAGE sip:x SIP/2.0\r\nVia: one\r\nv: two\r\nMax-Forwards: 70\r\nf: <a>;tag=1\r\n\
            To: <b>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 2\r\n\r\nhi";
        let mut out = Vec::new();
        accept(request, "t1", &mut out);
        let want = "SIP/2.0 200 OK\r\nVia: one\r\nv: two\r\nf: <a>;tag=1\r\nTo: <b>;tag=t1\r\n\
            Call-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    proptest! {
        #[test]
        fn nothing_that_comes_panics(bytes: Vec<u8>) {
            for message in [bytes.clone(), [b"SIP/2.0 200 z9hG4bKq7x".to_vec(), bytes].concat()] {
                let _ = read(&message, &tag());
                let _ = frame(&message);
                accept(&message, "t", &mut Vec::new());
            }
        }
    }
}
