//! Notes what keys do, without making a request wait: notes are collected in memory and written once a second. A count is
//! never lost while the process lives; lines of the log are cut when there are more than a second can be written of.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{Method, StatusCode};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::table::Operation;
use crate::{
    app::{App, KnownKey},
    db,
    domain::{
        api_key::ApiScope,
        ids::{KeyId, ProjectId, TenantId},
        time::{DAY_SECONDS, month_start},
    },
    store::{
        api_keys,
        api_requests::{self, Request},
        idempotency, projects, standings, tenants,
    },
};

/// Between two writes.
const PAUSE: Duration = Duration::from_secs(1);
/// Writes between two removals of what is old.
const WRITES_PER_PRUNING: u32 = 3_600;
/// Lines kept for one write.
const MOST_LINES: usize = 20_000;
/// Days for which a line is kept.
const KEPT_DAYS: i64 = 30;
/// Seconds between two notes of a key's last use.
const TOUCH: i64 = 60;
/// Seconds.
const HOUR: i64 = 3_600;

/// A request that was answered.
pub(super) struct Done {
    pub(super) key: Arc<KnownKey>,
    pub(super) operation: &'static Operation,
    pub(super) address: IpAddr,
    pub(super) request_id: String,
    pub(super) method: Method,
    pub(super) status: StatusCode,
    pub(super) took: Duration,
}

/// The way into the log. The task that writes ends when it is dropped, after everything is written.
pub(super) struct Log {
    app: App,
    notes: Arc<Mutex<Notes>>,
    _ends: DropGuard,
}

/// What waits to be written.
#[derive(Default)]
struct Notes {
    keys: HashMap<KeyId, Note>,
    lines: Vec<(Arc<KnownKey>, Request)>,
    cut: u64,
}

/// What one key did.
struct Note {
    key: Arc<KnownKey>,
    last: (i64, IpAddr),
    hours: HashMap<i64, i64>,
    scopes: HashMap<ApiScope, i64>,
}

impl Log {
    /// Starts the task that writes.
    pub(super) fn start(app: &App) -> Self {
        let (notes, ended) = (Arc::<Mutex<Notes>>::default(), CancellationToken::new());
        app.background.spawn(write_on(app.clone(), notes.clone(), ended.clone()));
        Self { app: app.clone(), notes, _ends: ended.drop_guard() }
    }

    /// Notes a request.
    pub(super) fn note(&self, done: Done) {
        let micros = self.app.clock.micros();
        let now = micros.div_euclid(1_000_000);
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let note = notes.keys.entry(done.key.id.clone()).or_insert_with(|| Note::new(&done.key));
        note.last = (now, done.address);
        *note.hours.entry(now - now.rem_euclid(HOUR)).or_default() += 1;
        if done.status != StatusCode::FORBIDDEN {
            note.scopes.insert(done.operation.scope, now);
        }
        if notes.lines.len() >= MOST_LINES {
            notes.cut += 1;
            return;
        }
        let line = Request {
            at: micros,
            request_id: done.request_id,
            method: done.method.to_string(),
            path: done.operation.path.to_owned(),
            status: i64::from(done.status.as_u16()),
            micros: i64::try_from(done.took.as_micros()).unwrap_or(i64::MAX),
        };
        notes.lines.push((done.key, line));
    }
}

impl Note {
    fn new(key: &Arc<KnownKey>) -> Self {
        let last = (0, IpAddr::from([0, 0, 0, 0]));
        Self { key: key.clone(), last, hours: HashMap::new(), scopes: HashMap::new() }
    }
}

async fn write_on(app: App, notes: Arc<Mutex<Notes>>, ended: CancellationToken) {
    let mut until_pruning = 0;
    loop {
        let last = tokio::select! {
            () = tokio::time::sleep(PAUSE) => false,
            () = ended.cancelled() => true,
        };
        let taken = std::mem::take(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(error) = write(&app, taken).await {
            tracing::warn!(%error, "what API keys did could not be noted");
        }
        if last {
            return;
        }
        if until_pruning == 0 {
            if let Err(error) = prune(&app).await {
                tracing::warn!(%error, "old lines of the request log could not be removed");
            }
            until_pruning = WRITES_PER_PRUNING;
        }
        until_pruning -= 1;
    }
}

type Place<'a> = (&'a TenantId, &'a ProjectId);

async fn write(app: &App, notes: Notes) -> db::Result<()> {
    if notes.cut > 0 {
        metrics::counter!("billfold_api_log_lines_cut_total").increment(notes.cut);
    }
    let mut places: HashMap<Place<'_>, Vec<(&KeyId, &Request)>> = HashMap::new();
    for note in notes.keys.values() {
        places.entry((&note.key.tenant, &note.key.project)).or_default();
    }
    for (key, line) in &notes.lines {
        places.entry((&key.tenant, &key.project)).or_default().push((&key.id, line));
    }
    for ((tenant, project), lines) in places {
        let mut tx = app.db.write(tenant).await?;
        api_requests::insert(&mut tx, project, &lines).await?;
        let mut months: HashMap<i64, i64> = HashMap::new();
        for note in notes.keys.values().filter(|note| note.key.project == *project) {
            let key = &note.key.id;
            for (hour, n) in &note.hours {
                api_requests::count(&mut tx, project, key, *hour, *n).await?;
                *months.entry(month_start(*hour)).or_default() += n;
            }
            for (scope, at) in &note.scopes {
                api_requests::scope_used(&mut tx, project, key, *scope, *at).await?;
            }
            let (at, address) = note.last;
            api_keys::touch(&mut tx, key, at, &address.to_string(), at - TOUCH).await?;
        }
        for (month, calls) in months {
            standings::count_calls(&mut tx, month, calls).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Removes what is kept no longer, project by project.
async fn prune(app: &App) -> db::Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.system_read().await?;
    let tenants = tenants::all(&mut tx).await?;
    drop(tx);
    for tenant in tenants {
        let mut tx = app.db.read(&tenant).await?;
        let projects = projects::list(&mut tx).await?;
        drop(tx);
        for project in projects {
            let mut tx = app.db.write(&tenant).await?;
            api_requests::prune(&mut tx, &project.id, now - KEPT_DAYS * DAY_SECONDS).await?;
            idempotency::prune(&mut tx, &project.id, now).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
