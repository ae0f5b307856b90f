//! What the page shows, row by row.

use std::borrow::Borrow;

use crate::domain::job::{JobKind, NEVER};
use crate::domain::kind::Kind;
use crate::domain::money::grouped;
use crate::domain::{status, time};
use crate::store::connections::state;
use crate::store::counts::Count;
use crate::store::jobs::JobState;
use crate::store::sync_runs::Run;
use crate::stripe::permissions::{PERMISSIONS, Probe};
use crate::sync::backfill::progress::share;
use crate::sync::runs::Unfit;
use crate::web::dashboard::events::Health;
use crate::web::shell::Shell;

use super::polling::Polling;
use super::progress::{BackfillProgress, Import};

/// The part of the page that changes while work is under way.
pub(super) struct Live {
    /// Where it asks for itself again; empty when nothing is under way.
    pub(super) path: String,
    /// The connection's state.
    pub(super) state: String,
    pub(super) progress: Option<BackfillProgress>,
    pub(super) types: Vec<TypeRow>,
    pub(super) health: Health,
    /// Unix seconds: the newest event came, delivered or fetched.
    pub(super) last_event_at: Option<i64>,
    pub(super) polling: Polling,
    /// Objects that wait to be read again.
    pub(super) refetches: i64,
    /// Changes at Stripe that are under way.
    pub(super) writes_waiting: i64,
    pub(super) jobs: Vec<JobRow>,
    pub(super) history: Vec<HistoryRow>,
}

impl Live {
    /// Whether Stripe can be asked.
    pub(super) fn is_connected(&self) -> bool {
        self.state == state::CONNECTED
    }

    pub(super) fn is_importing(&self) -> bool {
        self.is_connected() && self.progress.as_ref().is_some_and(BackfillProgress::is_running)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.progress.as_ref().is_some_and(BackfillProgress::is_paused)
    }

    /// Whether a new import can be started.
    pub(super) fn may_start(&self) -> bool {
        let under_way = self.progress.as_ref().is_some_and(|progress| progress.is_running() || progress.is_paused());
        self.is_connected() && !under_way
    }

    /// Whether types of the last import can be tried again.
    pub(super) fn may_retry(&self) -> bool {
        let gaps = self.progress.as_ref().is_some_and(|progress| progress.troubled > 0 && !progress.is_running());
        self.is_connected() && gaps
    }

    /// Whether small work waits to be done.
    pub(super) fn is_busy(&self) -> bool {
        self.is_connected() && (self.refetches > 0 || self.polling.is_wished() || self.health.waiting() != "0")
    }

    pub(super) fn refetches(&self) -> String {
        grouped(self.refetches)
    }
}

/// An object type.
pub(super) struct TypeRow {
    pub(super) name: String,
    /// The list of these objects; empty when there is none.
    pub(super) href: String,
    /// How many the mirror holds, deleted ones left out.
    pub(super) here: String,
    /// How many of them are deleted; empty when none.
    pub(super) deleted: String,
    /// What the last import brought, see `TypeProgress`; empty before the first.
    pub(super) result: String,
    pub(super) reason: Option<String>,
    /// What to tick on Stripe's key page, when the key was refused.
    pub(super) permission: Option<String>,
    pub(super) fetched: String,
    /// 0 to 100.
    pub(super) percent: i64,
}

impl TypeRow {
    /// A row for every type.
    pub(super) fn all(shell: &Shell, import: Option<&Import>, counts: &[Count]) -> Vec<Self> {
        let row = |kind: Kind| {
            let progress =
                import.and_then(|import| import.types.iter().find(|progress| progress.kind == kind.as_str()));
            let of_kind = || counts.iter().filter(move |count| count.kind == kind.as_str());
            let deleted: i64 = of_kind().filter(|count| count.status == "deleted").map(|count| count.n).sum();
            let all: i64 = of_kind().map(|count| count.n).sum();
            let result = progress.map(|progress| progress.result.clone()).unwrap_or_default();
            Self {
                name: status::words(kind.plural()),
                href: page_of(kind).map(|page| shell.url(page)).unwrap_or_default(),
                here: grouped(all - deleted),
                deleted: if deleted > 0 { grouped(deleted) } else { String::new() },
                reason: progress.and_then(|progress| progress.reason.clone()),
                permission: (result == "refused").then(|| permission(kind)).flatten(),
                fetched: progress.map(|progress| grouped(progress.fetched)).unwrap_or_default(),
                percent: import
                    .zip(progress)
                    .map_or(0, |(import, progress)| percent(share(&import.run, progress, &import.ranges))),
                result,
            }
        };
        Kind::ALL.map(row).into()
    }

    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.result.as_str(), "waiting" | "running")
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a share, 0 to 1")]
fn percent(share: f64) -> i64 {
    (share * 100.0).round() as i64
}

