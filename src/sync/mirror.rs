//! Newest wins: decides which changes count, and writes them with everything that follows from them.
//!
//! Webhooks, refetches and backfill all end here. One writer per project at a time, so what was read stays true until the
//! commit; the guard in each upsert is the second wall.

use std::collections::{BTreeMap, HashMap};

use crate::{
    db::{Result, Tx},
    domain::{event::Outcome, ids::ProjectId, kind::Kind, objects::Object},
    store::{
        mirror::{self, Known, Write},
        refetches,
    },
};

/// Where a state comes from, and the unix second it is proven for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An event made in this second. Several may be made in one second, in any order of arrival.
    Event(i64),
    /// An answer of Stripe's API with this `Date`.
    Fetch(i64),
}

/// A change that wants into the mirror.
#[derive(Clone, Debug)]
pub enum Change {
    /// The object's state.
    State(Box<Object>, Source),
    /// The object is gone: a deletion event with what it last held, or an answer that says `deleted` or 404.
    Gone {
        /// What it last held, or nothing but its id.
        last: Box<Object>,
        /// Unix seconds.
        at: i64,
    },
    /// Only the wish to read an object again.
    ReadAgain(Kind, String),
}

impl Change {
    /// The change that an answer of Stripe's API means for an object.
    pub fn from_fetch(object: Object, as_of: i64) -> Self {
        if object.tombstone {
            Self::Gone { last: Box::new(object), at: as_of }
        } else {
            Self::State(Box::new(object), Source::Fetch(as_of))
        }
    }

    /// The object it is about; none for a wish to read again.
    pub fn object(&self) -> Option<&Object> {
        match self {
            Self::State(object, _) | Self::Gone { last: object, .. } => Some(object),
            Self::ReadAgain(..) => None,
        }
    }

    fn key(&self) -> Option<(Kind, &str)> {
        self.object().map(|object| (object.kind, object.id.as_str()))
    }
}

/// What is to become of one row.
struct Row<'a> {
    known: Option<Known>,
    version_at: i64,
    status: String,
    deleted: bool,
    write: Option<&'a Object>,
    buried_at: Option<i64>,
}

impl Row<'_> {
    fn new(known: Option<Known>) -> Self {
        match known {
            Some(known) => Self {
                version_at: known.version_at,
                status: known.status.clone(),
                deleted: known.deleted,
                write: None,
                buried_at: None,
                known: Some(known),
            },
            None => Self {
                known: None,
                version_at: i64::MIN,
                status: String::new(),
                deleted: false,
                write: None,
                buried_at: None,
            },
        }
    }

    fn exists(&self) -> bool {
        self.known.is_some() || self.write.is_some()
    }
}

/// Applies changes in order of arrival; answers what became of each. The caller commits.
pub async fn apply(tx: &mut Tx, project: &ProjectId, changes: &[Change], now: i64) -> Result<Vec<Outcome>> {
    mirror::lock(tx, project).await?;
    let mut rows = load(tx, project, changes).await?;
    let mut again: Vec<(Kind, String)> = Vec::new();
    let outcomes = changes.iter().map(|change| decide(change, &mut rows, &mut again)).collect();
    write(tx, project, &rows, now).await?;
    if !again.is_empty() {
        refetches::ask(tx, project, &again, now).await?;
        let tenant = tx.tenant().clone();
        crate::store::jobs::wake(tx, crate::domain::job::JobKind::Refetch, &tenant, project, now).await?;
    }
    Ok(outcomes)
}

type Rows<'a> = HashMap<(Kind, &'a str), Row<'a>>;

async fn load<'a>(tx: &mut Tx, project: &ProjectId, changes: &'a [Change]) -> Result<Rows<'a>> {
    let mut rows: Rows<'a> = HashMap::with_capacity(changes.len());
    let mut ids: BTreeMap<Kind, Vec<&'a str>> = BTreeMap::new();
    for (kind, id) in changes.iter().filter_map(Change::key) {
        if rows.insert((kind, id), Row::new(None)).is_none() {
            ids.entry(kind).or_default().push(id);
        }
    }
    for (kind, ids) in ids {
        let mut known: HashMap<String, Known> =
            mirror::known(tx, project, kind, &ids).await?.into_iter().map(|known| (known.id.clone(), known)).collect();
        for id in ids {
            if let Some(known) = known.remove(id) {
                rows.insert((kind, id), Row::new(Some(known)));
            }
        }
    }
    Ok(rows)
}

fn decide<'a>(change: &'a Change, rows: &mut Rows<'a>, again: &mut Vec<(Kind, String)>) -> Outcome {
    let row = change.key().and_then(|key| rows.get_mut(&key));
    match (change, row) {
        (Change::ReadAgain(kind, stripe_id), _) => {
            again.push((*kind, stripe_id.clone()));
            Outcome::ReadAgain
        }
        (Change::State(object, source), Some(row)) => decide_state(object, *source, row, again),
        (Change::Gone { last, at, .. }, Some(row)) => {
            if row.deleted {
                return Outcome::AlreadyDeleted;
            }
            row.deleted = true;
            row.version_at = row.version_at.max(*at);
            row.buried_at = Some(*at);
            // A bare tombstone must not wipe what the row still tells.
            if !last.tombstone || !row.exists() {
                row.write = Some(last);
            }
            Outcome::Deleted
        }
        (_, None) => Outcome::NoObject,
    }
}

