//! How a person reads points in time: in which zone, written in which order. The zones are compiled in.

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// In which order a date is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// `14 Nov 2026, 22:13:20`
    #[default]
    British,
    /// `Nov 14, 2026, 10:13:20 PM`
    American,
    /// `2026-11-14 22:13:20`
    Iso,
}

impl Style {
    /// Every style.
    pub const ALL: [Self; 3] = [Self::British, Self::American, Self::Iso];

    /// As stored: the locale that writes like this.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::British => "en-GB",
            Self::American => "en-US",
            Self::Iso => "en-SE",
        }
    }

    /// In words, with an example.
    pub const fn label(self) -> &'static str {
        match self {
            Self::British => "English (UK): 14 Nov 2026, 22:13",
            Self::American => "English (US): Nov 14, 2026, 10:13 PM",
            Self::Iso => "International: 2026-11-14 22:13",
        }
    }

    /// From its stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.as_str() == text)
    }
}

/// How a person reads points in time.
#[derive(Clone, Debug)]
pub struct Reading {
    zone: TimeZone,
    style: Style,
}

impl Default for Reading {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, style: Style::default() }
    }
}

impl Reading {
    /// From the stored names; what is unknown is read as UTC and British.
    pub fn new(zone: &str, locale: &str) -> Self {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        Self { zone, style: Style::parse(locale).unwrap_or_default() }
    }

    /// Date and time with the zone. `at` in unix seconds.
    pub fn absolute(&self, at: i64) -> String {
        self.write(
            at,
            match self.style {
                Style::British => "%-d %b %Y, %H:%M:%S %Z",
                Style::American => "%b %-d, %Y, %-I:%M:%S %p %Z",
                Style::Iso => "%Y-%m-%d %H:%M:%S %Z",
            },
        )
    }

    /// The day.
    pub fn day(&self, at: i64) -> String {
        self.write(
            at,
            match self.style {
                Style::British => "%-d %b %Y",
                Style::American => "%b %-d, %Y",
                Style::Iso => "%Y-%m-%d",
            },
        )
    }

    fn write(&self, at: i64, format: &str) -> String {
        let moment = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
        Zoned::new(moment, self.zone.clone()).strftime(format).to_string()
    }
}

/// Whether there is such a zone, by the name that the list has for it.
pub fn is_zone(name: &str) -> bool {
    zones().iter().any(|zone| zone == name)
}

/// The names of the zones that people live in, by continent and city, UTC first.
pub fn zones() -> Vec<String> {
    let named = |zone: &String| {
        let continent = zone.split('/').next().unwrap_or_default();
        ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"]
            .contains(&continent)
    };
    let mut zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).filter(named).collect();
    zones.sort();
    zones.insert(0, "UTC".to_owned());
    zones
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn a_moment_reads_differently_in_other_places() {
        assert_eq!(Reading::default().absolute(NOW), crate::domain::time::absolute(NOW));
        assert_eq!(Reading::default().day(NOW), crate::domain::time::day(NOW));
        assert_eq!(Reading::new("Europe/Berlin", "en-GB").absolute(NOW), "14 Nov 2023, 23:13:20 CET");
        assert_eq!(Reading::new("Asia/Tokyo", "en-US").absolute(NOW), "Nov 15, 2023, 7:13:20 AM JST");
        assert_eq!(Reading::new("America/New_York", "en-SE").absolute(NOW), "2023-11-14 17:13:20 EST");
        assert_eq!(Reading::new("Mars/Olympus", "tlh").absolute(NOW), Reading::default().absolute(NOW));
    }

    #[test]
    fn no_moment_is_too_strange_to_read() {
        for at in [i64::MIN, -1, 0, i64::MAX] {
            assert!(!Reading::new("Europe/Berlin", "en-US").absolute(at).is_empty());
        }
    }

    #[test]
    fn zones_are_named_once_and_known() {
        let zones = zones();
        assert!(zones.len() > 300 && zones[0] == "UTC");
        assert!(is_zone("Europe/Berlin") && !is_zone("Europe/Atlantis") && !is_zone("../etc/passwd"));
    }
}
