//! No more requests a second than the user allows (`--max-rps`).

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Gives each request its turn, at equal distances: there is no burst after a pause.
#[derive(Debug)]
pub(super) struct Pace {
    distance: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// So many a second.
    pub fn of(rate: NonZeroU32) -> Self {
        Self { distance: Duration::from_secs(1) / rate.get(), next: Mutex::new(Instant::now()) }
    }

    /// Until it is the caller's turn.
    pub async fn turn(&self) {
        tokio::time::sleep_until(self.turn_at(Instant::now())).await;
    }

    /// When it is the turn of who asks now.
    fn turn_at(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now);
        *next = turn + self.distance;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_apart_and_a_pause_saves_none_up() {
        let pace = Pace::of(NonZeroU32::new(10).unwrap());
        let now = Instant::now() + Duration::from_secs(1);
        let tenths = |from: Instant, turn: Instant| (turn - from).as_millis() / 100;
        let turns: Vec<_> = (0..4).map(|_| tenths(now, pace.turn_at(now))).collect();
        assert_eq!(turns, [0, 1, 2, 3]);
        let later = now + Duration::from_secs(60);
        let turns: Vec<_> = (0..3).map(|_| tenths(later, pace.turn_at(later))).collect();
        assert_eq!(turns, [0, 1, 2]);
    }
}
