//! Newest wins: decides which changes count, and writes them with everything that follows from them.
//!
//! Webhooks, refetches, backfill and the answers to billfold's own writes all end here. One writer per project at a time, so what was read stays true until the
//! commit; the guard in each upsert is the second wall.

mod read;
mod told;

use std::collections::{BTreeMap, HashMap};

use crate::{
    db::{Result, Tx},
    domain::{event::Outcome, ids::ProjectId, job::JobKind, kind::Kind, objects::Object, part::Part},
    store::{
        jobs,
        mirror::{self, Known, Write},
        refetches,
    },
};

pub use read::read_object;
pub use told::{Asked, apply_told};

/// Where a state comes from, and the unix second it is proven for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An event made in this second. Several may be made in one second, in any order of arrival.
    Event(i64),
    /// An answer of Stripe's API.
    Fetch {
        /// Everything that happened before this unix second is in it.
        as_of: i64,
        /// The row's `version_at` when the question was asked; none for a page, which is asked for without knowing its rows.
        seen: Option<i64>,
    },
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
    /// Only the wish to read the object again that this one is part of.
    ReadPart(Part, String),
}

impl Change {
    /// The change that an answer of Stripe's API means for an object; see [`Source::Fetch`].
    pub fn from_fetch(object: Object, as_of: i64, seen: Option<i64>) -> Self {
        if object.tombstone {
            Self::Gone { last: Box::new(object), at: as_of }
        } else {
            Self::State(Box::new(object), Source::Fetch { as_of, seen })
        }
    }

