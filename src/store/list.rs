//! What every list of mirrored objects shares: filters, order and keyset pages. Only the conditions in force are in the
//! text, so that each combination runs on its index: `(created, id)`, alone or behind a status, a customer or a currency.

use crate::{
    db::{
        Query, Result, Row, Tx,
        page::{Cursor, Key, Page},
    },
    domain::ids::ProjectId,
};

/// A count stops here: counting on would cost more than anybody learns from it.
pub const COUNTED: i64 = 1_000;

/// Which objects a list shows. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Our ids of objects: the answer of a text search.
    pub ids: Option<Vec<String>>,
    /// A status as stored.
    pub status: Option<String>,
    /// A lower-case ISO code; subscriptions and invoices have one.
    pub currency: Option<String>,
    /// Our id of the customer; subscriptions and invoices have one.
    pub customer: Option<String>,
    /// Our id of the subscription; invoices may have one.
    pub subscription: Option<String>,
    /// Our id of a price among a subscription's items.
    pub price: Option<String>,
    /// Unix seconds, inclusive.
    pub created_from: Option<i64>,
    /// Unix seconds, exclusive.
    pub created_to: Option<i64>,
}

impl Filter {
    /// Whether nothing but the status narrows the list, so that the counts know its length.
    pub fn is_status_only(&self) -> bool {
        *self == Self { status: self.status.clone(), ..Self::default() }
    }

    fn push<'q>(&self, mut query: Query<'q>) -> Query<'q> {
        let columns = [
            (" AND status = ", &self.status),
            (" AND currency = ", &self.currency),
            (" AND customer_id = ", &self.customer),
            (" AND subscription_id = ", &self.subscription),
        ];
        for (condition, value) in columns {
            if let Some(value) = value {
                query = query.push(condition).push_bind(value.as_str());
            }
        }
        if let Some(price) = &self.price {
            query = query
                .push(" AND id IN (SELECT subscription_id FROM subscription_items WHERE tenant_id = $1 AND project_id = $2 AND price_id = ")
                .push_bind(price.as_str())
                .push(")");
        }
        if let Some(ids) = &self.ids {
            query = query.push(" AND id IN ").push_list(ids.iter().map(String::as_str));
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
    /// Whether the key grows along the list.
    pub const fn is_ascending(self) -> bool {
        matches!(self, Self::Oldest | Self::Email)
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
    /// The last row before the part.
    pub after: Option<Cursor>,
    /// Rows at most.
    pub limit: usize,
}

impl Slice {
    /// The first rows, newest first.
    pub fn newest(limit: usize) -> Self {
        Self { order: Order::Newest, after: None, limit }
    }
}

/// A row that can end a page.
pub trait Listed {
    /// Our id.
    fn id(&self) -> &str;
    /// Unix seconds.
    fn created(&self) -> i64;
    /// The address that `Order::Email` sorts by.
    fn email(&self) -> &str {
        ""
    }
}

/// One page of a table. `select` ends with the condition on tenant `$1` and project `$2`.
pub(super) async fn page<T: Row + Listed>(
    tx: &mut Tx,
    select: &'static str,
    project: &ProjectId,
    filter: &Filter,
    slice: &Slice,
) -> Result<Page<T>> {
    let mut query = filter.push(tx.query(select).bind(project));
    query = push_range(query, filter, slice);
    if let Some(Cursor(key, id)) = &slice.after {
        query = query.push(slice.order.after());
        query = match key {
            Key::Int(number) => query.push_bind(*number),
            Key::Text(text) => query.push_bind(text.as_str()),
        };
        query = query.push(", ").push_bind(id.as_str()).push(")");
    }
    let limit = i64::try_from(slice.limit).unwrap_or(i64::MAX - 1) + 1;
    let rows = query.push(slice.order.sql()).push_bind(limit).fetch_all().await?;
    Ok(Page::new(rows, slice.limit, |row: &T| match slice.order {
        Order::Newest | Order::Oldest => Cursor(Key::Int(row.created()), row.id().to_owned()),
        Order::Email | Order::EmailReversed => Cursor(Key::Text(row.email().to_owned()), row.id().to_owned()),
    }))
}

/// The bounds on `created`, without the one that the cursor already implies: one lower and one upper bound make one
/// range of the index.
fn push_range<'q>(mut query: Query<'q>, filter: &Filter, slice: &Slice) -> Query<'q> {
    let implied = |order| slice.after.is_some() && slice.order == order;
    if let Some(from) = filter.created_from.filter(|_| !implied(Order::Oldest)) {
        query = query.push(" AND created >= ").push_bind(from);
    }
    if let Some(to) = filter.created_to.filter(|_| !implied(Order::Newest)) {
        query = query.push(" AND created < ").push_bind(to);
    }
    query
}

/// How many rows a filter leaves, counted up to [`COUNTED`] and one more. `select` as in [`page`].
pub(super) async fn count(tx: &mut Tx, select: &'static str, project: &ProjectId, filter: &Filter) -> Result<i64> {
    let query = filter.push(tx.query("SELECT COUNT(*) FROM (").push(select).bind(project));
    let query = push_range(query, filter, &Slice::newest(0));
    query.push(" LIMIT ").push_bind(COUNTED + 1).push(") AS counted").fetch_value().await
}

/// How many objects have each status among those of a text search. `select` answers `status` for tenant `$1` and project `$2`.
pub(super) async fn statuses(
    tx: &mut Tx,
    select: &'static str,
    project: &ProjectId,
    filter: &Filter,
) -> Result<Vec<(String, i64)>> {
    let all = Filter { status: None, ..filter.clone() };
    let query = all.push(tx.query("SELECT status, COUNT(*) FROM (").push(select).bind(project));
    push_range(query, &all, &Slice::newest(0)).push(") AS found GROUP BY status").fetch_all().await
}
