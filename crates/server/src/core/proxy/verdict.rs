//! The one final response to the caller, out of those of all branches (RFC 3261 section 16.7).

use sip::Response;

/// How a branch ended, a 2xx apart.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The device said so.
    Refused(Response),
    /// No response came; it counts as this status.
    Failed(u16),
}

/// What the caller is told.
#[derive(Debug)]
pub(super) enum Verdict {
    /// A response of a device, with the challenges in the other ones.
    Forward {
        best: Response,
        challenges: Vec<Response>,
    },
    /// A response of our own.
    Answer(u16),
    /// Nothing.
    Silence,
}

/// Chooses the best response (RFC 3261 section 16.7 step 6).
pub(super) fn choose(mut ends: Vec<End>, is_invite: bool) -> Verdict {
    if !is_invite {
        // RFC 4320 section 4.2: no 408 to anything but an INVITE: the caller's own timer tells it.
        ends.retain(|end| end.status() != 408);
    }
    let Some(at) = (0..ends.len()).min_by_key(|at| ends.get(*at).map(End::rank)) else {
        // RFC 3261 section 16.7 step 6: 408 when there is nothing to choose from.
        return if is_invite {
            Verdict::Answer(408)
        } else {
            Verdict::Silence
        };
    };
    match ends.swap_remove(at) {
        // Step 6: a 503 would say that nothing at all can be had here.
        End::Refused(response) if response.status() == 503 => Verdict::Answer(500),
        // RFC 5626 section 11.5: endpoints should never receive a 430.
        End::Refused(response) if response.status() == 430 => Verdict::Answer(480),
        End::Refused(best) if is_challenge(best.status()) => {
            let challenges = ends.into_iter().filter_map(End::challenge).collect();
            Verdict::Forward { best, challenges }
        }
        End::Refused(best) => Verdict::Forward {
            best,
            challenges: Vec::new(),
        },
        End::Failed(503) => Verdict::Answer(500),
        End::Failed(430) => Verdict::Answer(480),
        End::Failed(status) => Verdict::Answer(status),
    }
}

impl End {
    const fn status(&self) -> u16 {
        match self {
            Self::Refused(response) => response.status(),
            Self::Failed(status) => *status,
        }
    }

    /// The lower, the better.
    const fn rank(&self) -> (u16, u16) {
        let status = self.status();
        match status {
            // Step 6: a 6xx speaks for the user and not for a device.
            600.. => (0, 0),
            // Step 6: what tells the caller how to ask again.
            401 | 407 | 415 | 420 | 484 => (4, 0),
            // What nobody said is worth less than what somebody did.
            408 | 430 => (4, 3),
            480 | 487 => (4, 2),
            503 => (5, 2),
            _ => (status / 100, 1),
        }
    }

    fn challenge(self) -> Option<Response> {
        match self {
            Self::Refused(response) if is_challenge(response.status()) => Some(response),
            Self::Refused(_) | Self::Failed(_) => None,
        }
    }
}

const fn is_challenge(status: u16) -> bool {
    matches!(status, 401 | 407)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Message;

    /// A positive status is what a device said, a negative one what we say for it.
    fn end(status: i32) -> End {
        let code = u16::try_from(status.unsigned_abs()).unwrap();
        if status < 0 {
            return End::Failed(code);
        }
        match Message::parse(format!("SIP/2.0 {code} X\r\nCall-ID: c\r\n\r\n").into()) {
            Ok(Message::Response(response)) => End::Refused(response),
            other => panic!("{other:?}"),
        }
    }

    fn verdict(ends: &[i32], is_invite: bool) -> i32 {
        match choose(ends.iter().copied().map(end).collect(), is_invite) {
            Verdict::Forward { best, .. } => i32::from(best.status()),
            Verdict::Answer(status) => -i32::from(status),
            Verdict::Silence => 0,
        }
    }

    #[test]
    fn rfc_3261_16_7_step_6_the_best_response() {
        for (ends, want) in [
            (&[486][..], 486),
            (&[404, 603, 302], 603),
            (&[404, 302], 302),
            (&[500, 404], 404),
            // The RFC's own example.
            (&[503, 407, 501, 404], 407),
            (&[404, 415], 415),
            (&[486, 420], 420),
            (&[486, 484], 484),
            (&[486, 401], 401),
            // The first of equals.
            (&[486, 404], 486),
            (&[480, 486], 486),
            (&[487, 486], 486),
            (&[-408, 486], 486),
            (&[-408, 480], 480),
            (&[-408, 500], -408),
            (&[503], -500),
            (&[503, 500], 500),
            (&[-503], -500),
            (&[-503, 480], 480),
            (&[-430], -480),
            (&[430], -480),
            (&[-430, -408], -480),
            (&[-513], -513),
            (&[-487], -487),
            (&[], -408),
        ] {
            assert_eq!(verdict(ends, true), want, "{ends:?}");
        }
    }

    #[test]
    fn rfc_4320_4_2_no_408_to_a_request_other_than_invite() {
        for (ends, want) in [
            (&[-408][..], 0),
            (&[408], 0),
            (&[-408, 408], 0),
            (&[-408, 480], 480),
            (&[-408, 500], 500),
        ] {
            assert_eq!(verdict(ends, false), want, "{ends:?}");
        }
    }

    #[test]
    fn rfc_3261_16_7_step_7_all_challenges_are_collected() {
        let ends = [404, 407, 401, 407].map(end).to_vec();
        let Verdict::Forward { best, challenges } = choose(ends, true) else {
            panic!("a response")
        };
        assert_eq!(best.status(), 407);
        let mut others: Vec<_> = challenges.iter().map(|c| c.status()).collect();
        others.sort_unstable();
        assert_eq!(others, [401, 407]);
    }
}
