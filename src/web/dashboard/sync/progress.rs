//! How far an import is, for every page that shows it: include `templates/sync/_progress.html` with a variable `progress`.

use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::money::grouped;
use crate::domain::time;
use crate::store::sync_runs::{self, Range, Run, TypeProgress};
use crate::sync::backfill::progress::Progress;
use crate::web::error::Result;

/// The newest import of a project.
pub struct Import {
    /// The run.
    pub run: Run,
    /// Its object types.
    pub types: Vec<TypeProgress>,
    /// What they are cut into.
    pub ranges: Vec<Range>,
    /// How far it is.
    pub progress: BackfillProgress,
}

impl Import {
    /// Reads the newest import; None when there was none. `now` in unix seconds.
    pub async fn load(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<Option<Self>> {
        let Some(run) = sync_runs::list(tx, project, 1).await?.into_iter().next() else { return Ok(None) };
        let types = sync_runs::types(tx, project, &run.id).await?;
        let ranges = sync_runs::ranges(tx, project, &run.id).await?;
        let progress = BackfillProgress::of(&run, &types, &ranges, now);
        Ok(Some(Self { run, types, ranges, progress }))
    }
}

/// An import as people see it.
#[derive(Clone, Debug)]
pub struct BackfillProgress {
    /// `running`, `paused`, `done` or `stopped`.
    pub state: String,
    /// 0 to 100.
    pub percent: i64,
    /// Objects stored so far.
    pub fetched: String,
    /// Objects per second while it was running.
    pub rate: String,
    /// Such as `3 minutes`; empty while nobody can say, and when it is over.
    pub left: String,
    /// Object types that were refused or failed.
    pub troubled: usize,
}

impl BackfillProgress {
    fn of(run: &Run, types: &[TypeProgress], ranges: &[Range], now: i64) -> Self {
        let sum = Progress::of(run, types, ranges, now);
        let is_running = run.state == "running";
        let troubled = types.iter().filter(|one| matches!(one.result.as_str(), "refused" | "failed")).count();
        Self {
            percent: sum.percent,
            fetched: grouped(sum.fetched),
            rate: rate(sum.per_second),
            left: sum.seconds_left.filter(|_| is_running).map(|seconds| time::span(seconds.max(1))).unwrap_or_default(),
            troubled,
            state: run.state.clone(),
        }
    }

    /// Whether it goes on by itself.
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// Whether it waits for a person.
    pub fn is_paused(&self) -> bool {
        self.state == "paused"
    }

    /// Whether there is something to tell of it: it is not over, or not all of it came.
    pub fn is_news(&self) -> bool {
        self.state != "done" || self.troubled > 0
    }

    /// In a few words.
    pub fn headline(&self) -> &'static str {
        match self.state.as_str() {
            "running" => "Import is running",
            "paused" => "Import is paused",
            "done" if self.troubled > 0 => "Import finished, with gaps",
            "done" => "Import finished",
            _ => "Import stopped",
        }
    }
}

fn rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.1}") } else { grouped(whole(per_second)) }
}

#[expect(clippy::cast_possible_truncation, reason = "objects per second, far inside the range")]
fn whole(number: f64) -> i64 {
    number.round() as i64
}
