//! How fresh the mirror is, type by type: what pages and programs are told.

use std::collections::{BTreeMap, HashMap};

use crate::{
    db::{Result, Tx},
    domain::{
        ids::{ProjectId, RunId},
        kind::Kind,
        time::DAY_SECONDS,
    },
    store::{
        counts,
        reconciliations::{self, Run, TypeResult},
        webhook_events,
    },
};

/// Comparisons that are looked back at.
const RUNS: i64 = 100;
/// So far back differences are summed up. Seconds.
const MONTH: i64 = 30 * DAY_SECONDS;

/// How fresh a project's mirror is.
#[derive(Clone, Debug)]
pub struct Freshness {
    /// In the order in which people see the types.
    pub types: Vec<OfType>,
    /// The comparisons of the last thirty days, newest first.
    pub runs: Vec<Compared>,
}

/// How fresh one type is. What differed and was mended is summed up over the last thirty days.
#[derive(Clone, Debug)]
pub struct OfType {
    /// Which.
    pub kind: Kind,
    /// Objects that are here, deleted ones left out.
    pub here: i64,
    /// Unix seconds: an event was last applied, as far back as was looked.
    pub event_at: Option<i64>,
    /// Unix seconds: every object was last compared.
    pub full_at: Option<i64>,
    /// Unix seconds: a sample was last compared.
    pub sampled_at: Option<i64>,
    /// Objects that were read again in the last 24 hours.
    pub today: i64,
    /// Objects that were other than at Stripe.
    pub differed: i64,
    /// Objects that were at Stripe and not here.
    pub missing: i64,
    /// Objects that were here and no longer at Stripe.
    pub gone: i64,
    /// How many of all these were mended.
    pub repaired: i64,
    /// In which field how many objects differed.
    pub fields: BTreeMap<String, i64>,
    /// Why the last comparison could not read the type.
    pub trouble: Option<String>,
}

/// A comparison and what it came to.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The comparison.
    pub run: Run,
    /// Objects.
    pub compared: i64,
    /// Those that were not as Stripe has them.
    pub found: i64,
    /// How many of those are mended.
    pub repaired: i64,
    /// Types that could not be read.
    pub troubled: usize,
}

impl Freshness {
    /// Reads it. `now` in unix seconds.
    ///
    /// # Errors
    /// The database failed.
    pub async fn load(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<Self> {
        let runs = reconciliations::list(tx, project, RUNS).await?;
        let runs: Vec<Run> = runs.into_iter().filter(|run| run.started_at > now - MONTH).collect();
        let mut results: HashMap<RunId, Vec<TypeResult>> = HashMap::new();
        if !runs.is_empty() {
            for (run, result) in reconciliations::types(tx, project, runs.iter().map(|run| &run.id)).await? {
                results.entry(run).or_default().push(result);
            }
        }
        let counts = counts::all(tx, project).await?;
        let applied: HashMap<String, i64> = webhook_events::last_applied(tx, project).await?.into_iter().collect();
        let of_type = |kind: Kind| {
            let here = counts.iter().filter(|count| count.kind == kind.as_str() && count.status != "deleted");
            let mut of_type = OfType::new(kind, here.map(|count| count.n).sum());
            of_type.event_at = applied.get(kind.as_str()).copied();
            for run in &runs {
                let result = results.get(&run.id).and_then(|all| all.iter().find(|one| one.kind == kind.as_str()));
                if let Some(result) = result {
                    of_type.add(run, result, now);
                }
            }
            of_type
        };
        let types = Kind::ALL.map(of_type).into();
        let runs = runs.into_iter().map(|run| Compared::new(results.get(&run.id), run)).collect();
        Ok(Self { types, runs })
    }

    /// The comparison that is under way.
    pub fn running(&self) -> Option<&Compared> {
        self.runs.iter().find(|compared| compared.run.state == "running")
    }

    /// The last one that came to its end.
    pub fn last(&self) -> Option<&Compared> {
        self.runs.iter().find(|compared| compared.run.state == "done")
    }
}

impl OfType {
    fn new(kind: Kind, here: i64) -> Self {
        Self {
            kind,
            here,
            event_at: None,
            full_at: None,
            sampled_at: None,
            today: 0,
            differed: 0,
            missing: 0,
            gone: 0,
            repaired: 0,
            fields: BTreeMap::new(),
            trouble: None,
        }
    }

    /// Adds what a comparison found; the newest comes first.
    fn add(&mut self, run: &Run, result: &TypeResult, now: i64) {
        if run.started_at > now - DAY_SECONDS {
            self.today += result.compared;
        }
        self.differed += result.differed;
        self.missing += result.missing;
        self.gone += result.gone;
        self.repaired += result.repaired;
        for (field, n) in result.fields() {
            *self.fields.entry(field).or_default() += n;
        }
        self.event_at = self.event_at.max(result.event_at);
        let read_before = self.full_at.is_some() || self.sampled_at.is_some();
        if result.result == "ok" {
            let at = if run.is_full() { &mut self.full_at } else { &mut self.sampled_at };
            *at = at.or(result.finished_at);
        } else if !read_before && self.trouble.is_none() {
            self.trouble.clone_from(&result.reason);
        }
    }
}

impl Compared {
    fn new(results: Option<&Vec<TypeResult>>, run: Run) -> Self {
        let sum = |of: fn(&TypeResult) -> i64| results.into_iter().flatten().map(of).sum();
        let troubled = results.into_iter().flatten().filter(|one| matches!(one.result.as_str(), "refused" | "failed"));
        Self {
            compared: sum(|one| one.compared),
            found: sum(TypeResult::found),
            repaired: sum(|one| one.repaired),
            troubled: troubled.count(),
            run,
        }
    }
}
