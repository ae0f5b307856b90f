//! The list of events, newest first, at any number of events: rare states are read from the small table `inbox`, the events
//! of a subject from their index, and what has no index is looked for among a bounded number of events per page.

use crate::{
    db::{
        Query, Result, Tx,
        page::{Cursor, Key},
    },
    domain::{event::EventStatus, ids::ProjectId},
};

/// Events that one page looks at when no index answers the filter.
pub const LOOKED_AT: i64 = 5_000;

/// An event in the list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// Stripe's `evt_…`.
    pub id: String,
    /// Unix microseconds.
    pub arrival: i64,
    /// Such as `customer.updated`; may be empty.
    #[sqlx(rename = "type")]
    pub event_type: String,
    /// Stripe's object name; may be empty.
    pub object_kind: String,
    /// Stripe's id; may be empty.
    pub object_id: String,
    /// Our id of the customer concerned, else of the object; may be empty.
    pub subject_id: String,
    /// See [`EventStatus`].
    pub status: String,
    /// Tries since it was received or put back.
    pub attempts: i64,
    /// Whether billfold fetched it from Stripe's list, because no delivery had brought it.
    pub fetched: bool,
}

/// Which events. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Where they stand.
    pub status: Option<EventStatus>,
    /// The type, whole.
    pub event_type: Option<String>,
    /// Our id of the customer or object whose timeline shows them.
    pub subject: Option<String>,
    /// Stripe's id of the object.
    pub object: Option<String>,
}

impl Filter {
    /// The state of the inbox that holds these events. Finished events are not in it.
    fn inbox_state(&self) -> Option<EventStatus> {
        self.status.filter(|status| !matches!(status, EventStatus::Done | EventStatus::Ignored))
    }

    /// How many events a page looks at; none when an index leads to exactly those that fit, or nearly so.
    fn bound(&self) -> Option<i64> {
        let unindexed = self.event_type.is_some() || self.object.is_some();
        let indexed = self.subject.is_some() || (self.inbox_state().is_some() && !unindexed);
        ((unindexed || self.status.is_some()) && !indexed).then_some(LOOKED_AT)
    }

    /// Adds what must hold of the events `alias`, after `word` and joined by AND.
    fn push<'q>(&self, mut query: Query<'q>, alias: &str, mut word: &str) -> Query<'q> {
        let conditions = [
            (".status = ", self.status.map(EventStatus::as_str)),
            (".type = ", self.event_type.as_deref()),
            (".subject_id = ", self.subject.as_deref()),
            (".object_id = ", self.object.as_deref()),
        ];
        for (condition, value) in conditions {
            if let Some(value) = value {
                query = query.push(word).push(alias).push(condition).push_bind(value);
                word = " AND ";
            }
        }
        query
    }
}

/// A page of events.
#[derive(Clone, Debug)]
pub struct Found {
    /// Newest first.
    pub rows: Vec<Listed>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
    /// The page ended because it had looked at enough events, not because it was full.
    pub cut: bool,
}

