//! The objects and customers that events are about: what they are called, and where their pages are.

use std::collections::{BTreeMap, HashMap};

use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::store::customers;
use crate::store::held::{self, Held};
use crate::web::error::Result;
use crate::web::shell::Shell;

/// What an event says about its object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    /// Stripe's object name; may be empty.
    pub(super) kind: &'a str,
    /// Stripe's id; may be empty.
    pub(super) id: &'a str,
    /// Our id of the customer concerned, else of the object; may be empty.
    pub(super) subject: &'a str,
}

/// An object with its page, when the mirror holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// Stripe's object name.
    pub(super) kind: String,
    /// Stripe's id.
    pub(super) id: String,
    /// Its page; empty when the mirror does not hold it.
    pub(super) href: String,
}

/// A customer with their page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Customer {
    /// The name, else the e-mail address, else our id.
    pub(super) name: String,
    /// The page.
    pub(super) href: String,
}

/// What the mirror knows about the objects of some events.
#[derive(Default)]
pub(super) struct Subjects {
    held: HashMap<String, (Kind, Held)>,
    customers: HashMap<String, customers::Name>,
}

impl Subjects {
    /// Looks up everything that some events name, with one query per kind.
    pub(super) async fn load<'a>(
        tx: &mut Tx,
        project: &ProjectId,
        named: impl IntoIterator<Item = Named<'a>>,
    ) -> Result<Self> {
        let (mut objects, mut people) = (BTreeMap::<Kind, Vec<String>>::new(), Vec::new());
        for event in named {
            if let Some(kind) = Kind::parse(event.kind).filter(|_| !event.id.is_empty()) {
                objects.entry(kind).or_default().push(kind.derive_id(project, event.id));
            }
            if event.subject.starts_with(Kind::Customer.prefix()) {
                people.push(event.subject);
            }
        }
        let mut known = Self::default();
        for (kind, ids) in objects {
            for held in held::of_kind(tx, project, kind, ids.iter().map(String::as_str)).await? {
                known.held.insert(held.id.clone(), (kind, held));
            }
        }
        if !people.is_empty() {
            let people = customers::names(tx, project, people).await?;
            known.customers = people.into_iter().map(|name| (name.id.clone(), name)).collect();
        }
        Ok(known)
    }

    /// The object of an event; None when it names none.
    pub(super) fn object(&self, shell: &Shell, project: &ProjectId, event: Named<'_>) -> Option<Object> {
        if event.id.is_empty() {
            return None;
        }
        let ours = Kind::parse(event.kind).map(|kind| kind.derive_id(project, event.id));
        let held = ours.and_then(|id| self.held.get(&id));
        let href = held.and_then(|(kind, held)| page_of(*kind, held)).map(|path| shell.url(&path)).unwrap_or_default();
        Some(Object { kind: event.kind.replace('_', " "), id: event.id.to_owned(), href })
    }

    /// The customer of an event, when the mirror holds them.
    pub(super) fn customer(&self, shell: &Shell, event: Named<'_>) -> Option<Customer> {
        let known = self.customers.get(event.subject)?;
        let called = [&known.name, &known.email, &known.id].into_iter().find(|text| !text.trim().is_empty());
        let name = called.cloned().unwrap_or_default();
        Some(Customer { name, href: shell.url(format!("customers/{}", known.id)) })
    }
}

/// The page that shows an object. Prices are shown with their product, charges with their invoice or customer.
fn page_of(kind: Kind, held: &Held) -> Option<String> {
    let parent = held.parent_id.as_ref();
    match kind {
        Kind::Price => parent.map(|product| format!("products/{product}#{}", held.id)),
        Kind::Charge => match (parent, &held.customer_id) {
            (Some(invoice), _) => Some(format!("invoices/{invoice}#{}", held.id)),
            (None, Some(customer)) => Some(format!("customers/{customer}#{}", held.id)),
            (None, None) => None,
        },
        _ => Some(format!("{}/{}", kind.plural(), held.id)),
    }
}

/// The kind that an id, ours or Stripe's, belongs to by its beginning.
pub(super) fn kind_of(id: &str) -> Option<Kind> {
    let ours = Kind::ALL.into_iter().find(|kind| id.strip_prefix(kind.prefix()).is_some_and(|rest| rest.len() == 24));
    ours.or_else(|| {
        Some(match id.split_once('_')?.0 {
            "cus" => Kind::Customer,
            "prod" => Kind::Product,
            "price" | "plan" => Kind::Price,
            "sub" => Kind::Subscription,
            "in" => Kind::Invoice,
            "ch" | "py" => Kind::Charge,
            _ => return None,
        })
    })
}
