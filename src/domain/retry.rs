//! When to try again.

/// Seconds before each further try of a failed event: 12 tries over about three days, then it is dead.
const EVENT_DELAYS: [i64; 11] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400, 86_400];

/// How often an event is tried before it is given up.
pub const EVENT_TRIES: usize = EVENT_DELAYS.len() + 1;

/// Seconds until the next try after `attempts` failed ones; `None` when the event is given up and becomes a dead letter.
pub fn event_delay(attempts: i64) -> Option<i64> {
    usize::try_from(attempts - 1).ok().and_then(|failed| EVENT_DELAYS.get(failed).copied())
}

/// Seconds until a job or a refetch that met an outage runs again: 2, 4, 8 … at most five minutes.
pub fn outage_delay(attempts: i64) -> i64 {
    2_i64 << attempts.clamp(0, 7)
}

#[cfg(test)]
mod tests {
    use super::{EVENT_TRIES, event_delay, outage_delay};

    #[test]
    fn twelve_tries_over_three_days() {
        let delays: Vec<i64> = (1..).map_while(event_delay).collect();
        assert_eq!((delays.len() + 1, EVENT_TRIES), (12, 12));
        let total: i64 = delays.iter().sum();
        assert!((2 * 86_400..4 * 86_400).contains(&total), "{total}");
        assert_eq!((outage_delay(0), outage_delay(3), outage_delay(100)), (2, 16, 256));
    }
}
