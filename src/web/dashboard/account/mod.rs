//! What people decide about themselves: name and looks, password, sessions. These pages belong to no tenant.

mod passkeys;
mod password;
mod profile;
mod sessions;
mod two_factor;

use axum::routing::{get, post};

use crate::web::routes::Routes;
pub(super) use passkeys::Answered;
pub(super) use profile::with_theme;

/// The routes.
pub fn router() -> Routes {
    Routes::new()
        .route("/account", get(profile::show))
        .route("/account/profile", post(profile::save))
        .route("/account/password", get(password::show).post(password::change))
        .route("/account/two-factor", get(two_factor::show))
        .route("/account/two-factor/begin", post(two_factor::begin))
        .route("/account/two-factor/new", get(two_factor::enrol).post(two_factor::confirm))
        .route("/account/two-factor/codes", post(two_factor::renew_codes))
        .route("/account/two-factor/off", post(two_factor::turn_off))
        .route("/account/passkeys", get(passkeys::show).post(passkeys::add))
        .route("/account/passkeys/start", post(passkeys::start))
        .route("/account/passkeys/{passkey}/rename", post(passkeys::rename))
        .route("/account/passkeys/{passkey}/remove", post(passkeys::remove))
        .route("/account/sessions", get(sessions::show))
        .route("/account/sessions/end", post(sessions::end))
        .route("/account/sessions/end-others", post(sessions::end_others))
}
