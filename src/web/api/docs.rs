//! `/v1/openapi.json`, and `/docs/api` made from it: one page without a script, for people who write programs.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, header};
use utoipa::openapi::path::Operation as Described;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr, Schema};

use super::leaked;
use super::openapi::document;
use super::table::{Answer, Operation, Verb, operations};
use crate::domain::api_key::ApiScope;
use crate::web::error::Result;
use crate::web::html;
use crate::web::shell::PublicShell;

/// The description and the page about it. They need no key: they say nothing about anybody.
pub(super) fn router(public_url: &str) -> Router {
    let openapi = document(public_url);
    let page = Arc::new(Guide::new(public_url, &openapi));
    let json: Arc<str> = openapi.to_json().unwrap_or_default().into();
    Router::new()
        .route("/v1/openapi.json", get(async move || described(&json)))
        .route("/docs/api", get(show))
        .with_state(page)
}

fn described(json: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (headers, json.to_owned()).into_response()
}

async fn show(State(guide): State<Arc<Guide>>, headers: HeaderMap) -> Result<Response> {
    html::page(&Page { shell: PublicShell::bare(html::theme(&headers)), guide: &guide })
}

#[derive(Template)]
#[template(path = "api_docs/index.html")]
struct Page<'a> {
    shell: PublicShell,
    guide: &'a Guide,
}

/// What the page says.
struct Guide {
    server: String,
    groups: Vec<Group>,
    scopes: Vec<Scope>,
    error: Vec<Field>,
    leaked_path: &'static str,
    most_leaked: usize,
    reports_per_minute: u32,
}

/// The operations on one kind of object.
struct Group {
    name: &'static str,
    anchor: String,
    operations: Vec<Entry>,
    /// The fields of its objects, by the name of the type.
    objects: Vec<Object>,
}

struct Entry {
    id: &'static str,
    verb: &'static str,
    path: &'static str,
    text: &'static str,
    scope: ApiScope,
    parameters: Vec<Field>,
    body: Option<String>,
    answer: String,
    is_list: bool,
    curl: String,
}

struct Object {
    name: String,
    anchor: String,
    text: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    kind: String,
    required: bool,
    text: String,
}

struct Scope {
    name: &'static str,
    operations: Vec<&'static str>,
}

impl Guide {
    fn new(server: &str, openapi: &OpenApi) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for operation in operations() {
            let entry = Entry::new(server, operation, openapi);
            match groups.iter_mut().find(|group| group.name == operation.group) {
                Some(group) => group.operations.push(entry),
                None => groups.push(Group {
                    name: operation.group,
                    anchor: operation.group.to_lowercase().replace(' ', "-"),
                    operations: vec![entry],
                    objects: Vec::new(),
                }),
            }
        }
        place_objects(&mut groups, openapi);
        let scopes = ApiScope::ALL.iter().map(|scope| Scope {
            name: scope.as_str(),
            operations: operations().filter(|op| op.scope == *scope).map(|op| op.id).collect(),
        });
        Self {
            server: server.to_owned(),
            groups,
            scopes: scopes.filter(|scope| !scope.operations.is_empty()).collect(),
            error: Object::new("ErrorDetail", openapi).map(|error| error.fields).unwrap_or_default(),
            leaked_path: leaked::PATH,
            most_leaked: leaked::MOST_KEYS,
            reports_per_minute: leaked::REPORTS_PER_MINUTE,
        }
    }
}

/// An object is described where it is answered; what is only a part of one, with the first that has it.
fn place_objects(groups: &mut [Group], openapi: &OpenApi) {
    let mut placed = BTreeSet::new();
    for answers_only in [true, false] {
        for operation in operations() {
            let (Answer::One(of) | Answer::List(of)) = operation.answer;
            let parts =
                [Some(of), operation.body.map(|body| body.of)].into_iter().flatten().flat_map(|of| of().schemas);
            let names = if answers_only { vec![of().name] } else { parts.map(|(name, _)| name).collect() };
            let Some(group) = groups.iter_mut().find(|group| group.name == operation.group) else { continue };
            for name in names {
                if placed.insert(name.clone()) {
                    group.objects.extend(Object::new(&name, openapi));
                }
            }
        }
    }
}

impl Entry {
    fn new(server: &str, operation: &Operation, openapi: &OpenApi) -> Self {
        let (answer, is_list) = match operation.answer {
            Answer::One(of) => (of().name, false),
            Answer::List(of) => (of().name, true),
        };
        let described = openapi.paths.paths.get(operation.path).and_then(|item| match operation.verb {
            Verb::Get => item.get.as_ref(),
            Verb::Post => item.post.as_ref(),
        });
        Self {
            id: operation.id,
            verb: operation.verb.as_str(),
            path: operation.path,
            text: operation.text,
            scope: operation.scope,
            parameters: described.map(parameters).unwrap_or_default(),
            body: operation.body.map(|body| (body.of)().name),
            answer,
            is_list,
            curl: curl(server, operation),
        }
    }

