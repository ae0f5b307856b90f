//! The set-up checklist. Each step ticks itself off.

use crate::store::connections::Connection;
use crate::web::dashboard::sync::progress::Import;

/// A step.
pub struct Step {
    /// What is to be done.
    pub label: &'static str,
    /// How, or what is being waited for.
    pub hint: &'static str,
    /// The page where it is done.
    pub path: &'static str,
    /// Whether it is done.
    pub done: bool,
}

/// The steps of a project; `received`: an event has come, delivered or fetched. Its workspace exists, or nobody would see them.
pub fn of(connection: Option<&Connection>, import: Option<&Import>, received: bool) -> Vec<Step> {
    let step = |label, hint, path, done| Step { label, hint, path, done };
    vec![
        step("Create your workspace", "", "", true),
        step(
            "Connect a Stripe account",
            "A restricted key is enough, and advised.",
            "connection",
            connection.is_some_and(Connection::is_live),
        ),
        step(
            "Import what is there",
            "It starts by itself when an account is connected.",
            "sync",
            import.is_some_and(|import| import.run.state == "done"),
        ),
        step("Receive your first event", "Waiting for an event: change something in Stripe.", "connection", received),
    ]
}
