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
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.distance;
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_apart_and_a_pause_saves_none_up() {
        let pace = Pace::of(NonZeroU32::new(10).unwrap());
        let began = Instant::now();
        for _ in 0..11 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed().as_millis() / 10, 100);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let began = Instant::now();
        futures_util::future::join_all((0..11).map(|_| pace.turn())).await;
        assert_eq!(began.elapsed().as_millis() / 10, 100);
    }
}
