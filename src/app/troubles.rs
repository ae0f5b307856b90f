//! What keeps this process from its work at this moment, so that every page can say so before anybody wonders.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Seconds between our clock and Stripe's from which on Stripe's deliveries are refused: that is how far apart a signature may be.
const APART: i64 = 300;

/// The troubles of the moment. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Troubles(Arc<State>);

#[derive(Debug, Default)]
struct State {
    unwritable: AtomicBool,
    clocks_apart: AtomicBool,
}

impl Troubles {
    /// Notes whether the database took what was to be written.
    pub fn note_write(&self, taken: bool) {
        // Nearly always as it was: a read costs nobody else anything.
        if self.0.unwritable.load(Ordering::Relaxed) == taken {
            self.0.unwritable.store(!taken, Ordering::Relaxed);
        }
    }

    /// Notes how many seconds Stripe's clock is ahead of ours.
    pub fn note_clock(&self, ahead: i64) {
        self.0.clocks_apart.store(ahead.abs() >= APART, Ordering::Relaxed);
    }

    /// Whether the database took nothing when something was written last.
    pub fn is_unwritable(&self) -> bool {
        self.0.unwritable.load(Ordering::Relaxed)
    }

    /// Whether deliveries are refused because one of both clocks is wrong.
    pub fn are_clocks_apart(&self) -> bool {
        self.0.clocks_apart.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Troubles;

    #[test]
    fn a_trouble_lasts_until_the_next_good_news() {
        let troubles = Troubles::default();
        assert!(!troubles.is_unwritable() && !troubles.are_clocks_apart());
        troubles.note_write(false);
        troubles.note_write(false);
        assert!(troubles.is_unwritable());
        troubles.note_write(true);
        assert!(!troubles.is_unwritable());
        for (ahead, apart) in [(299, false), (300, true), (-300, true), (-299, false)] {
            troubles.note_clock(ahead);
            assert_eq!(troubles.are_clocks_apart(), apart, "{ahead}");
        }
    }
}
