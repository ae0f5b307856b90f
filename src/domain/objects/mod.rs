//! What billfold reads out of Stripe's objects: the columns that are listed, filtered and summed.
//!
//! Reading is tolerant. Unknown fields and enum values pass, an odd field becomes its default, old and new API shapes fill
//! the same columns. The object itself is stored as Stripe sent it, so nothing is ever lost by reading.

mod billing;
mod catalog;
mod payments;
mod tolerant;

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny, MapAccess, value::MapAccessDeserializer},
};

pub use billing::{Invoice, Subscription, SubscriptionItem};
pub use catalog::{Price, Product};
pub use payments::{Charge, Customer};
pub(crate) use tolerant::tolerant_structs;
pub use tolerant::{Tolerant, lenient};

use super::{ids::ProjectId, kind::Kind};

/// An object ready for the mirror.
#[derive(Clone, Debug)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Our derived id.
    pub id: String,
    /// Stripe's id.
    pub stripe_id: String,
    /// Unix seconds; 0 when the object does not say.
    pub created: i64,
    /// What status tabs and counts go by.
    pub status: String,
    /// Stripe says `deleted: true`: nothing but the id is there.
    pub tombstone: bool,
    /// Whether every sub-list is here whole (Stripe cuts them at ten rows).
    pub whole: bool,
    /// The columns of its kind.
    pub columns: Columns,
    /// The JSON as Stripe sent it.
    pub raw: String,
}

/// The columns of each kind.
#[derive(Clone, Debug)]
pub enum Columns {
    /// Of a customer.
    Customer(Customer),
    /// Of a product.
    Product(Product),
    /// Of a price.
    Price(Price),
    /// Of a subscription.
    Subscription(Box<Subscription>),
    /// Of an invoice.
    Invoice(Box<Invoice>),
    /// Of a charge.
    Charge(Charge),
}

/// Why an object cannot be mirrored at all.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unreadable {
    /// Not a JSON object.
    #[error("the object is not JSON: {0}")]
    NotJson(String),
    /// Without an id there is no row.
    #[error("the object has no id")]
    NoId,
}

/// The fields that every kind has.
#[derive(Default, Deserialize)]
struct Head {
    #[serde(default, deserialize_with = "lenient")]
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    created: i64,
    #[serde(default, deserialize_with = "lenient")]
    deleted: bool,
}

impl Object {
    /// Reads an object of a known kind.
    pub fn read(kind: Kind, project: &ProjectId, raw: &str) -> Result<Self, Unreadable> {
        let head: Head = read(raw)?;
        if head.id.is_empty() {
            return Err(Unreadable::NoId);
        }
        let mut whole = true;
        let (columns, status) = match kind {
            Kind::Customer => {
                let customer = Customer::read(raw)?;
                let status = customer.status().to_owned();
                (Columns::Customer(customer), status)
            }
            Kind::Product => {
                let product = Product::read(project, raw)?;
                let status = active(product.active);
                (Columns::Product(product), status)
            }
            Kind::Price => {
                let price = Price::read(project, raw)?;
                let status = active(price.active);
                (Columns::Price(price), status)
            }
            Kind::Subscription => {
                let subscription = Subscription::read(project, raw)?;
                whole = subscription.whole;
                let status = subscription.status.clone();
                (Columns::Subscription(Box::new(subscription)), status)
            }
            Kind::Invoice => {
                let invoice = Invoice::read(project, raw)?;
                whole = invoice.whole;
                let status = invoice.status.clone();
                (Columns::Invoice(Box::new(invoice)), status)
            }
            Kind::Charge => {
                let charge = Charge::read(project, raw)?;
                let status = charge.status.clone();
                (Columns::Charge(charge), status)
            }
        };
        Ok(Self {
            kind,
            id: kind.derive_id(project, &head.id),
            stripe_id: head.id,
            created: head.created,
            status: if head.deleted { "deleted".to_owned() } else { status },
            tombstone: head.deleted,
            whole,
            columns,
            raw: raw.to_owned(),
        })
    }

