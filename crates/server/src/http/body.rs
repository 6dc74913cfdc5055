//! Bodies of requests, as far as they go.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

use crate::house::House;

/// How long a body may take to come: a megabyte over the slowest mobile network.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unread {
    /// It is longer than is taken.
    TooLarge,
    /// The connection ended amid it.
    Cut,
    /// It took too long.
    Late,
}

/// Reads a body of at most so many bytes.
pub(crate) async fn read(
    house: &House,
    body: impl Body<Data = Bytes> + Unpin,
    limit: usize,
) -> Result<Bytes, Unread> {
    let all = collect(body, limit);
    let in_time = house.world.clock.timeout(PATIENCE, all).await;
    in_time.unwrap_or(Err(Unread::Late))
}

/// A body that comes in one piece, as nearly all do, is not copied.
async fn collect(mut body: impl Body<Data = Bytes> + Unpin, limit: usize) -> Result<Bytes, Unread> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Cut)?.into_data() else {
            continue;
        };
        let length = first.len() + joined.len();
        if length.saturating_add(data.len()) > limit {
            return Err(Unread::TooLarge);
        }
        if length == 0 {
            first = data;
            continue;
        }
        joined.extend_from_slice(&std::mem::take(&mut first));
        joined.extend_from_slice(&data);
    }
    if joined.is_empty() {
        return Ok(first);
    }
    Ok(joined.freeze())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;

    #[tokio::test]
    async fn bodies_are_joined_up_to_their_limit() {
        #[rustfmt::skip]
        let rows: &[(&[&'static str], Result<&str, Unread>)] = &[
            (&[],                  Ok("")),
            (&["abcde"],           Ok("abcde")),
            (&["ab", "", "cde"],   Ok("abcde")),
            (&["", "ab", "c"],     Ok("abc")),
            (&["abc", "def"],      Err(Unread::TooLarge)),
            (&["abcdef"],          Err(Unread::TooLarge)),
        ];
        for (pieces, want) in rows {
            let body = Pieces(pieces.iter().copied().collect());
            let got = collect(body, 5).await;
            let want = want.map(|text| Bytes::from(text.to_owned()));
            assert_eq!(got, want, "{pieces:?}");
        }
    }

    /// A body that comes in these pieces.
    struct Pieces(VecDeque<&'static str>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let next = self.0.pop_front();
            Poll::Ready(next.map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
        }
    }
}