fn decide_state<'a>(object: &'a Object, source: Source, row: &mut Row<'a>, again: &mut Vec<(Kind, String)>) -> Outcome {
    if row.deleted {
        return Outcome::AlreadyDeleted;
    }
    let ended = Object::is_terminal(object.kind, &row.status) && !Object::is_terminal(object.kind, &object.status);
    let outcome = match source {
        Source::Event(at) | Source::Fetch(at) if at < row.version_at => return Outcome::Older,
        Source::Event(_) if ended => {
            again.push((object.kind, object.stripe_id.clone()));
            return Outcome::AlreadyEnded;
        }
        Source::Event(at) if at == row.version_at && row.exists() => {
            again.push((object.kind, object.stripe_id.clone()));
            Outcome::SameSecond
        }
        Source::Event(at) => {
            row.version_at = at;
            Outcome::Applied
        }
        // An answer is put together before its Date is written, so it is proven for the second before. What an event of
        // this very second says is then neither lost nor final.
        Source::Fetch(at) => {
            row.version_at = row.version_at.max(at - 1);
            Outcome::Applied
        }
    };
    if !object.whole && matches!(source, Source::Event(_)) && outcome == Outcome::Applied {
        again.push((object.kind, object.stripe_id.clone()));
    }
    row.status.clone_from(&object.status);
    row.write = Some(object);
    outcome
}

async fn write(tx: &mut Tx, project: &ProjectId, rows: &Rows<'_>, now: i64) -> Result<()> {
    for kind in Kind::ALL {
        // One order for every writer, so that two of them never wait for each other.
        let mut of_kind: Vec<(&str, &Row<'_>)> =
            rows.iter().filter(|((of, _), _)| *of == kind).map(|((_, id), row)| (*id, row)).collect();
        of_kind.sort_unstable_by_key(|(id, _)| *id);
        if !of_kind.is_empty() {
            write_kind(tx, project, kind, &of_kind, now).await?;
        }
    }
    write_counts(tx, project, rows).await
}

async fn write_kind(tx: &mut Tx, project: &ProjectId, kind: Kind, rows: &[(&str, &Row<'_>)], now: i64) -> Result<()> {
    let writes: Vec<Write<'_>> = rows
        .iter()
        .filter_map(|(_, row)| {
            row.write.map(|object| Write {
                object,
                version_at: row.version_at,
                deleted_at: row.buried_at,
                synced_at: now,
            })
        })
        .collect();
    mirror::upsert(tx, project, kind, &writes).await?;
    for (id, row) in rows {
        if let (Some(at), None, Some(_)) = (row.buried_at, row.write, &row.known) {
            mirror::bury(tx, project, kind, &[id], at, now).await?;
        }
    }
    let changed = |row: &&Row<'_>| match (row.write, &row.known) {
        (Some(object), Some(known)) => object.digest() != known.digest,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let objects = || rows.iter().map(|(_, row)| *row).filter(changed).filter_map(|row| row.write);
    match kind {
        Kind::Customer | Kind::Product => {
            let words: Vec<_> = objects().map(|object| (kind, object.id.as_str(), object.search_words())).collect();
            mirror::set_words(tx, project, &words).await?;
        }
        Kind::Subscription => {
            let items: Vec<_> = objects()
                .filter_map(|object| match &object.columns {
                    crate::domain::objects::Columns::Subscription(s) => Some((object.id.as_str(), s.items.as_slice())),
                    _ => None,
                })
                .collect();
            if !items.is_empty() {
                mirror::replace_items(tx, project, &items).await?;
            }
        }
        Kind::Price | Kind::Invoice | Kind::Charge => {}
    }
    Ok(())
}

async fn write_counts(tx: &mut Tx, project: &ProjectId, rows: &Rows<'_>) -> Result<()> {
    let mut deltas: BTreeMap<(Kind, &str), i64> = BTreeMap::new();
    for ((kind, _), row) in rows {
        let stored = row.write.is_some() || (row.buried_at.is_some() && row.known.is_some());
        if !stored {
            continue;
        }
        if let Some(known) = &row.known {
            *deltas.entry((*kind, &known.status)).or_default() -= 1;
        }
        let status = if row.deleted { "deleted" } else { row.status.as_str() };
        *deltas.entry((*kind, status)).or_default() += 1;
    }
    let deltas: Vec<(&str, &str, i64)> =
        deltas.into_iter().filter(|(_, n)| *n != 0).map(|((kind, status), n)| (kind.as_str(), status, n)).collect();
    mirror::add_counts(tx, project, &deltas).await
}
