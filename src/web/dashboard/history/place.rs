//! Where a step stands among all that told of an object, and how a page's address names that.

use crate::db::page::{Cursor, Key};

const MICROS: i64 = 1_000_000;

/// Steps are ordered by the second they tell of, then by when they came here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Unix seconds: what it told was so then.
    pub(super) at: i64,
    /// Unix microseconds. Of a kept state only the second is known: it counts as written at its end, after the event that it settles.
    came: i64,
    teller: Teller,
}

/// What told of it; also tells apart what came at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Teller {
    /// A kept state, by its number.
    Version(i64),
    /// An event, by Stripe's id.
    Event(String),
    /// The row alone.
    Row,
}

impl Place {
    /// Behind everything.
    pub(super) const END: Self = Self { at: i64::MAX, came: i64::MAX, teller: Teller::Row };

    /// Before everything that tells of this second or a later one.
    pub(super) const fn start_of(at: i64) -> Self {
        Self { at, came: i64::MIN, teller: Teller::Version(i64::MIN) }
    }

    pub(super) const fn of_event(created: i64, arrival: i64, id: String) -> Self {
        Self { at: created, came: arrival, teller: Teller::Event(id) }
    }

    pub(super) const fn of_version(version_at: i64, written_at: i64, no: i64) -> Self {
        let came = written_at.saturating_mul(MICROS).saturating_add(MICROS - 1);
        Self { at: version_at, came, teller: Teller::Version(no) }
    }

    /// Of what only the row tells: the last of its second.
    pub(super) const fn of_row(version_at: i64) -> Self {
        Self { at: version_at, came: i64::MAX, teller: Teller::Row }
    }

    /// The events before it are those with a lesser (created, arrival, id).
    pub(super) fn events(&self) -> (i64, i64, &str) {
        match &self.teller {
            Teller::Event(id) => (self.at, self.came, id),
            Teller::Version(_) | Teller::Row => (self.at, self.came, ""),
        }
    }

    /// The kept states before it are those with a lesser (`version_at`, `written_at`, no).
    pub(super) const fn versions(&self) -> (i64, i64, i64) {
        match self.teller {
            Teller::Version(no) => (self.at, self.came.div_euclid(MICROS), no),
            Teller::Event(_) | Teller::Row => {
                (self.at, self.came.saturating_sub(MICROS - 1).div_euclid(MICROS), i64::MAX)
            }
        }
    }

    /// As it stands in an address.
    pub(super) fn encode(&self) -> String {
        let teller = match &self.teller {
            Teller::Version(no) => format!("v{no}"),
            Teller::Event(id) => format!("e{id}"),
            Teller::Row => "r".to_owned(),
        };
        Cursor(Key::Int(self.at), format!("{}.{teller}", self.came)).encode()
    }

    /// Reads it back; `None` when it is not one of ours.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let Cursor(Key::Int(at), rest) = Cursor::decode(text)? else { return None };
        let (came, teller) = rest.split_once('.')?;
        let teller = match teller.split_at_checked(1)? {
            ("v", no) => Teller::Version(no.parse().ok()?),
            ("e", id) if !id.contains('\0') => Teller::Event(id.to_owned()),
            ("r", "") => Teller::Row,
            _ => return None,
        };
        Some(Self { at, came: came.parse().ok()?, teller })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MICROS, Place};

    /// Few seconds, so that many places are of the same one.
    fn places() -> impl Strategy<Value = Place> {
        let came = (0..2_i64, prop_oneof![Just(0), Just(MICROS - 1), 0..MICROS]);
        prop_oneof![
            (0..3_i64, came, "[ab]").prop_map(|(at, (second, micros), id)| Place::of_event(
                at,
                second * MICROS + micros,
                id
            )),
            (0..3_i64, 0..2_i64, 1..3_i64).prop_map(|(at, written_at, no)| Place::of_version(at, written_at, no)),
            (0..3_i64).prop_map(Place::of_row),
            (0..4_i64).prop_map(Place::start_of),
            Just(Place::END),
        ]
    }

    proptest! {
        #[test]
        fn what_stands_before_a_place_is_found_in_both_tables(
            place in places(), at in 0..3_i64, second in 0..2_i64, micros in 0..MICROS, edge in any::<bool>(), no in 1..3_i64, id in "[ab]",
        ) {
            let arrival = second * MICROS + if edge { MICROS - 1 } else { micros };
            let event = Place::of_event(at, arrival, id.clone());
            prop_assert_eq!(event < place, (at, arrival, id.as_str()) < place.events());
            let version = Place::of_version(at, second, no);
            prop_assert_eq!(version < place, (at, second, no) < place.versions());
        }

        #[test]
        fn a_place_survives_the_address(place in places()) {
            prop_assert_eq!(Place::decode(&place.encode()), Some(place));
        }

        #[test]
        fn garbage_is_no_place(text in ".*") {
            let _ = Place::decode(&text);
        }
    }
}