    fn anchor(&self) -> String {
        self.answer.to_lowercase()
    }
}

fn curl(server: &str, operation: &Operation) -> String {
    let path = operation.path.replace("{id}", example_id(operation.group));
    let mut curl = format!("curl '{server}{path}' -H \"Authorization: Bearer $BILLFOLD_KEY\"");
    if operation.verb == Verb::Post {
        curl.push_str(" \\\n  -X POST -H \"Idempotency-Key: $(uuidgen)\"");
    }
    if let Some(body) = operation.body {
        curl.extend([" \\\n  -H 'Content-Type: application/json' -d '", body.example, "'"]);
    }
    curl
}

fn example_id(group: &str) -> &'static str {
    match group {
        "Customers" => "cus_NffrFeUfNV2Hib",
        "Subscriptions" => "sub_1MowQVLkdIwHu7ixeRlqHVzs",
        "Products" => "prod_NWjs8kKbJWmuuc",
        "Prices" => "price_1MoBy5LkdIwHu7ixZhnattbh",
        "Invoices" => "in_1MtHbELkdIwHu7ixl4OzzPMv",
        "Charges" => "ch_3MmlLrLkdIwHu7ix0snN0B15",
        "Refunds" => "re_1Nispe2eZvKYlo2Cd31jOCgZ",
        "Coupons" => "Z4OV52SU",
        "Promotion codes" => "promo_1MiM6KLkdIwHu7ixrIaX4wgn",
        "Meters" => "mtr_61Q8nQMqIFK9fRQmr41CMAXJrFdZ5MnA",
        "Portal links" => "pln_4gq2w7mnv3xk5c6tzb1ahd8e",
        "Checkout sessions" => "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u",
        _ => "evt_1NG8Du2eZvKYlo2CUI79vXWy",
    }
}

fn parameters(operation: &Described) -> Vec<Field> {
    let all = operation.parameters.iter().flatten();
    all.filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(Field {
            name: parameter.name.clone(),
            kind: parameter.schema.as_ref().map(kind).unwrap_or_default(),
            required: matches!(parameter.required, utoipa::openapi::Required::True),
            text: parameter.description.clone().unwrap_or_default(),
        }),
        RefOr::Ref(_) => None,
    })
    .collect()
}

impl Object {
    fn new(name: &str, openapi: &OpenApi) -> Option<Self> {
        let schema = openapi.components.as_ref()?.schemas.get(name)?;
        let RefOr::T(Schema::Object(object)) = schema else { return None };
        if object.properties.is_empty() {
            return None;
        }
        let fields = object.properties.iter().map(|(name, schema)| Field {
            name: name.clone(),
            kind: kind(schema),
            required: object.required.contains(name),
            text: text(schema),
        });
        Some(Self {
            name: name.to_owned(),
            anchor: name.to_lowercase(),
            text: object.description.clone().unwrap_or_default(),
            fields: fields.collect(),
        })
    }
}

/// What a schema holds, in few words.
fn kind(schema: &RefOr<Schema>) -> String {
    match schema {
        RefOr::Ref(reference) => reference.ref_location.rsplit('/').next().unwrap_or_default().to_owned(),
        RefOr::T(Schema::Object(object)) => {
            let words = object.enum_values.iter().flatten().filter_map(|word| word.as_str());
            let words: Vec<&str> = words.collect();
            if !words.is_empty() {
                return words.join(" | ");
            }
            match &object.additional_properties {
                Some(other) if matches!(**other, AdditionalProperties::RefOr(_)) => "map of texts".to_owned(),
                _ => type_words(&object.schema_type),
            }
        }
        RefOr::T(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(items) => format!("list of {}", kind(items)),
            ArrayItems::False => "list".to_owned(),
        },
        RefOr::T(Schema::OneOf(one)) => {
            let words: Vec<String> = one.items.iter().map(kind).filter(|word| word != "null").collect();
            words.join(" or ")
        }
        RefOr::T(_) => "any".to_owned(),
    }
}

fn type_words(kind: &SchemaType) -> String {
    let word = |kind: &Type| match kind {
        Type::String => "text",
        Type::Integer | Type::Number => "number",
        Type::Boolean => "true or false",
        Type::Object => "object",
        Type::Array => "list",
        Type::Null => "none",
    };
    match kind {
        SchemaType::Type(kind) => word(kind).to_owned(),
        SchemaType::Array(kinds) => kinds.iter().map(word).collect::<Vec<_>>().join(" or "),
        SchemaType::AnyValue => "any".to_owned(),
    }
}

fn text(schema: &RefOr<Schema>) -> String {
    match schema {
        RefOr::Ref(reference) => reference.description.clone(),
        RefOr::T(Schema::Object(object)) => object.description.clone().unwrap_or_default(),
        RefOr::T(Schema::Array(array)) => array.description.clone().unwrap_or_default(),
        RefOr::T(Schema::OneOf(one)) => one.description.clone().unwrap_or_default(),
        RefOr::T(_) => String::new(),
    }
}
