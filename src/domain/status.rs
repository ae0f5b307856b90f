//! States as people read them: a word, a colour, an icon, and what it means. Stripe may add states; an unknown one is shown
//! as it came.

use super::kind::Kind;

/// The colour of a badge. Never the only sign: a badge also has a word and an icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Green,
    /// On its way.
    Blue,
    /// Wants attention.
    Orange,
    /// Went wrong for good.
    Red,
    /// Over, or of no matter.
    Grey,
}

impl Tone {
    /// The class of the badge.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Orange => "orange",
            Self::Red => "red",
            Self::Grey => "grey",
        }
    }
}

/// A state as a badge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// The word.
    pub label: String,
    /// The colour.
    pub tone: Tone,
    /// A symbol of the icon sprite.
    pub icon: &'static str,
}

/// The badge of a state of ours or of Stripe's.
pub fn badge(state: &str) -> Badge {
    let (tone, icon) = match state {
        "active" | "paid" | "succeeded" | "done" | "applied" | "ok" | "connected" | "enabled" | "used" => {
            (Tone::Green, "circle-check")
        }
        "trialing" | "open" | "pending" | "received" | "queued" | "waiting" | "unused" => (Tone::Blue, "clock"),
        "running" | "retrying" => (Tone::Blue, "refresh"),
        "past_due" | "unpaid" | "incomplete" | "failed" | "delinquent" | "requires_action" | "key_rejected" => {
            (Tone::Orange, "alert-triangle")
        }
        "dead" | "error" | "refused" | "uncollectible" | "revoked" | "disputed" => (Tone::Red, "circle-x"),
        "quarantined" => (Tone::Orange, "shield-lock"),
        "paused" => (Tone::Grey, "player-pause"),
        "stopped" => (Tone::Grey, "player-stop"),
        "canceled" | "incomplete_expired" | "void" | "disabled" | "disconnected" | "expired" => (Tone::Grey, "ban"),
        "deleted" => (Tone::Grey, "trash"),
        "archived" | "inactive" => (Tone::Grey, "archive"),
        "refunded" => (Tone::Grey, "rotate"),
        "draft" => (Tone::Grey, "pencil"),
        "duplicate" => (Tone::Grey, "copy"),
        _ => (Tone::Grey, "circle-dashed"),
    };
    Badge { label: words(state), tone, icon }
}

/// `past_due` as `Past due`.
pub fn words(state: &str) -> String {
    let text = state.replace(['_', '.'], " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a state of an object means for the business, in a sentence; None when the word says it all.
pub fn explanation(kind: Kind, state: &str) -> Option<&'static str> {
    Some(match (kind, state) {
        (Kind::Customer, "delinquent") => "The latest payment failed or is overdue.",
        (_, "deleted") => "It was deleted in Stripe. billfold keeps the last known state.",
        (Kind::Subscription, "incomplete") => {
            "The first payment has not succeeded yet. The customer has 23 hours before the subscription expires."
        }
        (Kind::Subscription, "incomplete_expired") => {
            "The first payment did not succeed within 23 hours, so the subscription never began."
        }
        (Kind::Subscription, "trialing") => "In a free trial: nothing is charged until it ends.",
        (Kind::Subscription, "past_due") => "A payment failed. Stripe retries it by the account's retry rules.",
        (Kind::Subscription, "unpaid") => {
            "All payment retries failed. Invoices go on as drafts, and no further payment is tried."
        }
        (Kind::Subscription, "paused") => "The trial ended without a payment method. It goes on when one is added.",
        (Kind::Subscription, "canceled") => "It has ended for good and cannot be started again.",
        (Kind::Invoice, "draft") => "Not final: it can still change, and the customer has not seen it.",
        (Kind::Invoice, "open") => "Final and waiting for payment.",
        (Kind::Invoice, "uncollectible") => "Written off: payment is not expected any more, though still possible.",
        (Kind::Invoice, "void") => "Cancelled, as if it had never been issued.",
        (Kind::Product | Kind::Price, "archived") => "Not offered to new customers; existing subscriptions go on.",
        _ => return None,
    })
}

/// The states that a list of this kind has a tab for, in the order of the tabs. States beyond these get their tab when
/// an object has them.
pub const fn tabs(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Customer => &["active", "delinquent", "deleted"],
        Kind::Product | Kind::Price => &["active", "archived", "deleted"],
        Kind::Subscription => &["active", "trialing", "past_due", "unpaid", "incomplete", "paused", "canceled"],
        Kind::Invoice => &["draft", "open", "paid", "uncollectible", "void"],
        Kind::Charge => &["succeeded", "pending", "failed"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_stripe_adds_later_is_shown_as_it_came() {
        let badge = badge("awaiting_moon");
        assert_eq!((badge.label.as_str(), badge.tone, badge.icon), ("Awaiting moon", Tone::Grey, "circle-dashed"));
        assert_eq!(explanation(Kind::Subscription, "awaiting_moon"), None);
    }

    #[test]
    fn every_tab_has_a_badge_of_its_own() {
        for kind in Kind::ALL {
            for state in tabs(kind) {
                assert_ne!(badge(state).icon, "circle-dashed", "{kind} {state}");
            }
        }
    }
}
