//! Nicknames, as devices ask for them (RFC 7701 section 7).
//!
//! A nickname belongs to the person, as everything in the room that others see of them, and not to
//! the device which asks for it: whichever of a person's devices asks last is right. It is theirs
//! as long as they are in the room, and when they come back if nobody else has it by then. Every
//! room allows nicknames.

use msrp::{Flag, Head};
use room::{Event, LegId, Nick, Refusal};

use super::{RoomTask, SLOW};
use crate::switch::Said;

/// What a NICKNAME request is answered.
type Answer = (u16, &'static str);

const DONE: Answer = (200, "OK");
const MALFORMED: Answer = (424, "Malformed nickname");
const IN_USE: Answer = (425, "Nickname reserved or already in use");

impl RoomTask {
    /// Hears a NICKNAME request, in its turn among what is said.
    pub(super) fn asks_for_nickname(&mut self, said: &Said) {
        let Said { leg, piece } = said;
        // A body says nothing. The answer comes at its end.
        let (code, why) = match piece.end {
            None => return,
            Some(Flag::Complete) => self.call(*leg, &piece.head),
            // RFC 4975 7.1: only a SEND is sent in chunks.
            Some(Flag::More | Flag::Abort) => (400, "A NICKNAME request is not interrupted"),
        };
        let Some(voice) = self.voices.get(*leg) else {
            return;
        };
        // RFC 7701 7.1: such a request has no report headers, so there is none to obey.
        if !self.speech.respond(&piece.head, code, why, voice) {
            self.lose(*leg, SLOW);
        }
    }

    fn call(&mut self, leg: LegId, head: &Head) -> Answer {
        let nick = match wish(head) {
            Ok(nick) => nick,
            Err(answer) => return answer,
        };
        match self.happen(Event::Renamed { leg, nick }) {
            Ok(()) => DONE,
            // RFC 7701 7.1: somebody else has it. Nothing has changed (7.2).
            Err(Refusal::NickTaken) => IN_USE,
            Err(_) => (403, "The sender is not in the room"),
        }
    }
}

/// The nickname that is asked for; none to have none.
fn wish(head: &Head) -> Result<Option<Nick>, Answer> {
    // RFC 7701 7.1: absent, no quoted string, or too long.
    let wish = head.use_nickname().ok_or(MALFORMED)?;
    // RFC 7701 7.3
    if wish.is_empty() {
        return Ok(None);
    }
    let nick = Nick::new(&wish);
    // RFC 7700 section 2: control characters are none of a nickname's, and something is left when
    // white space is not. What turns the direction of writing would garble the line it stands in.
    if nick.is_blank() || wish.chars().any(|c| c.is_control() || turns(c)) {
        return Err(MALFORMED);
    }
    if is_reserved(&nick) {
        return Err(IN_USE);
    }
    Ok(Some(nick))
}

fn turns(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// RFC 7701 7.1: a reserved word is nobody's nickname. `anonymous` and a number is how somebody
/// hidden is seen.
fn is_reserved(nick: &Nick) -> bool {
    let number = nick.folded().strip_prefix("anonymous");
    number.is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
}
