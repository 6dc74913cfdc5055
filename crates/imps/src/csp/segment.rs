//! Messages in pieces. CSP 1.3.

use crate::record::record;

record! {
    /// One piece of a message that is too large for the client.
    SegmentId {
        /// The transaction that is in pieces.
        transaction: ! String = TransactionId,
        /// Which piece.
        reference: ! u32 = SegmentReference,
    }
}

record! {
    /// Stands at a transaction that is in pieces.
    SegmentInfo {
        /// How many pieces there are.
        count: ? u32 = SegmentCount,
        /// Which this is.
        segment: ? SegmentId = SegmentId,
    }
}

record! {
    /// Fetches a piece.
    GetSegmentRequest {
        /// Which.
        segment: ! SegmentId = SegmentId,
    }
}

record! {
    /// A piece.
    GetSegmentResponse {
        /// What is in it.
        content: ~ String = SegmentContent,
    }
}

record! {
    /// Does without the rest of the pieces.
    DropSegmentRequest {
        /// From which on.
        segment: ! SegmentId = SegmentId,
    }
}
