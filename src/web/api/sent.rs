//! The body of a request: JSON, every field known.

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::guard::MAX_BODY;
use super::parameters::unknown;
use crate::web::error::{Error, Result};
use crate::web::extract::RawBody;

/// What was sent. The type refuses unknown fields with `#[serde(deny_unknown_fields)]`.
#[derive(Clone, Debug)]
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        if !is_json(request.headers()) {
            return Err(Error::UnsupportedMediaType);
        }
        let RawBody(body) = RawBody::<MAX_BODY>::from_request(request, state).await?;
        read(&body).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads a body; what is wrong is named by its field, and a value that was sent is never repeated.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|failure| {
        let path = failure.path().to_string();
        let cause = failure.into_inner();
        match cause.classify() {
            Category::Data => misfit(&path, &cause.to_string()),
            Category::Syntax | Category::Eof | Category::Io => not_json(),
        }
    })?;
    reader.end().map_err(|_| not_json())?;
    Ok(value)
}

fn not_json() -> Error {
    Error::BadRequest { code: "invalid_json", message: "The body is not JSON.".to_owned() }
}

/// serde's words name fields and types; values only in the two cases that are cut here.
fn misfit(path: &str, cause: &str) -> Error {
    let param = if path == "." { String::new() } else { path.to_owned() };
    if let Some((_, rest)) = cause.split_once("unknown field `") {
        let name = rest.split('`').next().unwrap_or_default();
        let within = param.strip_suffix(name).unwrap_or(&param).trim_end_matches('.');
        return unknown(&if within.is_empty() { name.to_owned() } else { format!("{within}.{name}") });
    }
    if let Some((_, rest)) = cause.split_once("missing field `") {
        let name = rest.split('`').next().unwrap_or_default();
        let whole = if param.is_empty() { name.to_owned() } else { format!("{param}.{name}") };
        let message = format!("`{whole}` is missing.");
        return Error::Invalid { code: "parameter_missing", param: whole, message };
    }
    let expected = cause.split_once("expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or_default());
    let shown = if param.is_empty() { "The body".to_owned() } else { format!("`{param}`") };
    match expected {
        Some(expected) if !cause.contains("invalid value") => {
            Error::invalid(param, format!("{shown} is of the wrong type: it must be {expected}."))
        }
        _ => Error::invalid(param, format!("{shown} has a value that it cannot have.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "read by serde alone")]
        name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "read by serde alone")]
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        #[expect(dead_code, reason = "read by serde alone")]
        quantity: u32,
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        assert!(read::<Order>(br#"{"name":"a","items":[{"quantity":1}]}"#).is_ok());
        for (body, code, param) in [
            (r#"{"name":"a","colour":"red"}"#, "parameter_unknown", "colour"),
            (r#"{"name":"a","items":[{"quantity":1,"size":2}]}"#, "parameter_unknown", "items[0].size"),
            (r#"{"items":[]}"#, "parameter_missing", "name"),
            (r#"{"name":"a","items":[{}]}"#, "parameter_missing", "items[0].quantity"),
            (r#"{"name":5}"#, "parameter_invalid", "name"),
            (r#"{"name":"a","items":[{"quantity":"many"}]}"#, "parameter_invalid", "items[0].quantity"),
            (r#"{"name":"a","items":[{"quantity":-1}]}"#, "parameter_invalid", "items[0].quantity"),
            ("[]", "parameter_invalid", ""),
        ] {
            match read::<Order>(body.as_bytes()) {
                Err(Error::Invalid { code: found, param: name, message }) => {
                    assert_eq!((found, name.as_str()), (code, param), "{body}");
                    assert!(!message.contains("many") && !message.contains("red"), "{message}");
                }
                other => panic!("{body}: {other:?}"),
            }
        }
        let deep = "[".repeat(10_000);
        for body in ["", "{", "{} trailing", "not json", "\u{feff}{}", &deep] {
            assert!(
                matches!(read::<Order>(body.as_bytes()), Err(Error::BadRequest { .. } | Error::Invalid { .. })),
                "{body:.20}"
            );
        }
    }
}
