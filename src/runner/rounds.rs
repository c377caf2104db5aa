//! Requests that are sent again until what they rest on has taken effect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::suite::model::Step;
use crate::verdict::StepsOutcome;

/// The pause before a step that [settles](Step::settles) is sent again.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// The rounds in which a step that [settles](Step::settles) is sent.
pub(super) struct Rounds {
    count: u32,
    since: Instant,
    pause: Duration,
}

impl Rounds {
    pub fn new(pause: Duration) -> Self {
        Self { count: 0, since: Instant::now(), pause }
    }

    /// Waits for the next round, where there is one: the step came out otherwise than expected, and less than `most` has passed.
    pub async fn again(&mut self, group: &[Arc<Step>], outcome: &StepsOutcome, most: Duration) -> bool {
        self.count += 1;
        let may_change = matches!(
            outcome,
            StepsOutcome::Broken(_)
                | StepsOutcome::Blocked(_)
                | StepsOutcome::NotSupported(_)
                | StepsOutcome::Unclear(_)
        );
        may_change && group.iter().all(|step| step.settles) && self.next(most).await
    }

    /// Waits for the next round, unless `most` has passed by then.
    pub async fn next(&self, most: Duration) -> bool {
        let is_next = self.since.elapsed() + self.pause <= most;
        if is_next {
            tokio::time::sleep(self.pause).await;
        }
        is_next
    }

    /// How often the step was sent, if more than once.
    pub fn remark(&self) -> Option<String> {
        let seconds = self.since.elapsed().as_secs_f32();
        (self.count > 1)
            .then(|| format!("sent {} times in {seconds:.1} s, until it took effect or the time was over", self.count))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::verdict::Finding;

    fn broken() -> StepsOutcome {
        let (step, rules, mismatches) = ("s".to_owned(), Vec::new(), Vec::new());
        StepsOutcome::Broken(Box::new(Finding { step, control: false, rules, level: None, mismatches }))
    }

    /// How often a step is sent whose response changes with the third request.
    async fn sent(settles: bool, most: Duration, pause: Duration) -> u32 {
        let step = serde_json::from_value(json!({"id": "s", "settles": settles, "request": {}}));
        let (group, mut rounds) = ([Arc::new(step.expect("it is a step"))], Rounds::new(pause));
        loop {
            let outcome = if rounds.count < 2 { broken() } else { StepsOutcome::Held };
            if !rounds.again(&group, &outcome, most).await {
                return rounds.count;
            }
        }
    }

    #[rstest]
    #[case::until_it_comes_out(true, Duration::from_secs(60), Duration::ZERO, 3)]
    #[case::once_where_there_is_no_time(true, Duration::ZERO, PAUSE, 1)]
    #[case::once(false, Duration::from_secs(60), Duration::ZERO, 1)]
    #[tokio::test]
    async fn what_settles_is_sent_again(
        #[case] settles: bool,
        #[case] most: Duration,
        #[case] pause: Duration,
        #[case] expected: u32,
    ) {
        assert_eq!(sent(settles, most, pause).await, expected);
    }
}
