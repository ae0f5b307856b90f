//! From an id, ours or Stripe's, to the page of its object.

use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::store::{charges, list, prices, timeline};
use crate::web::error::Result;

/// How Stripe's ids begin. Products may have any id that the tenant chose.
const PREFIXES: [(&str, Kind); 7] = [
    ("cus_", Kind::Customer),
    ("sub_", Kind::Subscription),
    ("in_", Kind::Invoice),
    ("prod_", Kind::Product),
    ("price_", Kind::Price),
    ("ch_", Kind::Charge),
    ("py_", Kind::Charge),
];

/// The path (below the project) of the page of the object with this id, when the mirror has it. `kind` is what the search
/// was made among, for ids whose beginning says nothing.
pub async fn find(tx: &mut Tx, project: &ProjectId, id: &str, kind: Option<Kind>) -> Result<Option<String>> {
    if !is_id(id) {
        return Ok(None);
    }
    if id.starts_with("evt_") {
        return Ok(timeline::is_known(tx, project, id).await?.then(|| format!("events/{id}")));
    }
    let by_prefix = PREFIXES.iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, kind)| *kind);
    let ours = Kind::ALL.into_iter().find(|kind| id.strip_prefix(kind.prefix()).is_some_and(|rest| rest.len() == 24));
    for kind in [ours, by_prefix, kind, Some(Kind::Product)].into_iter().flatten() {
        if let Some(path) = page_of(tx, project, kind, &kind.resolve_id(project, id)).await? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Whether a text can be an id at all.
pub fn is_id(text: &str) -> bool {
    (3..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// Prices are shown with their product, charges with their invoice or customer.
async fn page_of(tx: &mut Tx, project: &ProjectId, kind: Kind, id: &str) -> Result<Option<String>> {
    Ok(match kind {
        Kind::Price => prices::product_of(tx, project, id).await?.map(|product| format!("products/{product}#{id}")),
        Kind::Charge => match charges::owner(tx, project, id).await? {
            Some((_, Some(invoice))) => Some(format!("invoices/{invoice}#{id}")),
            Some((Some(customer), None)) => Some(format!("customers/{customer}#{id}")),
            _ => None,
        },
        _ => list::exists(tx, kind, project, id).await?.then(|| format!("{}/{id}", kind.plural())),
    })
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn only_what_could_be_an_id_is_looked_up() {
        for id in ["cus_NffrFeUfNV2Hib", "pc_abc", "gold-plan", "in_1.2"] {
            assert!(is_id(id), "{id}");
        }
        for text in ["", "ab", "ada lovelace", "a@b.c", "cus_\u{0}", "cus_ü"] {
            assert!(!is_id(text), "{text}");
        }
    }
}
