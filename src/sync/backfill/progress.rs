//! How far a run is. Stripe tells no totals, so progress is the share of time that has been read.

use super::plan::STRIPE_OPENED;
use crate::{
    domain::kind::Kind,
    store::sync_runs::{Range, Run, TypeProgress},
};

/// A run as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Objects stored by the run.
    pub fetched: i64,
    /// 0 to 100.
    pub percent: i64,
    /// Objects per second while it was running.
    pub per_second: f64,
    /// Seconds that are probably left; none before there is enough to judge by.
    pub seconds_left: Option<i64>,
}

impl Progress {
    /// Sums up a run at `now` (unix seconds).
    pub fn of(run: &Run, types: &[TypeProgress], ranges: &[Range], now: i64) -> Self {
        let shares: Vec<f64> = types.iter().map(|progress| share(run, progress, ranges)).collect();
        let share = if shares.is_empty() { 0.0 } else { shares.iter().sum::<f64>() / shares.len() as f64 };
        let fetched = types.iter().map(|progress| progress.fetched).sum();
        let seconds = run.active_until(now).max(1) as f64;
        let finished = run.state == "done";
        Self {
            fetched,
            percent: if finished { 100 } else { whole(share * 100.0).clamp(0, 99) },
            per_second: fetched as f64 / seconds,
            seconds_left: (!finished && share > 0.02).then(|| whole(seconds * (1.0 - share) / share)),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a share of time, far inside the range")]
fn whole(number: f64) -> i64 {
    number.round() as i64
}

/// The share of a type that has been read, 0 to 1.
pub fn share(run: &Run, progress: &TypeProgress, ranges: &[Range]) -> f64 {
    if !matches!(progress.result.as_str(), "waiting" | "running") {
        return 1.0;
    }
    let (mut total, mut read) = (0_i64, 0_i64);
    for range in ranges.iter().filter(|range| Kind::parse(&range.kind) == Kind::parse(&progress.kind)) {
        let newest = range.created_to.unwrap_or(run.started_at);
        let oldest = range.created_from.unwrap_or(STRIPE_OPENED).min(newest);
        let position = range.position.unwrap_or(newest).clamp(oldest, newest);
        total += newest - oldest;
        read += if range.finished { newest - oldest } else { newest - position };
    }
    if total == 0 { 0.0 } else { read as f64 / total as f64 }
}

#[cfg(test)]
mod tests {
    use super::Progress;
    use crate::{
        store::sync_runs::{Range, Run, TypeProgress},
        vault::new_id,
    };

    #[test]
    fn half_of_the_time_is_half_of_the_way() {
        let run = Run {
            id: new_id(),
            state: "running".into(),
            started_by: "system".into(),
            started_at: 2_000,
            finished_at: None,
            active_seconds: 0,
            resumed_at: Some(2_000),
        };
        let progress = TypeProgress {
            kind: "customer".into(),
            result: "running".into(),
            reason: None,
            fetched: 500,
            started_at: Some(2_000),
            finished_at: None,
        };
        let range = |range_no, created_from, created_to, position, finished| Range {
            kind: "customer".into(),
            range_no,
            created_from: Some(created_from),
            created_to: Some(created_to),
            cursor: None,
            position,
            finished,
        };
        let ranges = [range(0, 1_500, 2_000, None, true), range(1, 1_000, 1_500, None, false)];
        let sum = Progress::of(&run, &[progress], &ranges, 2_010);
        assert_eq!((sum.fetched, sum.percent, sum.seconds_left), (500, 50, Some(10)));
    }
}
