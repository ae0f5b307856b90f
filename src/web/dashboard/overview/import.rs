//! How far the import is, as a card of the overview.

use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::money::grouped;
use crate::domain::{status, time};
use crate::store::sync_runs::{self, TypeProgress};
use crate::sync::backfill::progress::Progress;
use crate::web::error::Result;

/// The latest run.
pub struct Import {
    /// `running`, `paused`, `done` or `stopped`.
    pub state: String,
    /// 0 to 100.
    pub percent: i64,
    /// Objects stored so far.
    pub fetched: String,
    /// Objects per second, and what is probably left.
    pub pace: String,
    /// Per type.
    pub kinds: Vec<KindProgress>,
}

/// One type of the run.
pub struct KindProgress {
    /// The plural, as a word.
    pub label: String,
    /// `waiting`, `running`, `ok`, `empty`, `refused` or `failed`.
    pub result: String,
    /// Why it was refused or failed.
    pub reason: Option<String>,
    /// Objects stored so far.
    pub fetched: String,
}

impl Import {
    /// Whether it will change by itself.
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// Whether it is neither running nor done without a complaint.
    pub fn needs_attention(&self) -> bool {
        self.state == "paused" || self.kinds.iter().any(|kind| matches!(kind.result.as_str(), "refused" | "failed"))
    }
}

/// The latest run of a project, seen at `now` (unix seconds).
pub async fn load(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<Option<Import>> {
    let Some(run) = sync_runs::list(tx, project, 1).await?.pop() else { return Ok(None) };
    let types = sync_runs::types(tx, project, &run.id).await?;
    let ranges = sync_runs::ranges(tx, project, &run.id).await?;
    let progress = Progress::of(&run, &types, &ranges, now);
    Ok(Some(Import {
        percent: progress.percent,
        fetched: grouped(progress.fetched),
        pace: pace(&progress),
        state: run.state,
        kinds: types.into_iter().map(kind).collect(),
    }))
}

fn pace(progress: &Progress) -> String {
    let rate = format!("{:.0} per second", progress.per_second);
    match progress.seconds_left {
        Some(left) => format!("{rate}, about {} left", time::span(left.max(1))),
        None => rate,
    }
}

fn kind(progress: TypeProgress) -> KindProgress {
    let plural = Kind::parse(&progress.kind).map_or("objects", Kind::plural);
    KindProgress {
        label: status::words(plural),
        fetched: grouped(progress.fetched),
        result: progress.result,
        reason: progress.reason,
    }
}
