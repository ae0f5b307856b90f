//! What people decide about themselves: their name, and how they want the pages.

use super::{
    Result, invalid, name,
    trail::{self, Act, Origin},
};
use crate::{
    app::App,
    domain::reading::{Style, is_zone},
    store::users::{self, Taste, User},
};

/// The themes by name.
pub const THEMES: [&str; 3] = ["auto", "light", "dark"];

/// Stores name and taste.
///
/// # Errors
/// [`super::Error::Invalid`] names the field.
pub async fn save(app: &App, user: &User, called: &str, taste: &Taste, origin: &Origin) -> Result<()> {
    let called = if called.trim().is_empty() { String::new() } else { name("name", called)? };
    if !is_zone(&taste.time_zone) {
        return invalid("time_zone", "Choose a time zone of the list.");
    }
    if Style::parse(&taste.locale).is_none() {
        return invalid("locale", "Choose a way to write dates of the list.");
    }
    if !THEMES.contains(&taste.theme.as_str()) {
        return invalid("theme", "Choose a theme of the list.");
    }
    let mut tx = app.db.system_write().await?;
    users::set_profile(&mut tx, &user.id, &called, taste).await?;
    Ok(trail::note_act(app, tx, &user.id, &Act::own(&user.id, "person.profile_changed", origin)).await?)
}
