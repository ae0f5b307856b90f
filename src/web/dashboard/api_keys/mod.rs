//! The keys of a project's programs. Everybody sees which there are and what they did; admins and owners make, roll and revoke
//! them, after typing the password once more.

mod actions;
mod detail;
mod form;
mod index;

use axum::routing::{get, post};

use crate::domain::api_key::ApiScopes;
use crate::domain::status::Tone;
use crate::store::api_keys::ApiKey;
use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    const PAGE: &str = "/t/{tenant}/p/{project}/api-keys";
    Routes::new()
        .route(PAGE, get(index::index).post(actions::create))
        .route(&format!("{PAGE}/new"), get(form::new))
        .route(&format!("{PAGE}/{{key}}"), get(detail::show))
        .route(&format!("{PAGE}/{{key}}/roll"), post(actions::roll))
        .route(&format!("{PAGE}/{{key}}/revoke"), post(actions::revoke))
}

/// A key as the pages show it.
struct Shown {
    key: ApiKey,
    now: i64,
    /// Requests in the last 24 hours.
    requests: i64,
}

impl Shown {
    fn works(&self) -> bool {
        self.key.works(self.now)
    }

    /// Word, tone and icon of its state.
    fn state(&self) -> (&'static str, &'static str, &'static str) {
        let key = &self.key;
        let (word, tone, icon) = match (key.revoked_at, key.works(self.now)) {
            (Some(_), _) => ("Revoked", Tone::Red, "circle-x"),
            (None, false) if key.replaced_by.is_some() => ("Replaced", Tone::Grey, "ban"),
            (None, false) => ("Expired", Tone::Grey, "ban"),
            (None, true) if key.replaced_by.is_some() => ("Being replaced", Tone::Orange, "clock"),
            (None, true) => ("Active", Tone::Green, "circle-check"),
        };
        (word, tone.as_str(), icon)
    }

    fn scopes(&self) -> Vec<&'static str> {
        ApiScopes::from_stored(&self.key.scopes).iter().map(crate::domain::api_key::ApiScope::as_str).collect()
    }

    /// The scopes in few words.
    fn scopes_in_short(&self) -> String {
        let scopes = ApiScopes::from_stored(&self.key.scopes);
        let preset = crate::domain::api_key::Preset::ALL.into_iter().find(|preset| preset.scopes() == scopes);
        match (preset, self.scopes().as_slice()) {
            (Some(preset), _) => form::preset_label(preset).to_owned(),
            (None, [one]) => (*one).to_owned(),
            (None, many) => format!("{} scopes", many.len()),
        }
    }

    /// Who made it.
    fn maker(&self) -> &str {
        self.key.created_by_email.as_deref().unwrap_or(&self.key.created_by)
    }
}
