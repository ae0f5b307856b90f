//! What every list of mirrored objects shares: filters, order and keyset pages. Only the conditions in force are in the
//! text, so that each combination runs on its index: `(created, id)`, alone or behind a status, a customer, a currency or a status in a currency.

use crate::{
    db::{
        Query, Result, Row, Tx,
        page::{Cursor, Key},
    },
    domain::{ids::ProjectId, kind::Kind},
};

/// A count stops here: counting on would cost more than anybody learns from it.
pub const COUNTED: i64 = 1_000;

/// Which objects a list shows. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Our ids of objects: the answer of a text search.
    pub ids: Option<Vec<String>>,
    /// Our ids of customers; subscriptions and invoices have one.
    pub customers: Option<Vec<String>>,
    /// A status as stored.
    pub status: Option<String>,
    /// A lower-case ISO code; subscriptions and invoices have one.
    pub currency: Option<String>,
    /// Our id of the subscription; invoices may have one. Only together with `customers`, whose index carries it.
    pub subscription: Option<String>,
    /// Our id of the product; prices have one.
    pub product: Option<String>,
    /// A price among a subscription's items.
    pub price: Option<OfPrice>,
    /// Unix seconds, inclusive.
    pub created_from: Option<i64>,
    /// Unix seconds, exclusive.
    pub created_to: Option<i64>,
}

/// Subscriptions with a price. What is quick depends on how many there are: a few are fetched and sorted; where there are
/// many, the list is walked and each row asked, because the next page of them is never far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfPrice {
    /// Our id of a price that few subscriptions have.
    Rare(String),
    /// Our id of a price that many subscriptions have.
    Common(String),
}

impl Filter {
    /// Whether nothing but the status narrows the list, so that the counts know its length.
    pub fn is_status_only(&self) -> bool {
        *self == Self { status: self.status.clone(), ..Self::default() }
    }

    /// Whether it names objects or customers one by one, such as those that a text search found: [`statuses`] counts them.
    pub fn is_of_few(&self) -> bool {
        self.ids.is_some() || self.customers.is_some()
    }

    /// Whether one index holds exactly what is asked for, so that counting costs no more than what is counted.
    fn is_countable(&self) -> bool {
        self.price.is_none() || (self.status.is_none() && self.currency.is_none())
    }

    /// Whether it leaves nothing, whatever there is: a text search that found nobody.
    fn is_void(&self) -> bool {
        [&self.ids, &self.customers].into_iter().flatten().any(Vec::is_empty)
    }

    fn push<'q>(&self, mut query: Query<'q>) -> Query<'q> {
        let columns = [
            (" AND status = ", &self.status),
            (" AND currency = ", &self.currency),
            (" AND subscription_id = ", &self.subscription),
            (" AND product_id = ", &self.product),
        ];
        for (condition, value) in columns {
            if let Some(value) = value {
                query = query.push(condition).push_bind(value.as_str());
            }
        }
        query = match &self.price {
            None => query,
            Some(OfPrice::Rare(price)) => query
                .push(" AND id IN (SELECT subscription_id FROM subscription_items WHERE tenant_id = $1 AND project_id = $2 AND price_id = ")
                .push_bind(price.as_str())
                .push(")"),
            Some(OfPrice::Common(price)) => query
                .push(" AND EXISTS (SELECT 1 FROM subscription_items i WHERE i.tenant_id = $1 AND i.project_id = $2 AND i.subscription_id = subscriptions.id AND i.price_id = ")
                .push_bind(price.as_str())
                .push(")"),
        };
        for (condition, values) in [(" AND id", &self.ids), (" AND customer_id", &self.customers)] {
            if let Some(values) = values {
                query = query.push(condition).push_in(values.iter().map(String::as_str));
            }
        }
        query
    }

    /// The bounds on `created`, without one that the cursor already implies: one lower and one upper bound make one range
    /// of the index.
    fn push_range<'q>(&self, mut query: Query<'q>, cursor: Option<Order>) -> Query<'q> {
        if let Some(from) = self.created_from.filter(|_| cursor != Some(Order::Oldest)) {
            query = query.push(" AND created >= ").push_bind(from);
        }
        if let Some(to) = self.created_to.filter(|_| cursor != Some(Order::Newest)) {
            query = query.push(" AND created < ").push_bind(to);
        }
        query
    }
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// By e-mail address, from A; customers alone.
    Email,
    /// By e-mail address, from Z; customers alone.
    EmailReversed,
}

impl Order {
    /// The same list from its other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Newest => Self::Oldest,
            Self::Oldest => Self::Newest,
            Self::Email => Self::EmailReversed,
            Self::EmailReversed => Self::Email,
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::Newest => " ORDER BY created DESC, id DESC LIMIT ",
            Self::Oldest => " ORDER BY created, id LIMIT ",
            Self::Email => " ORDER BY email, id LIMIT ",
            Self::EmailReversed => " ORDER BY email DESC, id DESC LIMIT ",
        }
    }

    const fn after(self) -> &'static str {
        match self {
            Self::Newest => " AND (created, id) < (",
            Self::Oldest => " AND (created, id) > (",
            Self::Email => " AND (email, id) > (",
            Self::EmailReversed => " AND (email, id) < (",
        }
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Which way the list runs.
    pub order: Order,
    /// Rows at most.
    pub limit: usize,
    /// Where the part begins or ends; none: at the first row.
    pub edge: Option<Edge>,
}

