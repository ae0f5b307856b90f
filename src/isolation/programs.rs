//! The REST API: every operation of its table, with every foreign id in path, query, cursor and body.

use http::Method;
use serde_json::Value;

use super::{
    Line, Result,
    asker::{Asker, Question, is_id, nobodys},
};
use crate::web::api::{
    parameters::{STARTING_AFTER, Takes},
    table::{Operation, Verb, operations},
};

/// All of it.
pub(super) async fn lines(asker: &Asker<'_>) -> Result<Vec<Line>> {
    let (mut path, mut query, mut body) =
        (Line::new("API, by the path"), Line::new("API, by query and cursor"), Line::new("API, by the body"));
    for operation in operations() {
        for id in &asker.other.ids {
            if operation.path.contains("{id}") {
                let ask = |id: &str| {
                    question(operation, operation.path.replace("{id}", id), operation.body.map(|body| body.example))
                };
                path.note(asker.leak(&ask(id), &ask(&nobodys(id, asker.own))).await?);
            }
            let taking =
                operation.query.iter().filter(|one| matches!(one.takes, Takes::Id) || one.name == STARTING_AFTER.name);
            for parameter in taking {
                let ask = |id: &str| question(operation, format!("{}?{}={id}", operation.path, parameter.name), None);
                query.note(asker.leak(&ask(id), &ask(&nobodys(id, asker.own))).await?);
            }
            for (foreign, plain) in bodies(operation, id, asker) {
                let ask = |text: &str| question(operation, operation.path.to_owned(), Some(text));
                body.note(asker.leak(&ask(&foreign), &ask(&plain)).await?);
            }
        }
    }
    Ok(vec![path, query, body])
}

fn question(operation: &Operation, address: String, body: Option<&str>) -> Question {
    let method = if operation.verb == Verb::Get { Method::GET } else { Method::POST };
    let body = body.map(|text| (String::new(), text.to_owned())).into_iter().collect();
    Question { method, address, body }
}

/// The operation's example with the id in each place where it has one, and one's own objects in the others; with what it is when
/// the id is nobody's.
fn bodies(operation: &Operation, id: &str, asker: &Asker<'_>) -> Vec<(String, String)> {
    let Some(body) = operation.body else { return Vec::new() };
    let Ok(example) = serde_json::from_str::<Value>(body.example) else { return Vec::new() };
    let mut places = Vec::new();
    find(&example, String::new(), &mut places);
    let with = |place: &str, id: &str| {
        let mut value = example.clone();
        for other in &places {
            let Some(text) = value.pointer_mut(other) else { continue };
            let own = text.as_str().and_then(|text| own_like(text, asker));
            *text = if other == place { id.into() } else { own.map_or_else(|| text.clone(), Value::from) };
        }
        value.to_string()
    };
    places.iter().map(|place| (with(place, id), with(place, &nobodys(id, asker.own)))).collect()
}

/// Where ids stand in a value, as JSON pointers.
fn find(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| find(value, format!("{at}/{name}"), places)),
        Value::Array(rows) => rows.iter().enumerate().for_each(|(n, value)| find(value, format!("{at}/{n}"), places)),
        Value::String(text) if is_id(text) || at.ends_with("/coupon") => places.push(at),
        _ => {}
    }
}

/// One's own object of the kind that an id names.
fn own_like(id: &str, asker: &Asker<'_>) -> Option<String> {
    let prefix = &id[..=id.find('_')?];
    asker.own.ids.iter().find(|own| own.starts_with(prefix)).cloned()
}
