//! Forms that change something at Stripe: what was typed, what is wrong with it, and the token that makes a second click the
//! first one. The fields are named like Stripe's parameters, so that a refusal of Stripe's finds its field by itself.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::billing::{self, Nonce, Outcome};
use crate::domain::drafts::{Flaw, Metadata};
use crate::web::error::{Error, Result};
use crate::web::html::Wanted;

/// The name of the field that holds the token.
const NONCE: &str = "nonce";
/// Seconds after which Stripe may answer again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("10");
/// Rows of metadata that a form offers beyond those that are there.
const SPARE_ROWS: usize = 2;

/// What was typed, field by field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Typed(Vec<(String, String)>);

impl Typed {
    /// A field's text without white space around it; empty when the form has no such field.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// A field's text as it was typed, white space included: a password.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The same with one field empty: what no page shows again.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        for (_, value) in self.0.iter_mut().filter(|(field, _)| field == name) {
            value.clear();
        }
        self
    }

    /// A field's text, unless it is empty.
    pub fn filled(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
    }

    /// A field's text, empty or not; none when the form has no such field.
    pub fn sent(&self, name: &str) -> Option<String> {
        self.has(name).then(|| self.text(name).to_owned())
    }

    /// Whether the form has such a field, or a check box is ticked.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// The whole number in a field. `Err`: there is something else.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Flaw> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| Flaw::new(name, "A whole number."))
    }

    /// What makes this click the same as another one of the same form.
    pub fn nonce(&self) -> Result<Nonce> {
        Nonce::form(self.text(NONCE))
            .ok_or_else(|| Error::invalid(NONCE, "The form is incomplete. Reload the page and try again."))
    }

    /// The pairs of the rows of metadata. A pair that was there and whose key is now empty is removed.
    pub fn metadata(&self) -> Metadata {
        let mut metadata = Metadata::new();
        for row in 0..=50 {
            let of = |part: &str| self.text(&format!("metadata[{row}][{part}]"));
            let (was, key, value) = (of("was"), of("key"), of("value"));
            if !was.is_empty() && was != key {
                metadata.insert(was.to_owned(), String::new());
            }
            if !key.is_empty() {
                metadata.insert(key.to_owned(), value.to_owned());
            }
        }
        metadata
    }
}

/// A form as a page shows it.
#[derive(Clone, Debug)]
pub struct Form {
    typed: Typed,
    flaws: Vec<Flaw>,
    /// What is wrong with none of the fields, in whole sentences.
    pub strays: Vec<String>,
    /// A token for the next click.
    pub nonce: String,
}

/// A row of metadata in a form.
#[derive(Clone, Debug)]
pub struct MetadataRow {
    /// Its number.
    pub row: usize,
    /// The key that it had.
    pub was: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Form {
    /// A form with these values in its fields.
    pub fn new<N: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (N, V)>) -> Self {
        let typed = Typed(values.into_iter().map(|(name, value)| (name.into(), value.into())).collect());
        Self { typed, flaws: Vec::new(), strays: Vec::new(), nonce: Nonce::token() }
    }

    /// A form without values.
    pub fn empty() -> Self {
        Self::new::<String, String>([])
    }

    /// A form that shows what was chosen.
    pub fn typed(typed: Typed) -> Self {
        Self { typed, flaws: Vec::new(), strays: Vec::new(), nonce: Nonce::token() }
    }

    /// The form that came back, with a new token: what is sent next is another write.
    pub fn refused(typed: Typed, refused: Refused) -> Self {
        let (mut flaws, mut strays) = (Vec::new(), refused.stray.into_iter().collect::<Vec<_>>());
        for flaw in refused.flaws {
            if typed.has(&flaw.param) {
                flaws.push(flaw);
            } else {
                strays.push(flaw.message);
            }
        }
        Self { typed, flaws, strays, nonce: Nonce::token() }
    }

    /// What a field holds.
    pub fn value(&self, name: impl AsRef<str>) -> &str {
        self.typed.text(name.as_ref())
    }

    /// Whether a box is ticked or a choice is made.
    pub fn is(&self, name: impl AsRef<str>, value: impl AsRef<str>) -> bool {
        self.typed.has(name.as_ref()) && self.typed.text(name.as_ref()) == value.as_ref()
    }

    /// What is wrong with a field.
    pub fn problem(&self, name: impl AsRef<str>) -> Option<&str> {
        self.flaws.iter().find(|flaw| flaw.param == name.as_ref()).map(|flaw| flaw.message.as_str())
    }

    /// The rows of metadata: those that were typed, or those of the object, and some empty ones.
    pub fn metadata(&self) -> Vec<MetadataRow> {
        let row = |row: usize| {
            let of = |part: &str| self.typed.text(&format!("metadata[{row}][{part}]")).to_owned();
            MetadataRow { row, was: of("was"), key: of("key"), value: of("value") }
        };
        let filled = (0..50).rev().find(|n| !row(*n).key.is_empty() || !row(*n).was.is_empty()).map_or(0, |n| n + 1);
        (0..(filled + SPARE_ROWS).min(50)).map(row).collect()
    }
}

/// The fields that hold an object's metadata.
pub fn metadata_fields(pairs: &[(String, String)]) -> Vec<(String, String)> {
    let fields = pairs.iter().filter(|(key, _)| key != "billfold_write").enumerate().flat_map(|(row, (key, value))| {
        [("was", key), ("key", key), ("value", value)]
            .map(|(part, text)| (format!("metadata[{row}][{part}]"), text.clone()))
    });
    fields.collect()
}