/// Prices are listed with their products; charges have no list.
fn page_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Price => Some(Kind::Product.plural()),
        Kind::Charge => None,
        _ => Some(kind.plural()),
    }
}

fn permission(kind: Kind) -> Option<String> {
    let needed = PERMISSIONS.iter().find(|permission| permission.probe == Probe::List(kind))?;
    Some(format!("{}: {}", needed.resource, needed.access.as_str()))
}

/// A job of the project.
pub(super) struct JobRow {
    pub(super) kind: JobKind,
    pub(super) job: JobState,
}

impl JobRow {
    pub(super) fn label(&self) -> &'static str {
        self.kind.label()
    }

    /// What it does next.
    pub(super) fn next(&self, now: impl Borrow<i64>) -> String {
        let now = *now.borrow();
        match self.job.run_at {
            NEVER => "idle".to_owned(),
            at if at <= now => "runs now".to_owned(),
            at => format!("runs {}", time::relative(at, now)),
        }
    }
}

/// A run of the past, or the present one.
pub(super) struct HistoryRow {
    pub(super) state: String,
    /// Unix seconds.
    pub(super) started_at: i64,
    pub(super) started_by: String,
    pub(super) fetched: String,
    /// Types that were refused or failed.
    pub(super) troubled: i64,
    /// Time spent running.
    pub(super) took: String,
}

impl HistoryRow {
    pub(super) fn new(run: &Run, fetched: i64, troubled: i64, started_by: String, now: i64) -> Self {
        Self {
            state: run.state.clone(),
            started_at: run.started_at,
            started_by,
            fetched: grouped(fetched),
            troubled,
            took: time::span(run.active_until(now).max(1)),
        }
    }
}

/// What became of the last button, carried by the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    Started,
    Paused,
    Resumed,
    Retried,
    Fetching,
    Comparing,
    ComparisonStopped,
    Unfit(Unfit),
}

impl Notice {
    const ALL: [(Self, &'static str); 14] = [
        (Self::Started, "started"),
        (Self::Paused, "paused"),
        (Self::Resumed, "resumed"),
        (Self::Retried, "retried"),
        (Self::Fetching, "fetching"),
        (Self::Comparing, "comparing"),
        (Self::ComparisonStopped, "comparison-stopped"),
        (Self::Unfit(Unfit::Comparing), "comparing-already"),
        (Self::Unfit(Unfit::NotComparing), "not-comparing"),
        (Self::Unfit(Unfit::NotConnected), "not-connected"),
        (Self::Unfit(Unfit::KeyRejected), "key-rejected"),
        (Self::Unfit(Unfit::UnderWay), "under-way"),
        (Self::Unfit(Unfit::Changed), "changed"),
        (Self::Unfit(Unfit::NothingToRetry), "nothing-to-retry"),
    ];

    /// As it stands in the address.
    pub(super) fn code(self) -> &'static str {
        Self::ALL.into_iter().find(|(notice, _)| *notice == self).map_or("", |(_, code)| code)
    }

    pub(super) fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == code).map(|(notice, _)| notice)
    }

    pub(super) fn is_refusal(self) -> bool {
        matches!(self, Self::Unfit(_))
    }
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Started => f.write_str("The import has started. You can leave this page."),
            Self::Paused => f.write_str("The import is paused. What it has read so far is here."),
            Self::Resumed => f.write_str("The import goes on where it stopped."),
            Self::Retried => f.write_str("The object types with gaps are read again."),
            Self::Fetching => f.write_str("billfold asks Stripe for events that no delivery has brought."),
            Self::Comparing => f.write_str("Everything is compared with Stripe. You can leave this page."),
            Self::ComparisonStopped => f.write_str("The comparison is stopped. What it has mended stays."),
            Self::Unfit(unfit) => unfit.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Notice;

    #[test]
    fn every_notice_survives_the_address() {
        for (notice, code) in Notice::ALL {
            assert_eq!((notice.code(), Notice::parse(code)), (code, Some(notice)));
        }
        assert_eq!(Notice::parse("<script>"), None);
    }
}