/// A page of up to `limit` events after `after`.
pub async fn page(
    tx: &mut Tx,
    project: &ProjectId,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Found> {
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
    let source = Source::of(filter);
    let query = tx
        .query("SELECT id, arrival, type, object_kind, object_id, subject_id, status, attempts, fetched FROM (SELECT ");
    let query = source.push(query.push(COLUMNS).bind(project), filter);
    let query = match filter.bound() {
        // A subquery with a limit keeps its order on both engines, and the outer limit ends the walk early.
        Some(bound) => {
            let looked_at = source.order(query, after).push(" LIMIT ").push_bind(bound).push(") AS e");
            filter.push(looked_at, "e", " WHERE ")
        }
        None => source.order(filter.push(query, "w", " AND "), after).push(" LIMIT ").push_bind(wanted).push(") AS e"),
    };
    let mut rows: Vec<Listed> = query.push(" LIMIT ").push_bind(wanted).fetch_all().await?;
    rows.sort_unstable_by(|a, b| (b.arrival, &b.id).cmp(&(a.arrival, &a.id)));
    if rows.len() > limit {
        rows.truncate(limit);
        let next = rows.last().map(|last| Cursor(Key::Int(last.arrival), last.id.clone()));
        return Ok(Found { rows, next, cut: false });
    }
    let next = match filter.bound() {
        Some(bound) => last_looked_at(tx, project, filter, after, bound).await?,
        None => None,
    };
    Ok(Found { rows, cut: next.is_some(), next })
}

const COLUMNS: &str =
    "w.id, w.arrival, w.type, w.object_kind, w.object_id, w.subject_id, w.status, w.attempts, w.fetched";

/// The event after which the next page goes on, when there may be more than a page looks at.
async fn last_looked_at(
    tx: &mut Tx,
    project: &ProjectId,
    filter: &Filter,
    after: Option<&Cursor>,
    bound: i64,
) -> Result<Option<Cursor>> {
    let source = Source::of(filter);
    let query = source.push(tx.query("SELECT w.arrival, w.id").bind(project), filter);
    let last: Option<(i64, String)> =
        source.order(query, after).push(" LIMIT 1 OFFSET ").push_bind(bound - 1).fetch_optional().await?;
    Ok(last.map(|(arrival, id)| Cursor(Key::Int(arrival), id)))
}

/// Where events are read from, in the order of an index.
#[derive(Clone, Copy)]
enum Source {
    /// Not finished: rows come and go, so there are few.
    Inbox(EventStatus),
    /// Everything that ever arrived.
    Events,
}

impl Source {
    fn of(filter: &Filter) -> Self {
        match filter.inbox_state() {
            Some(state) if filter.subject.is_none() => Self::Inbox(state),
            _ => Self::Events,
        }
    }

    fn push<'q>(self, query: Query<'q>, filter: &Filter) -> Query<'q> {
        match self {
            Self::Inbox(state) => query
                .push(" FROM inbox i JOIN webhook_events w ON w.tenant_id = i.tenant_id AND w.project_id = i.project_id AND w.id = i.event_id WHERE i.tenant_id = $1 AND i.project_id = $2 AND i.state = ")
                .push_bind(state.as_str()),
            Self::Events => {
                let query = query.push(" FROM webhook_events w WHERE w.tenant_id = $1 AND w.project_id = $2");
                match &filter.subject {
                    Some(subject) => query.push(" AND w.subject_id = ").push_bind(subject.as_str()),
                    None => query,
                }
            }
        }
    }

    /// Newest first, from behind `after`.
    fn order<'q>(self, mut query: Query<'q>, after: Option<&Cursor>) -> Query<'q> {
        let (key, order) = match self {
            Self::Inbox(_) => (" AND (i.arrival, i.event_id) < (", " ORDER BY i.arrival DESC, i.event_id DESC"),
            Self::Events => (" AND (w.arrival, w.id) < (", " ORDER BY w.arrival DESC, w.id DESC"),
        };
        if let Some(Cursor(Key::Int(arrival), id)) = after {
            query = query.push(key).push_bind(*arrival).push(", ").push_bind(id.as_str()).push(")");
        }
        query.push(order)
    }
}

/// Where an event stands in the list.
pub async fn place(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<Cursor>> {
    let arrival: Option<i64> = tx
        .query("SELECT arrival FROM webhook_events WHERE tenant_id = $1 AND project_id = $2 AND id = $3")
        .bind(project)
        .bind(id)
        .fetch_optional_value()
        .await?;
    Ok(arrival.map(|arrival| Cursor(Key::Int(arrival), id.to_owned())))
}

/// How many events that fit arrived after `since` (unix microseconds), counted up to `most`.
pub async fn count_since(tx: &mut Tx, project: &ProjectId, filter: &Filter, since: i64, most: i64) -> Result<i64> {
    let query = tx
        .query(
            "SELECT COUNT(*) FROM (SELECT status, type, subject_id, object_id FROM webhook_events
             WHERE tenant_id = $1 AND project_id = $2 AND arrival > $3 ORDER BY arrival LIMIT $4) AS e",
        )
        .bind(project)
        .bind(since)
        .bind(most);
    filter.push(query, "e", " WHERE ").fetch_value().await
}

/// When the newest event arrived, unix microseconds.
pub async fn newest_arrival(tx: &mut Tx, project: &ProjectId) -> Result<Option<i64>> {
    tx.query("SELECT MAX(arrival) FROM webhook_events WHERE tenant_id = $1 AND project_id = $2")
        .bind(project)
        .fetch_value()
        .await
}
