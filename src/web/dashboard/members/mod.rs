//! The people of a tenant. Everybody sees who they are and what each role may; owners invite, change, shut out and remove, after
//! typing the password once more.

mod index;
mod invitations;
mod one;

use axum::routing::{get, post};

use crate::domain::status::Tone;
use crate::store::members::Member;
use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    const PAGE: &str = "/t/{tenant}/members";
    const INVITATIONS: &str = "/t/{tenant}/invitations";
    Routes::new()
        .route(PAGE, get(index::show))
        .route(&format!("{PAGE}/{{member}}"), get(one::show))
        .route(&format!("{PAGE}/{{member}}/role"), post(one::change_role))
        .route(&format!("{PAGE}/{{member}}/disable"), post(one::disable))
        .route(&format!("{PAGE}/{{member}}/enable"), post(one::enable))
        .route(&format!("{PAGE}/{{member}}/remove"), post(one::remove))
        .route(&format!("{PAGE}/{{member}}/reset-two-factor"), post(one::reset_two_factor))
        .route("/t/{tenant}/two-factor", post(index::require_two_factor))
        .route(INVITATIONS, post(invitations::invite))
        .route(&format!("{INVITATIONS}/{{invitation}}/renew"), post(invitations::renew))
        .route(&format!("{INVITATIONS}/{{invitation}}/withdraw"), post(invitations::withdraw))
}

/// A member as the pages show one.
struct Shown {
    member: Member,
    /// Whether this is who looks.
    own: bool,
}

impl Shown {
    fn new(member: Member, viewer: &crate::domain::ids::UserId) -> Self {
        Self { own: member.user_id == *viewer, member }
    }

    /// What the person is called, or else the address.
    fn called(&self) -> &str {
        if self.member.name.is_empty() { &self.member.email } else { &self.member.name }
    }

    /// Word, tone and icon of the state.
    fn state(&self) -> (&'static str, &'static str, &'static str) {
        let (word, tone, icon) = match self.member.disabled_at {
            Some(_) => ("Disabled", Tone::Grey, "ban"),
            None => ("Active", Tone::Green, "circle-check"),
        };
        (word, tone.as_str(), icon)
    }
}
