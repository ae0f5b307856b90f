//! Stripe's error answers.

use serde_json::{Map, Value, json};

/// A refusal, rendered as Stripe renders it: `{"error": {...}}`.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// `invalid_request_error`, `api_error`, `idempotency_error` or `card_error`.
    pub kind: &'static str,
    /// Stripe's short code, where it has one.
    pub code: Option<&'static str>,
    /// The parameter that is wrong.
    pub param: Option<String>,
    /// The sentence for people.
    pub message: String,
    /// What few errors have, apart so that the others stay small.
    extra: Option<Box<Extra>>,
}

/// What few errors have.
#[derive(Clone, Debug, Default)]
struct Extra {
    header: Option<(&'static str, &'static str)>,
    fields: Vec<(&'static str, Value)>,
}

impl ApiError {
    /// An `invalid_request_error`.
    pub fn invalid(status: u16, message: impl Into<String>) -> Self {
        Self { status, kind: "invalid_request_error", code: None, param: None, message: message.into(), extra: None }
    }

    /// A `card_error`: the bank said no.
    pub fn card(code: &'static str, decline_code: &'static str, message: &str) -> Self {
        let mut error = Self::invalid(402, message).code(code);
        error.kind = "card_error";
        if decline_code.is_empty() { error } else { error.also("decline_code", decline_code.into()) }
    }

    /// With one more thing that it says: the reason of a decline, an object it is about.
    #[must_use]
    pub fn also(mut self, name: &'static str, value: Value) -> Self {
        self.extra.get_or_insert_default().fields.push((name, value));
        self
    }

    /// With Stripe's short code.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// With the parameter that is wrong.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.extra.get_or_insert_default().header = Some((name, value));
        self
    }

    /// The one more header, if there is one.
    pub fn more_header(&self) -> Option<(&'static str, &'static str)> {
        self.extra.as_ref().and_then(|extra| extra.header)
    }

    /// The body, without a line about the request log.
    pub fn body(&self) -> Vec<u8> {
        let mut error = Map::new();
        if let Some(code) = self.code {
            error.insert("code".into(), code.into());
            error.insert(
                "doc_url".into(),
                format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into(),
            );
        }
        error.insert("message".into(), Value::from(self.message.clone()));
        if let Some(param) = &self.param {
            error.insert("param".into(), Value::from(param.clone()));
        }
        error.insert("type".into(), self.kind.into());
        let fields = self.extra.iter().flat_map(|extra| &extra.fields);
        error.extend(fields.map(|(name, value)| ((*name).to_owned(), value.clone())));
        format!("{:#}", json!({ "error": error })).into_bytes()
    }
}

/// 404 for an identifier in the path that does not exist.
pub fn no_such(what: &str, id: &str) -> ApiError {
    ApiError::invalid(404, format!("No such {what}: '{id}'")).code("resource_missing").param("id")
}

/// 400 for an identifier in a parameter that does not exist.
pub fn no_such_param(what: &str, id: &str, param: &str) -> ApiError {
    ApiError::invalid(400, format!("No such {what}: '{id}'")).code("resource_missing").param(param)
}

/// 400 for a parameter that the route does not know.
pub fn unknown_param(name: &str) -> ApiError {
    ApiError::invalid(400, format!("Received unknown parameter: {name}")).code("parameter_unknown").param(name)
}

/// 400 for a parameter that is missing.
pub fn missing_param(name: &str) -> ApiError {
    ApiError::invalid(400, format!("Missing required param: {name}.")).code("parameter_missing").param(name)
}

/// 400 for a parameter whose value cannot be read.
pub fn invalid_param(name: &str, message: impl Into<String>) -> ApiError {
    ApiError::invalid(400, message).param(name)
}

/// 400 for a parameter that should be a whole number.
pub fn not_an_integer(name: &str, value: &str) -> ApiError {
    ApiError::invalid(400, format!("Invalid integer: {value}")).code("parameter_invalid_integer").param(name)
}