/// A row beside the wanted part.
#[derive(Clone, Debug)]
pub enum Edge {
    /// The part follows this row.
    After(Cursor),
    /// The part ends just before this row.
    Before(Cursor),
}

impl Slice {
    /// The first rows, newest first.
    pub fn newest(limit: usize) -> Self {
        Self { order: Order::Newest, limit, edge: None }
    }
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Part<T> {
    /// The rows, in order.
    pub rows: Vec<T>,
    /// The first row, when there are rows before it.
    pub previous: Option<Cursor>,
    /// The last row, when there are rows after it.
    pub next: Option<Cursor>,
}

/// A row that can end a part.
pub trait Listed {
    /// Our id.
    fn id(&self) -> &str;
    /// Unix seconds.
    fn created(&self) -> i64;
    /// The address that `Order::Email` sorts by.
    fn email(&self) -> &str {
        Default::default()
    }
}

/// One part of a table. `select` ends with the condition on tenant `$1` and project `$2`.
pub(super) async fn part<T: Row + Listed>(
    tx: &mut Tx,
    select: &'static str,
    project: &ProjectId,
    filter: &Filter,
    slice: &Slice,
) -> Result<Part<T>> {
    if filter.is_void() {
        return Ok(Part { rows: Vec::new(), previous: None, next: None });
    }
    let (order, edge) = match &slice.edge {
        None => (slice.order, None),
        Some(Edge::After(cursor)) => (slice.order, Some(cursor)),
        Some(Edge::Before(cursor)) => (slice.order.reversed(), Some(cursor)),
    };
    let mut query = filter.push(tx.query(select).bind(project));
    query = filter.push_range(query, edge.map(|_| order));
    if let Some(Cursor(key, id)) = edge {
        query = query.push(order.after());
        query = match key {
            Key::Int(number) => query.push_bind(*number),
            Key::Text(text) => query.push_bind(text.as_str()),
        };
        query = query.push(", ").push_bind(id.as_str()).push(")");
    }
    let one_more = i64::try_from(slice.limit + 1).unwrap_or(i64::MAX);
    let mut rows: Vec<T> = query.push(order.sql()).push_bind(one_more).fetch_all().await?;
    let more = rows.len() > slice.limit;
    rows.truncate(slice.limit);
    let backwards = order != slice.order;
    if backwards {
        rows.reverse();
    }
    let cursor = |row: &T| match order {
        Order::Newest | Order::Oldest => Cursor(Key::Int(row.created()), row.id().to_owned()),
        Order::Email | Order::EmailReversed => Cursor(Key::Text(row.email().to_owned()), row.id().to_owned()),
    };
    Ok(Part {
        previous: rows.first().filter(|_| if backwards { more } else { edge.is_some() }).map(cursor),
        next: rows.last().filter(|_| backwards || more).map(cursor),
        rows,
    })
}

/// How many objects a filter leaves, counted up to [`COUNTED`] and one more; none where counting would mean walking. What names objects or
/// customers one by one is counted by [`statuses`].
pub async fn count(tx: &mut Tx, kind: Kind, project: &ProjectId, filter: &Filter) -> Result<Option<i64>> {
    if !filter.is_countable() {
        return Ok(None);
    }
    if matches!(filter.price, Some(OfPrice::Common(_))) {
        let in_all = filter.created_from.is_none() && filter.created_to.is_none();
        return Ok(in_all.then_some(COUNTED + 1));
    }
    let select = format!(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM {} WHERE tenant_id = $1 AND project_id = $2",
        kind.plural()
    );
    let query = filter.push_range(filter.push(tx.query(select).bind(project)), None);
    query.push(" LIMIT ").push_bind(COUNTED + 1).push(") AS counted").fetch_value().await.map(Some)
}

/// How many objects have each status among those of a text search.
pub async fn statuses(tx: &mut Tx, kind: Kind, project: &ProjectId, filter: &Filter) -> Result<Vec<(String, i64)>> {
    if filter.is_void() {
        return Ok(Vec::new());
    }
    let all = Filter { status: None, ..filter.clone() };
    let select = format!("SELECT status, COUNT(*) FROM {} WHERE tenant_id = $1 AND project_id = $2", kind.plural());
    all.push_range(all.push(tx.query(select).bind(project)), None).push(" GROUP BY status").fetch_all().await
}

/// Whether the mirror has an object, by our id.
pub async fn exists(tx: &mut Tx, kind: Kind, project: &ProjectId, id: &str) -> Result<bool> {
    Ok(place(tx, kind, project, id).await?.is_some())
}

/// Where an object stands in a list by time, by our id.
pub async fn place(tx: &mut Tx, kind: Kind, project: &ProjectId, id: &str) -> Result<Option<Cursor>> {
    let select = format!("SELECT created FROM {} WHERE tenant_id = $1 AND project_id = $2 AND id = $3", kind.plural());
    let found: Option<i64> = tx.query(select).bind(project).bind(id).fetch_optional_value().await?;
    Ok(found.map(|created| Cursor(Key::Int(created), id.to_owned())))
}

/// The customer of a subscription, both by our ids.
pub async fn customer_of(tx: &mut Tx, project: &ProjectId, subscription: &str) -> Result<Option<String>> {
    tx.query("SELECT customer_id FROM subscriptions WHERE tenant_id = $1 AND project_id = $2 AND id = $3")
        .bind(project)
        .bind(subscription)
        .fetch_optional_value()
        .await
}
