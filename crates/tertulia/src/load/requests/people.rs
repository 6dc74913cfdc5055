//! Who acts on which lane.

use std::ops::Range;

/// Users, each with a lane. Where there are more lanes than users, some users have several.
pub(super) struct People<T> {
    by_lane: Vec<Vec<T>>,
}

impl<T> People<T> {
    /// Spreads `users` over `lanes`; `make` is told the lane and the user.
    pub(super) fn new<L>(
        lanes: &[L],
        users: Range<u32>,
        mut make: impl FnMut(&L, u32) -> T,
    ) -> Self {
        let mut by_lane: Vec<Vec<T>> = lanes.iter().map(|_| Vec::new()).collect();
        let turns = lanes.len().max(users.len());
        let places = 0..by_lane.len();
        for (user, place) in users.cycle().zip(places.cycle()).take(turns) {
            if let (Some(lane), Some(people)) = (lanes.get(place), by_lane.get_mut(place)) {
                people.push(make(lane, user));
            }
        }
        Self { by_lane }
    }

    /// Who carries out an operation on a lane: its people take turns.
    pub(super) fn of(&mut self, way: usize, index: u64) -> Option<&mut T> {
        let lanes = u64::try_from(self.by_lane.len()).ok()?;
        let people = self.by_lane.get_mut(way)?;
        let turn = index.checked_div(lanes)?;
        let turn = turn.checked_rem(u64::try_from(people.len()).ok()?)?;
        people.get_mut(usize::try_from(turn).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (lanes, users, who is on which lane)
    type Row = (&'static [char], Range<u32>, &'static [&'static [u32]]);

    #[test]
    fn everybody_has_a_lane_and_every_lane_somebody() {
        let rows: [Row; 4] = [
            (&['a', 'b'], 5..10, &[&[5, 7, 9], &[6, 8]]),
            (&['a', 'b', 'c'], 0..2, &[&[0], &[1], &[0]]),
            (&['a'], 0..0, &[&[]]),
            (&[], 0..3, &[]),
        ];
        for (lanes, users, want) in rows {
            let people = People::new(lanes, users, |_, user| user);
            assert_eq!(people.by_lane, want);
        }
        let mut people = People::new(&['a', 'b'], 5..10, |_, user| user);
        // In an open loop the lane is the number modulo the lanes.
        let turns = (0..6).map(|index| *people.of(index % 2, index as u64).unwrap());
        assert_eq!(turns.collect::<Vec<_>>(), [5, 6, 7, 8, 9, 6]);
        assert_eq!(people.of(2, 0), None);
    }
}
