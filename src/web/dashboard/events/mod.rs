//! The webhook events of a project: the list, one event, refused deliveries, and putting events back into the queue.

mod detail;
mod filter;
mod health;
mod list;
mod live;
mod payload;
mod refusals;
mod requeue;
mod subjects;

pub use health::Health;

use axum::routing::{get, post};

use crate::domain::event::EventStatus;
use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    Routes::new()
        .route("/t/{tenant}/p/{project}/events", get(list::index))
        .route("/t/{tenant}/p/{project}/events/live", get(live::fragment))
        .route("/t/{tenant}/p/{project}/events/refusals", get(refusals::index))
        .route("/t/{tenant}/p/{project}/events/requeue", post(requeue::all))
        .route("/t/{tenant}/p/{project}/events/{event}", get(detail::page))
        .route("/t/{tenant}/p/{project}/events/{event}/payload", get(payload::download))
        .route("/t/{tenant}/p/{project}/events/{event}/requeue", post(requeue::one))
}

/// Where an event stands, as a badge and in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    label: &'static str,
    tone: &'static str,
    icon: &'static str,
    meaning: &'static str,
}

impl State {
    fn of(status: EventStatus) -> Self {
        let (label, tone, icon, meaning) = match status {
            EventStatus::Received => {
                ("Waiting", "blue", "clock", "Stored and acknowledged; it is applied in a moment.")
            }
            EventStatus::Done => ("Applied", "green", "circle-check", "It changed the mirror."),
            EventStatus::Ignored => ("Ignored", "grey", "circle-dashed", "It needed no change."),
            EventStatus::Failed => {
                ("Retrying", "orange", "refresh-alert", "It could not be applied and is tried again by itself.")
            }
            EventStatus::Dead => ("Dead", "red", "circle-x", "It was given up after all tries and waits for a person."),
            EventStatus::Quarantined => (
                "Quarantined",
                "orange",
                "shield-lock",
                "Correctly signed, but it does not fit this project; it is kept and never applied.",
            ),
        };
        Self { label, tone, icon, meaning }
    }

    fn of_stored(status: &str) -> Self {
        Self::of(EventStatus::parse(status).unwrap_or(EventStatus::Received))
    }
}