    /// The object it is about; none for a wish to read again.
    pub fn object(&self) -> Option<&Object> {
        match self {
            Self::State(object, _) | Self::Gone { last: object, .. } => Some(object),
            Self::ReadAgain(..) | Self::ReadPart(..) => None,
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

    /// Whether the object, once written, stands where its row stands in every index.
    fn indexes_stay(&self, object: &Object) -> bool {
        let status = if self.buried_at.is_some() { "deleted" } else { object.status.as_str() };
        self.known.as_ref().is_some_and(|known| known.status == status && known.indexed == object.indexed())
    }

    fn exists(&self) -> bool {
        self.known.is_some() || self.write.is_some()
    }
}

/// The `version_at` of the rows there are of these objects, by kind and our id.
pub async fn versions(
    tx: &mut Tx,
    project: &ProjectId,
    objects: impl IntoIterator<Item = (Kind, String)>,
) -> Result<HashMap<(Kind, String), i64>> {
    let mut ids: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
    for (kind, id) in objects {
        ids.entry(kind).or_default().push(id);
    }
    let mut versions = HashMap::new();
    for (kind, ids) in ids {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let known = mirror::known(tx, project, kind, &ids).await?;
        versions.extend(known.into_iter().map(|known| ((kind, known.id), known.version_at)));
    }
    Ok(versions)
}

/// Applies changes in order of arrival; answers what became of each. The caller commits.
pub async fn apply(tx: &mut Tx, project: &ProjectId, changes: &[Change], now: i64) -> Result<Vec<Outcome>> {
    mirror::lock(tx, project).await?;
    let rows = load(tx, project, changes).await?;
    settle(tx, project, changes, rows, now).await
}

/// The rest of [`apply`], with the rows as they are under the lock.
async fn settle<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    changes: &'a [Change],
    mut rows: Rows<'a>,
    now: i64,
) -> Result<Vec<Outcome>> {
    let mut again: Vec<Wish> = Vec::new();
    let outcomes = changes.iter().map(|change| decide(change, &mut rows, &mut again)).collect();
    write(tx, project, &rows, now).await?;
    if !again.is_empty() {
        refetches::ask(tx, project, &again, now).await?;
        let tenant = tx.tenant().clone();
        jobs::wake(tx, JobKind::Refetch, &tenant, project, now).await?;
    }
    Ok(outcomes)
}

/// Stripe's name and id of an object to be read again.
type Wish = (&'static str, String);
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

fn decide<'a>(change: &'a Change, rows: &mut Rows<'a>, again: &mut Vec<Wish>) -> Outcome {
    let row = change.key().and_then(|key| rows.get_mut(&key));
    match (change, row) {
        (Change::ReadAgain(kind, stripe_id), _) => {
            again.push((kind.as_str(), stripe_id.clone()));
            Outcome::ReadAgain
        }
        (Change::ReadPart(part, stripe_id), _) => {
            again.push((part.as_str(), stripe_id.clone()));
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

fn decide_state<'a>(object: &'a Object, source: Source, row: &mut Row<'a>, again: &mut Vec<Wish>) -> Outcome {
    if row.deleted {
        return Outcome::AlreadyDeleted;
    }
    let ended = Object::is_terminal(object.kind, &row.status) && !Object::is_terminal(object.kind, &object.status);
    let outcome = match source {
        Source::Event(at) if at < row.version_at => return Outcome::Older,
        Source::Event(_) if ended => {
            again.push((object.kind.as_str(), object.stripe_id.clone()));
            return Outcome::AlreadyEnded;
        }
        Source::Event(at) if at == row.version_at && row.exists() => {
            again.push((object.kind.as_str(), object.stripe_id.clone()));
            Outcome::SameSecond
        }
        Source::Event(at) => {
            row.version_at = at;
            Outcome::Applied
        }
        // Stripe's own copy lags behind what an event has told already.
        Source::Fetch { as_of, .. } if as_of + 1 < row.version_at => return Outcome::Older,
        // The row came from an event of the second in which the question was asked, or later, and nothing proves that the
        // answer was put together after it: only one that was asked for with the row in view is sure to hold it.
        Source::Fetch { as_of, seen } if row.exists() && row.version_at >= as_of && seen != Some(row.version_at) => {
            again.push((object.kind.as_str(), object.stripe_id.clone()));
            return Outcome::Older;
        }
        // Of the second `as_of` itself it may hold a part, so the second before is the one it is proven for.
        Source::Fetch { as_of, .. } => {
            row.version_at = row.version_at.max(as_of - 1);
            Outcome::Applied
        }
    };
    if !object.whole && matches!(source, Source::Event(_)) && outcome == Outcome::Applied {
        again.push((object.kind.as_str(), object.stripe_id.clone()));
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
    let written = rows.iter().filter_map(|(_, row)| {
        let object = row.write?;
        let write = Write { object, version_at: row.version_at, deleted_at: row.buried_at, synced_at: now };
        Some((write, row.indexes_stay(object)))
    });
    let (stay, change): (Vec<_>, Vec<_>) = written.partition(|(_, indexes_stay)| *indexes_stay);
    for (writes, indexes_stay) in [(stay, true), (change, false)] {
        let writes: Vec<Write<'_>> = writes.into_iter().map(|(write, _)| write).collect();
        mirror::upsert(tx, project, kind, &writes, indexes_stay).await?;
    }
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
        if !row.exists() {
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

#[cfg(test)]
mod tests {
    use super::{Change, Outcome, Row, Rows, Source, decide};
    use crate::{
        domain::{ids::ProjectId, kind::Kind, objects::Object},
        store::mirror::Known,
        vault::new_id,
    };

    fn state(project: &ProjectId, source: Source) -> Change {
        let object = Object::read(Kind::Customer, project, r#"{"id":"cus_1","created":1}"#).unwrap();
        Change::State(Box::new(object), source)
    }

    /// What becomes of a state when the row stands at a second, whether it is asked for again, and where the row stands then.
    fn decided(version_at: Option<i64>, source: Source) -> (Outcome, bool, i64) {
        let project = new_id();
        let change = state(&project, source);
        let key = change.key().unwrap();
        let known = version_at.map(|version_at| Known {
            id: key.1.to_owned(),
            version_at,
            status: "active".to_owned(),
            deleted: false,
            digest: String::new(),
            indexed: String::new(),
        });
        let (mut rows, mut again) = (Rows::from([(key, Row::new(known))]), Vec::new());
        let outcome = decide(&change, &mut rows, &mut again);
        (outcome, !again.is_empty(), rows[&key].version_at)
    }

    #[test]
    fn a_later_event_counts_and_an_earlier_one_does_not() {
        assert_eq!(decided(None, Source::Event(10)), (Outcome::Applied, false, 10));
        assert_eq!(decided(Some(9), Source::Event(10)), (Outcome::Applied, false, 10));
        assert_eq!(decided(Some(10), Source::Event(10)), (Outcome::SameSecond, true, 10));
        assert_eq!(decided(Some(11), Source::Event(10)), (Outcome::Older, false, 11));
    }

    #[test]
    fn a_page_does_not_replace_what_an_event_may_have_told_after_it() {
        let page = |as_of| Source::Fetch { as_of, seen: None };
        assert_eq!(decided(None, page(10)), (Outcome::Applied, false, 9));
        assert_eq!(decided(Some(9), page(10)), (Outcome::Applied, false, 9));
        assert_eq!(decided(Some(10), page(10)), (Outcome::Older, true, 10));
        assert_eq!(decided(Some(11), page(10)), (Outcome::Older, true, 11));
        assert_eq!(decided(Some(12), page(10)), (Outcome::Older, false, 12));
    }

    #[test]
    fn an_answer_counts_for_the_row_it_was_asked_for_and_for_no_later_one() {
        let answer = |as_of, seen| Source::Fetch { as_of, seen: Some(seen) };
        assert_eq!(decided(Some(10), answer(9, 10)), (Outcome::Applied, false, 10));
        assert_eq!(decided(Some(10), answer(10, 10)), (Outcome::Applied, false, 10));
        assert_eq!(decided(Some(10), answer(12, 10)), (Outcome::Applied, false, 11));
        assert_eq!(decided(Some(10), answer(8, 10)), (Outcome::Older, false, 10));
        assert_eq!(decided(Some(11), answer(11, 10)), (Outcome::Older, true, 11));
    }
}
