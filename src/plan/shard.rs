//! One of several parts of a plan, for one of several machines. Every machine that is given the same suites, selection and
//! durations comes to the same parts.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::Plan;

/// The most parts that a plan is cut into.
pub const MAX_SHARDS: u32 = 10_000;

/// Which part of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Counted from 1.
    index: u32,
    count: u32,
}

/// A text names no shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a shard is I/N, from 1/N to N/N, with N at most {MAX_SHARDS}; or `auto`")]
pub struct NoShard;

impl Shard {
    /// The shard of this number, counted from 1, of as many.
    ///
    /// # Errors
    /// [`NoShard`].
    pub fn new(index: u32, count: u32) -> Result<Self, NoShard> {
        let is_one = (1..=count).contains(&index) && count <= MAX_SHARDS;
        if is_one { Ok(Self { index, count }) } else { Err(NoShard) }
    }

    /// Its number, counted from 1.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> u32 {
        self.count
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let (index, count) = text.split_once('/').ok_or(NoShard)?;
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits).ok_or(NoShard)
        };
        Self::new(number(index)?, number(count)?)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// The place of a part in the whole plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which part.
    pub shard: Shard,
    /// How many cases the whole plan has.
    pub cases: usize,
    /// [`Plan::digest`] of the whole plan.
    pub plan_digest: String,
    /// Where each of its cases stands in the whole plan, counted from 0.
    pub positions: Vec<usize>,
}

/// The cases of one shard, in the order of the plan. A case is never cut, and brings its own setup, controls and probes along.
///
/// `durations` says how many seconds cases took in a former run, by id: the longest goes to the shard with the least to do, and so
/// on. Cases that it does not know count as much as the mean of those that it does, so that without it each shard gets as many.
#[must_use]
pub fn shard(plan: Plan, shard: Shard, durations: &BTreeMap<String, f64>) -> (Plan, Part) {
    let plan_digest = plan.digest();
    let known = |id: &str| durations.get(id).copied().filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    let of_plan: Vec<Option<f64>> = plan.cases.iter().map(|planned| known(&planned.case.id)).collect();
    let all_known: Vec<f64> = of_plan.iter().flatten().copied().collect();
    let mean = if all_known.is_empty() { 1.0 } else { all_known.iter().sum::<f64>() / all_known.len() as f64 };
    let all = of_plan.len();
    let shares = shares(&of_plan.iter().map(|seconds| seconds.unwrap_or(mean)).collect::<Vec<_>>(), shard.count);
    let (mut cases, mut positions) = (Vec::new(), Vec::new());
    for (position, (planned, share)) in plan.cases.into_iter().zip(shares).enumerate() {
        if share + 1 == shard.index {
            cases.push(planned);
            positions.push(position);
        }
    }
    (Plan { cases }, Part { shard, cases: all, plan_digest, positions })
}

/// For each of these costs the shard that bears it, counted from 0: the largest first, each where there is the least so far (R. L.
/// Graham, "Bounds on Multiprocessing Timing Anomalies", 1969: the fullest has at most 4/3 of what it must).
fn shares(costs: &[f64], count: u32) -> Vec<u32> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|a, b| costs[*b].total_cmp(&costs[*a]).then(a.cmp(b)));
    let mut shares = vec![0; costs.len()];
    let mut loads = vec![0.0; count as usize];
    for position in order {
        let least = loads.iter().enumerate().min_by(|a, b| f64::total_cmp(a.1, b.1)).map_or(0, |(index, _)| index);
        loads[least] += costs[position];
        shares[position] = u32::try_from(least).unwrap_or_default();
    }
    shares
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::plan::{Selection, plan};
    use crate::rules::Catalogue;
    use crate::suite::{Suite, embedded, load};

    fn built_in() -> Vec<Arc<Suite>> {
        let rules = Catalogue::embedded().unwrap();
        embedded().iter().map(|source| Arc::new(load(source, &rules).unwrap())).collect()
    }

    #[rstest]
    #[case("1/1", Some((1, 1)))]
    #[case("3/5", Some((3, 5)))]
    #[case("0/5", None)]
    #[case("6/5", None)]
    #[case("1/0", None)]
    #[case("1/10001", None)]
    #[case("+1/5", None)]
    #[case("1", None)]
    #[case("1/2/3", None)]
    #[case("auto", None)]
    fn shards_are_read(#[case] text: &str, #[case] expected: Option<(u32, u32)>) {
        let read = text.parse::<Shard>().ok();
        assert_eq!(read.map(|shard| (shard.index(), shard.count())), expected);
        assert!(read.is_none_or(|shard| shard.to_string() == text));
    }

    #[test]
    fn all_shards_together_are_the_plan_and_each_is_about_as_long() {
        let whole = plan(&built_in(), &Selection::default());
        let id = |plan: &Plan, index: usize| plan.cases[index].case.id.clone();
        let durations: BTreeMap<String, f64> =
            (0..whole.cases.len()).filter(|n| n % 5 > 0).map(|n| (id(&whole, n), (n % 17) as f64 / 10.0)).collect();
        let mut seen = vec![0; whole.cases.len()];
        let mut loads = Vec::new();
        for index in 1..=7 {
            let (part, place) = shard(whole.clone(), Shard::new(index, 7).unwrap(), &durations);
            assert_eq!(part.cases.len(), place.positions.len());
            assert!(place.positions.is_sorted());
            for (own, position) in place.positions.iter().enumerate() {
                assert_eq!(id(&part, own), id(&whole, *position));
                seen[*position] += 1;
            }
            let known = place.positions.iter().filter_map(|position| durations.get(&id(&whole, *position)));
            loads.push(known.sum::<f64>());
        }
        assert!(seen.iter().all(|times| *times == 1));
        let (least, most) = (loads.iter().copied().fold(f64::MAX, f64::min), loads.iter().copied().fold(0.0, f64::max));
        // Those without a duration weigh, too, and are spread.
        assert!(most < least * 1.5, "{loads:?}");
    }

    #[test]
    fn without_durations_each_has_as_many() {
        let whole = plan(&built_in(), &Selection::default());
        let lengths: Vec<usize> = (1..=4)
            .map(|index| shard(whole.clone(), Shard::new(index, 4).unwrap(), &BTreeMap::new()).0.cases.len())
            .collect();
        assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1, "{lengths:?}");
    }

    proptest! {
        #[test]
        fn the_fullest_has_little_more_than_it_must(costs in prop::collection::vec(0.001..10.0f64, 1..60), count in 1..9u32) {
            let shares = shares(&costs, count);
            let load = |shard| costs.iter().zip(&shares).filter(|(_, share)| **share == shard).map(|(cost, _)| cost).sum::<f64>();
            let most = (0..count).map(load).fold(0.0, f64::max);
            let must = (costs.iter().sum::<f64>() / f64::from(count)).max(costs.iter().copied().fold(0.0, f64::max));
            prop_assert!(most <= must * 2.0, "{most} of {must}");
            prop_assert!(shares.iter().all(|share| *share < count));
        }
    }
}