/// Why a form comes back.
#[derive(Clone, Debug)]
pub struct Refused {
    status: StatusCode,
    flaws: Vec<Flaw>,
    stray: Option<String>,
}

impl Refused {
    /// What is wrong with fields, found before anything was asked of a use case.
    pub fn flawed(flaws: Vec<Flaw>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, flaws, stray: None }
    }

    /// Stripe's parameter `param` is this form's field `field`.
    #[must_use]
    pub fn at(mut self, param: &str, field: &str) -> Self {
        for flaw in self.flaws.iter_mut().filter(|flaw| flaw.param == param) {
            field.clone_into(&mut flaw.param);
        }
        self
    }

    /// What is wrong with `param` stands above the form: nobody sees its field.
    #[must_use]
    pub fn aside(self, param: &str) -> Self {
        self.at(param, "")
    }

    /// For somebody outside the business: what is wrong with the form's own fields stays, everything else, such as a word on
    /// the project's key, becomes `text`.
    #[must_use]
    pub fn for_outsiders(mut self, typed: &Typed, text: &str) -> Self {
        let before = self.flaws.len();
        self.flaws.retain(|flaw| typed.has(&flaw.param));
        if self.stray.is_some() || self.flaws.len() < before {
            self.stray = Some(text.to_owned());
        }
        self
    }

    /// Says what is wrong with each field in other words, where there are some.
    #[must_use]
    pub fn in_words(mut self, words: impl Fn(&Flaw) -> Option<String>) -> Self {
        for flaw in &mut self.flaws {
            if let Some(text) = words(flaw) {
                flaw.message = text;
            }
        }
        self
    }

    /// What a use case's refusal means for the form; a fault is none.
    pub fn of(error: billing::Error) -> Result<Self> {
        use billing::Error as Refusal;
        let status = match &error {
            Refusal::NotFound(_) => return Err(Error::NotFound),
            Refusal::Invalid(_) | Refusal::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Conflict(_) | Refusal::Mismatch => StatusCode::CONFLICT,
            Refusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Connection(_) | Refusal::Database(_) => {
                return Err(match error {
                    Refusal::Database(error) | Refusal::Connection(crate::app::ConnectionError::Database(error)) => {
                        error.into()
                    }
                    error => Error::internal(error),
                });
            }
        };
        let flaws = error.flaws();
        let stray = flaws.is_empty().then(|| error.to_string());
        Ok(Self { status, flaws, stray })
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

/// What is said when Stripe's answer is still missing.
const WAITING: &str =
    "Stripe has not confirmed this yet. billfold keeps asking, and the page shows it as soon as it is known.";

/// Where a person is led after a write, and what is said there. `Err`: the form comes back.
pub fn lead_on(
    wanted: Wanted,
    outcome: billing::Result<Outcome>,
    (path, message): (&str, &str),
) -> Result<Result<Response, Refused>> {
    Ok(match outcome {
        Ok(Outcome::Done(_)) => Ok(wanted.redirect_saying(path, message)),
        Ok(Outcome::Waiting(_)) => Ok(wanted.redirect_saying(path, WAITING)),
        Err(error) => Err(Refused::of(error)?),
    })
}

/// Adds what an answer of a form that came back needs besides its page.
pub fn with_retry(mut answer: Response, refused_with: StatusCode) -> Response {
    if refused_with == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(body: &str) -> Typed {
        serde_urlencoded::from_str(body).expect("a form")
    }

    #[test]
    fn a_flaw_finds_its_field_or_stands_above() {
        let refused = Refused::flawed(vec![
            Flaw::new("email", "no address"),
            Flaw::new("items[0][price]", "no such price"),
            Flaw::new("customer", "gone"),
        ]);
        let form = Form::refused(typed("email=x&price=p"), refused.at("items[0][price]", "price"));
        assert_eq!((form.problem("email"), form.problem("price")), (Some("no address"), Some("no such price")));
        assert_eq!(form.strays, ["gone"]);
        assert_eq!(form.value("email"), "x");
    }

    #[test]
    fn an_outsider_reads_of_the_own_fields_alone() {
        let flaws = vec![Flaw::new("email", "no address"), Flaw::new("customer", "cus_1 has no source")];
        let typed = typed("email=x");
        let form = Form::refused(typed.clone(), Refused::flawed(flaws).for_outsiders(&typed, "Sorry."));
        assert_eq!(
            (form.problem("email"), form.strays.as_slice()),
            (Some("no address"), ["Sorry.".to_owned()].as_slice())
        );
    }

    #[test]
    fn metadata_rows_add_change_and_remove() {
        let sent = typed(
            "metadata[0][was]=a&metadata[0][key]=a&metadata[0][value]=1&metadata[1][was]=b&metadata[1][key]=&metadata[1][value]=2&metadata[2][was]=&metadata[2][key]=c&metadata[2][value]=3",
        );
        let metadata: Vec<(String, String)> = sent.metadata().into_iter().collect();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(metadata, [pair("a", "1"), pair("b", ""), pair("c", "3")]);
        let form = Form::new(metadata_fields(&[pair("a", "1"), pair("billfold_write", "out_1")]));
        assert_eq!(form.metadata().len(), 1 + SPARE_ROWS);
        assert_eq!(form.metadata()[0].was, "a");
    }
}
