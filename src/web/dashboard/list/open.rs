//! From the parameters of the address to what the store is asked. An id leads straight to its object.

use super::params::Params;
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::store::list::{self, Filter, Slice};
use crate::store::{counts, customers, invoices, search, subscriptions};
use crate::web::access::Viewer;
use crate::web::dashboard::jump;
use crate::web::error::Result;

/// Matches of a text search at most; more tell the reader to add a word.
pub const MATCHES: i64 = 200;
/// Customers at most whose subscriptions or invoices a text search shows.
const MATCHING_CUSTOMERS: i64 = 100;

/// What an address opens.
#[derive(Debug)]
pub enum Opened {
    /// The search was an id: the address of the object.
    Object(String),
    /// A list.
    List(Box<List>),
}

/// A list, ready to be asked for.
#[derive(Clone, Debug)]
pub struct List {
    /// What it lists.
    pub kind: Kind,
    /// As they came, cleaned.
    pub params: Params,
    /// For the store.
    pub filter: Filter,
    /// For the store.
    pub slice: Slice,
    /// The search found more than it shows.
    pub cut: bool,
}

/// Reads the address of a list of `kind`.
pub async fn open(tx: &mut Tx, viewer: &Viewer, kind: Kind, params: Params) -> Result<Opened> {
    let project = &viewer.project.id;
    let params = params.cleaned();
    if let Some(path) = jump::find(tx, project, &params.q, Some(kind)).await? {
        return Ok(Opened::Object(viewer.shell(crate::web::shell::Nav::None).url(&path)));
    }
    let mut filter = params.filter(kind, project);
    if kind == Kind::Subscription && !params.price.is_empty() {
        let price = Kind::Price.resolve_id(project, &params.price);
        filter.price = Some(subscriptions::with_price(tx, project, price).await?);
    }
    let cut = search(tx, project, kind, &params.q, &mut filter).await?;
    let by_email = kind == Kind::Customer && (filter.ids.is_some() || filter == Filter::default());
    let slice = params.slice(by_email);
    Ok(Opened::List(Box::new(List { kind, params, filter, slice, cut })))
}

/// Narrows the filter to what the words find. Answers whether there is more than that.
async fn search(tx: &mut Tx, project: &ProjectId, kind: Kind, q: &str, filter: &mut Filter) -> Result<bool> {
    if q.is_empty() {
        return Ok(false);
    }
    let full = |ids: &Vec<String>, most: i64| i64::try_from(ids.len()).is_ok_and(|found| found >= most);
    if kind == Kind::Invoice {
        let ids = invoices::with_number_prefix(tx, project, &q.to_uppercase(), MATCHES).await?;
        if !ids.is_empty() {
            let cut = full(&ids, MATCHES);
            filter.ids = Some(ids);
            return Ok(cut);
        }
    }
    let most = if matches!(kind, Kind::Subscription | Kind::Invoice) { MATCHING_CUSTOMERS } else { MATCHES };
    let searched = if kind == Kind::Product { Kind::Product } else { Kind::Customer };
    let mut ids = matches(tx, project, searched, q, most).await?;
    let cut = full(&ids, most);
    if let Some(chosen) = &filter.customers {
        ids.retain(|id| chosen.contains(id));
    }
    if matches!(kind, Kind::Subscription | Kind::Invoice) {
        filter.customers = Some(ids);
    } else {
        filter.ids = Some(ids);
    }
    Ok(cut)
}

/// The ids of the customers or products that contain every word; a query too short for that finds e-mail addresses that
/// begin with it.
pub async fn matches(tx: &mut Tx, project: &ProjectId, kind: Kind, q: &str, most: i64) -> Result<Vec<String>> {
    let words = search::words(q);
    Ok(match kind {
        _ if !words.is_empty() => search::ids(tx, project, kind, &words, most).await?,
        Kind::Customer if !q.is_empty() => customers::with_email_prefix(tx, project, q, most).await?,
        _ => Vec::new(),
    })
}

impl List {
    /// How many objects each status has, and how many the list has in all, where that is cheap to know. Without
    /// statuses it is counted up to [`list::COUNTED`] and one more.
    pub async fn count(&self, tx: &mut Tx, project: &ProjectId) -> Result<(Vec<(String, i64)>, Option<i64>)> {
        let statuses = if self.filter.is_status_only() {
            counts::by_status(tx, project, self.kind).await?
        } else if self.filter.is_of_few() {
            list::statuses(tx, self.kind, project, &self.filter).await?
        } else {
            return Ok((Vec::new(), list::count(tx, self.kind, project, &self.filter).await?));
        };
        let wanted = |status: &str| self.filter.status.as_deref().is_none_or(|wanted| wanted == status);
        let total = statuses.iter().filter(|(status, _)| wanted(status)).map(|(_, n)| n).sum();
        Ok((statuses, Some(total)))
    }
}