    /// What is compared to see whether search words or subscription items must be written again; cheap where nothing changed.
    pub fn digest(&self) -> String {
        match &self.columns {
            Columns::Customer(customer) => format!("{}\n{}", customer.name, customer.email),
            Columns::Product(product) => product.name.clone(),
            Columns::Subscription(subscription) => subscription.items_digest(),
            _ => String::new(),
        }
    }

    /// The values of the columns by which rows are found and ordered, beside their status: where they stay, a change leaves
    /// the indexes alone.
    pub fn indexed(&self) -> String {
        let created = self.created;
        match &self.columns {
            Columns::Customer(c) => format!("{created}\n{}", c.email),
            Columns::Product(_) => created.to_string(),
            Columns::Price(p) => format!("{created}\n{}", p.product_id),
            Columns::Subscription(s) => format!("{created}\n{}\n{}", s.currency, s.customer_id),
            Columns::Invoice(i) => {
                let customer = i.customer_id.as_deref().unwrap_or_default();
                format!("{created}\n{}\n{}\n{customer}", i.currency, i.number)
            }
            Columns::Charge(c) => format!("{created}\n{}", c.customer_id.as_deref().unwrap_or_default()),
        }
    }

    /// The words the object is found by, lower case; empty for kinds that are found by id, number or customer.
    pub fn search_words(&self) -> String {
        match &self.columns {
            Columns::Customer(customer) => format!("{} {}", customer.name, customer.email).to_lowercase(),
            Columns::Product(product) => product.name.to_lowercase(),
            _ => String::new(),
        }
    }

    /// Whether the object has come to an end that Stripe never takes back.
    pub fn is_terminal(kind: Kind, status: &str) -> bool {
        match kind {
            Kind::Subscription => matches!(status, "canceled" | "incomplete_expired"),
            Kind::Invoice => matches!(status, "void"),
            _ => false,
        }
    }
}

fn active(active: bool) -> String {
    if active { "active" } else { "archived" }.to_owned()
}

/// Reads a struct. Fields are [`lenient`], so only what serde cannot walk at all is mended first, such as a key that stands twice.
pub fn read<T: DeserializeOwned>(raw: &str) -> Result<T, Unreadable> {
    if !raw.trim_start().starts_with('{') {
        return Err(Unreadable::NotJson("not an object".to_owned())); // serde would fill the fields from a list
    }
    serde_json::from_str(raw).or_else(|error| {
        let mended = tolerant::mend(raw).ok_or_else(|| Unreadable::NotJson(error.to_string()))?;
        serde_json::from_value(mended).map_err(|error| Unreadable::NotJson(error.to_string()))
    })
}

/// An id, or an expanded object that has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference(
    /// Stripe's id.
    pub Option<String>,
);

impl Tolerant for Reference {
    fn of_text(id: &str) -> Option<Self> {
        Some(Self(String::of_text(id).filter(|id| !id.is_empty())))
    }
    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        #[derive(Deserialize)]
        struct Expanded {
            #[serde(default, deserialize_with = "lenient")]
            id: Option<String>,
        }
        let expanded = Expanded::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Some(Self(expanded.id.filter(|id| !id.is_empty()))))
    }
}

impl Reference {
    /// Our derived id of the object it names.
    fn derive(&self, kind: Kind, project: &ProjectId) -> Option<String> {
        self.0.as_deref().map(|id| kind.derive_id(project, id))
    }
}

/// A sub-list of an object: Stripe sends its first ten rows.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound = "T: Tolerant")]
struct SubList<T> {
    #[serde(default, deserialize_with = "lenient")]
    data: Vec<T>,
    #[serde(default, deserialize_with = "lenient")]
    has_more: bool,
}

impl<T> Default for SubList<T> {
    fn default() -> Self {
        Self { data: Vec::new(), has_more: false }
    }
}

impl<T: Tolerant> Tolerant for SubList<T> {
    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// A row of which only matters that it is there.
impl Tolerant for IgnoredAny {}
