//! MSRP (RFC 4975) and CPIM (RFC 3862), pure: no socket, no clock, no thread.
//!
//! - [`Reader`] cuts a stream of bytes into [`Piece`]s of frames, each with its [`Head`] and as
//!   much of the body as is there. It never assembles a chunk.
//! - [`Chunk`] is a SEND encoded once for any number of receivers; [`PathLines`] are what differs.
//!   [`respond`], [`write_report`] and [`write_nickname`] write the rest.
//! - [`Pending`] remembers which requests wait for their response, and for how long.
//! - [`cpim`] reads, rewrites and writes what is inside.
//! - [`session`] joins all this to an endpoint's side of a session: messages in, messages out.
//!
//! A switch uses the parts; a client uses the session. AUTH and relays (RFC 4976) are left out, but
//! paths of several hops are carried as they should.
//!
//! ```
//! use bytes::{Bytes, BytesMut};
//! use msrp::{Chunk, FailureReport, Flag, PathLines, Reader, SendHead, respond};
//!
//! let head = SendHead {
//!     message_id: "8f14e45f",
//!     offset: 0,
//!     total: Some(5),
//!     success_report: false,
//!     failure_report: FailureReport::Yes,
//!     extra: &[],
//!     content_type: Some("text/plain"),
//! };
//! // The number makes the transaction id; a real caller draws it at random.
//! let chunk = Chunk::new(&head, b"", Bytes::from_static(b"Hello"), Flag::Complete, 42);
//! let bob = PathLines::new("msrp://bob.example:8888/9di4e;tcp", "msrp://sw.example:2855/s;tcp");
//! let mut frame: Vec<Bytes> = Vec::new();
//! chunk.write_to(&bob, &mut frame);
//!
//! let mut received = BytesMut::from(&frame.concat()[..]);
//! let piece = Reader::new().next(&mut received)?.unwrap();
//! assert_eq!(piece.data, "Hello");
//! assert_eq!(piece.end, Some(Flag::Complete));
//!
//! let mut answer = BytesMut::new();
//! respond(&piece.head, 200, "OK", &mut answer);
//! assert!(answer.starts_with(b"MSRP "));
//! # Ok::<(), msrp::FrameError>(())
//! ```

#![forbid(unsafe_code)]

mod chunk;
pub mod cpim;
mod field;
mod head;
mod index;
mod pending;
mod reader;
pub mod session;
mod tid;
mod uri;
mod write;

pub use chunk::{CHUNK_MAX, Chunk, SendHead};
pub use field::{ByteRange, FailureReport, Flag, Method, RangeError, Status};
pub use head::{Head, Kind, NICKNAME_MAX};
pub use index::FrameError;
pub use pending::{PENDING_MAX, Pending, RESPONSE_TIMEOUT, TooManyPending};
pub use reader::{BODY_MAX, HEAD_MAX, HEADERS_MAX, PIECE_MAX, Piece, Reader};
pub use tid::Tid;
pub use uri::{PATH_URIS_MAX, Path, Uri, UriError, session_uri};
pub use write::{PathLines, Report, respond, write_nickname, write_report};
