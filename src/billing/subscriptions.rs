//! Subscriptions: cancel, keep after all, pause and resume the collection.

use super::{Action, Nonce, Outcome, Result, carry::Intent, error::check};
use crate::{
    app::Scope,
    domain::{
        drafts::{Cancellation, Moment, PauseDraft},
        kind::Kind,
    },
    stripe::write::subscriptions,
};

impl Scope {
    /// Ends a subscription, named by either id, at once or with its period.
    pub async fn cancel_subscription(&self, nonce: &Nonce, id: &str, how: &Cancellation) -> Result<Outcome> {
        check(how.flaws())?;
        let subscription = self.object(Kind::Subscription, id).await?;
        let action = match how.moment {
            Moment::Now => Action::CancelSubscription,
            Moment::PeriodEnd => Action::CancelSubscriptionLater,
        };
        let request = subscriptions::cancel(&subscription.stripe_id, how);
        self.carry_out(nonce, Intent { action, target: Some(subscription.into()), request }).await
    }

    /// Takes a cancellation at the end of the period back.
    pub async fn resume_subscription(&self, nonce: &Nonce, id: &str) -> Result<Outcome> {
        let subscription = self.object(Kind::Subscription, id).await?;
        let request = subscriptions::keep(&subscription.stripe_id);
        self.carry_out(nonce, Intent { action: Action::ResumeSubscription, target: Some(subscription.into()), request })
            .await
    }

    /// Stops collecting payments of a subscription, which goes on otherwise.
    pub async fn pause_subscription(&self, nonce: &Nonce, id: &str, how: PauseDraft) -> Result<Outcome> {
        check(how.flaws(self.now()))?;
        let subscription = self.object(Kind::Subscription, id).await?;
        let request = subscriptions::pause(&subscription.stripe_id, how);
        self.carry_out(nonce, Intent { action: Action::PauseSubscription, target: Some(subscription.into()), request })
            .await
    }

    /// Goes on collecting payments.
    pub async fn unpause_subscription(&self, nonce: &Nonce, id: &str) -> Result<Outcome> {
        let subscription = self.object(Kind::Subscription, id).await?;
        let request = subscriptions::unpause(&subscription.stripe_id);
        self.carry_out(
            nonce,
            Intent { action: Action::UnpauseSubscription, target: Some(subscription.into()), request },
        )
        .await
    }
}
