//! Filling in the forms of acts.

use crate::harness::{Form, Visitor};

/// The form of the page that an act has for itself.
pub async fn form(visitor: &Visitor, path: &str) -> Form {
    visitor.get(path).await.expect(200).form("#act form[method=post]")
}

/// Chooses one of several, or ticks a box.
pub fn tick(mut form: Form, name: &str, value: &str) -> Form {
    form.fields.retain(|(field, _)| field != name);
    form.fields.push((name.to_owned(), value.to_owned()));
    form
}
