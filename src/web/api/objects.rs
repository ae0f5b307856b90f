//! What the objects of the API share: references that can be expanded, and what is read out of Stripe's JSON.

use std::collections::{BTreeMap, HashMap};

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, Schema};

use super::customers::Customer;
use super::parameters::Asked;
use super::products::Product;
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::objects::{self, Tolerant, lenient};
use crate::domain::raw::Raw;
use crate::store::customers;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

use super::parameters::is_line;

/// An object's id, or with `expand[]` the object.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Reference<T> {
    /// Our id.
    Id(String),
    /// The whole object.
    Object(Box<T>),
}

/// A customer's id, or with `expand[]=customer` the customer.
pub fn customer() -> Schema {
    reference::<Customer>("The customer's id, or with `expand[]=customer` the customer.").into()
}

/// As [`customer`], or none.
pub fn customer_or_none() -> Schema {
    let none = ObjectBuilder::new().schema_type(SchemaType::new(Type::Null));
    reference::<Customer>("The customer's id, or with `expand[]=customer` the customer; none without one.")
        .item(none)
        .into()
}

/// A product's id, or with `expand[]=product` the product.
pub fn product() -> Schema {
    reference::<Product>("The product's id, or with `expand[]=product` the product.").into()
}

fn reference<T: ToSchema>(text: &str) -> OneOfBuilder {
    let id = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    OneOfBuilder::new().item(id).item(Ref::from_schema_name(T::name())).description(Some(text))
}

/// Key and value pairs that the tenant attached at Stripe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// The metadata of an object that is not mirrored.
    pub fn of(raw: &Raw) -> Self {
        Self(raw.pairs("/metadata").into_iter().collect())
    }
}

/// Values that are no texts are left out; Stripe has none.
impl Tolerant for Metadata {
    fn of_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        let mut pairs = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, serde_json::Value>()? {
            pairs.extend(value.as_str().map(|value| (key, value.to_owned())));
        }
        Ok(Some(Self(pairs)))
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Address {
    /// Street and number, or a company.
    #[serde(deserialize_with = "lenient")]
    line1: Option<String>,
    /// Flat, suite or building.
    #[serde(deserialize_with = "lenient")]
    line2: Option<String>,
    /// City, town or village.
    #[serde(deserialize_with = "lenient")]
    city: Option<String>,
    /// State, county or province.
    #[serde(deserialize_with = "lenient")]
    state: Option<String>,
    /// Postal code.
    #[serde(deserialize_with = "lenient")]
    postal_code: Option<String>,
    /// Country, as a code of two letters.
    #[serde(deserialize_with = "lenient")]
    country: Option<String>,
}

impl Tolerant for Address {
    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// Reads the fields that have no column. An object of an odd shape has none of them; it stays whole in `stripe_object`.
pub fn fields<T: DeserializeOwned + Default>(raw: &str) -> T {
    objects::read(raw).unwrap_or_default()
}

/// The object as Stripe sent it, when it is asked for.
pub fn stripe_object(asked: &Asked, raw: &str) -> Option<Box<RawValue>> {
    if asked.expands("stripe_object") { RawValue::from_string(raw.to_owned()).ok() } else { None }
}

/// Nothing in place of an empty text.
pub fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// The id in the path. One that no object can have is an unknown one.
pub fn path_id(Path(id): Path<String>) -> Result<String> {
    if is_line(&id) { Ok(id) } else { Err(Error::NotFound) }
}

/// The customers that references lead to, when they are asked for.
#[derive(Debug, Default)]
pub struct Customers(Option<HashMap<String, Customer>>);

impl Customers {
    /// Reads the customers of a page in one go.
    pub async fn load<'a>(
        tx: &mut Tx,
        project: &ProjectId,
        asked: &Asked,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
        if !asked.expands("customer") {
            return Ok(Self(None));
        }
        let found = customers::find_all(tx, project, ids).await?;
        let by_id = found.into_iter().map(|row| (row.customer.id.clone(), Customer::new(row, &Asked::default())));
        Ok(Self(Some(by_id.collect())))
    }

    /// The customer or the id. A customer that has not arrived yet stays an id.
    pub fn reference(&self, id: String) -> Reference<Customer> {
        match self.0.as_ref().and_then(|known| known.get(&id)) {
            Some(customer) => Reference::Object(Box::new(customer.clone())),
            None => Reference::Id(id),
        }
    }
}
