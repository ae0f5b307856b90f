//! Subscriptions: cancel, resume, pause, change.

use stripe::StripeRequest as _;
use stripe_billing::subscription::{
    CancelSubscription, CancelSubscriptionCancellationDetails, UpdateSubscription,
    UpdateSubscriptionCancellationDetails, UpdateSubscriptionPauseCollection,
    UpdateSubscriptionPauseCollectionBehavior,
};

use super::WriteRequest;
use crate::domain::{
    drafts::{Cancellation, Moment, PauseBehavior, PauseDraft},
    ids::path_segment,
};

/// Ends a subscription at once, or says that it ends with its period.
pub fn cancel(id: &str, how: &Cancellation) -> WriteRequest {
    let (id, comment) = (path_segment(id), how.comment.clone().filter(|text| !text.trim().is_empty()));
    let feedback = how.feedback.as_deref();
    match how.moment {
        Moment::Now => {
            let mut request = CancelSubscription::new(id.as_ref()).prorate(how.prorate).invoice_now(how.invoice_now);
            if comment.is_some() || feedback.is_some() {
                let mut details = CancelSubscriptionCancellationDetails::new();
                (details.comment, details.feedback) = (comment, feedback.and_then(|text| text.parse().ok()));
                request = request.cancellation_details(details);
            }
            WriteRequest::of(request.build())
        }
        Moment::PeriodEnd => {
            let mut request = UpdateSubscription::new(id.as_ref()).cancel_at_period_end(true);
            if comment.is_some() || feedback.is_some() {
                let mut details = UpdateSubscriptionCancellationDetails::new();
                (details.comment, details.feedback) = (comment, feedback.and_then(|text| text.parse().ok()));
                request = request.cancellation_details(details);
            }
            WriteRequest::of(request.build())
        }
    }
}

/// Takes a cancellation at the end of the period back.
pub fn keep(id: &str) -> WriteRequest {
    WriteRequest::of(UpdateSubscription::new(path_segment(id).as_ref()).cancel_at_period_end(false).build())
}

/// Stops collecting payments.
pub fn pause(id: &str, how: PauseDraft) -> WriteRequest {
    let behavior = match how.behavior {
        PauseBehavior::KeepAsDraft => UpdateSubscriptionPauseCollectionBehavior::KeepAsDraft,
        PauseBehavior::MarkUncollectible => UpdateSubscriptionPauseCollectionBehavior::MarkUncollectible,
        PauseBehavior::Void => UpdateSubscriptionPauseCollectionBehavior::Void,
    };
    let mut pause = UpdateSubscriptionPauseCollection::new(behavior);
    pause.resumes_at = how.resumes_at;
    WriteRequest::of(UpdateSubscription::new(path_segment(id).as_ref()).pause_collection(pause).build())
}

/// Goes on collecting payments.
pub fn unpause(id: &str) -> WriteRequest {
    WriteRequest::of(UpdateSubscription::new(path_segment(id).as_ref()).build()).with("pause_collection", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_a_delete_and_later_is_a_change() {
        let now = Cancellation {
            moment: Moment::Now,
            feedback: Some("too_expensive".to_owned()),
            prorate: true,
            ..Cancellation::default()
        };
        let request = cancel("sub_1", &now);
        assert!(request.delete && request.body.contains("too_expensive"), "{request:?}");
        let later = cancel("sub_1", &Cancellation::default());
        assert_eq!((later.delete, later.body.as_str()), (false, "cancel_at_period_end=true"));
        assert_eq!(unpause("sub_1").body, "pause_collection=");
    }
}
