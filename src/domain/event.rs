//! What an event says about itself, read tolerantly: an event that cannot be read is kept, never refused.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    ids::ProjectId,
    kind::Kind,
    objects::{self, Reference, Tolerant, lenient, tolerant_structs},
    time,
};

/// The outermost fields of an event. `object` borrows the payload.
#[derive(Debug, Default, Deserialize)]
pub struct Envelope<'a> {
    /// Stripe's `evt_…`.
    #[serde(default, deserialize_with = "lenient")]
    pub id: String,
    /// `event`, or `v2.core.event` for a thin event.
    #[serde(default, deserialize_with = "lenient")]
    pub object: String,
    /// Such as `customer.updated`.
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub kind: String,
    /// The version the payload is rendered in.
    #[serde(default, deserialize_with = "lenient")]
    pub api_version: Option<String>,
    /// When Stripe made it: a number in a full event, a text in a thin one.
    #[serde(default, deserialize_with = "lenient")]
    pub created: Option<Moment>,
    /// Live or test mode.
    #[serde(default, deserialize_with = "lenient")]
    pub livemode: Option<bool>,
    /// The connected account, on a Connect platform's endpoint only.
    #[serde(default, deserialize_with = "lenient")]
    pub account: Option<String>,
    /// Of thin events: the account concerned, as far as it has to be named, such as `acct_…`.
    #[serde(default, deserialize_with = "lenient")]
    context: Option<String>,
    #[serde(default, borrow)]
    data: Option<Data<'a>>,
    /// Of thin events.
    #[serde(default, deserialize_with = "lenient")]
    related_object: Option<Named>,
}

/// A point in time, in unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub i64);

impl Tolerant for Moment {
    fn of_int(seconds: i64) -> Option<Self> {
        Some(Self(seconds))
    }
    fn of_text(text: &str) -> Option<Self> {
        time::parse_iso(text).map(Self)
    }
}

/// An object that is only named.
#[derive(Clone, Debug, Default, Deserialize)]
struct Named {
    #[serde(default, deserialize_with = "lenient")]
    id: String,
    #[serde(default, rename = "type", alias = "object", deserialize_with = "lenient")]
    object: String,
}

tolerant_structs!(Named);

#[derive(Debug, Deserialize)]
struct Data<'a> {
    #[serde(default, borrow)]
    object: Option<&'a RawValue>,
}

/// The object an event carries or names: what intake stores beside the payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Stripe's object name; empty when the event names none.
    pub object: String,
    /// Stripe's id; empty when the object has none.
    pub id: String,
    /// Stripe's id of the customer concerned.
    pub customer: Option<String>,
}

impl<'a> Envelope<'a> {
    /// Reads an event's body.
    pub fn parse(body: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(body)
    }

    /// `data.object` as Stripe sent it.
    pub fn data_object(&self) -> Option<&'a RawValue> {
        self.data.as_ref()?.object
    }

    /// Whether a thin event says that it is of another account than this one.
    pub fn is_of_another_than(&self, account: &str) -> bool {
        let named = self.context.as_deref().and_then(|context| context.rsplit('/').next());
        named.is_some_and(|named| named.starts_with("acct_") && named != account)
    }

    /// The object the event is about.
    pub fn subject(&self) -> Subject {
        #[derive(Default, Deserialize)]
        struct Head {
            #[serde(default, deserialize_with = "lenient")]
            id: String,
            #[serde(default, deserialize_with = "lenient")]
            object: String,
            #[serde(default, deserialize_with = "lenient")]
            customer: Reference,
        }
        if let Some(raw) = self.data_object() {
            let head: Head = objects::read(raw.get()).unwrap_or_default();
            return Subject { object: head.object, id: head.id, customer: head.customer.0 };
        }
        self.related_object.clone().map_or_else(Subject::default, |named| Subject {
            object: named.object,
            id: named.id,
            customer: None,
        })
    }
}

impl Subject {
    /// Our id of the row whose timeline shows the event: the customer's, else the object's own. Empty when neither is known.
    pub fn timeline_id(&self, project: &ProjectId) -> String {
        match (&self.customer, Kind::parse(&self.object)) {
            (Some(customer), _) => Kind::Customer.derive_id(project, customer),
            (None, Some(kind)) if !self.id.is_empty() => kind.derive_id(project, &self.id),
            _ => String::new(),
        }
    }
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    /// Stored and acknowledged, not applied yet.
    Received,
    /// Applied.
    Done,
    /// Needed no change; the outcome says why.
    Ignored,
    /// Will be tried again.
    Failed,
    /// Given up; kept for a person.
    Dead,
    /// Correctly signed, but not this connection's or not readable; kept, never applied.
    Quarantined,
}

impl EventStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [Self::Received, Self::Done, Self::Ignored, Self::Failed, Self::Dead, Self::Quarantined];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Quarantined => "quarantined",
        }
    }

    /// From its stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What an applied event did, or why it did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The object was newer and is shown.
    Applied,
    /// Another event of the same second was there: shown provisionally, the object is read again.
    SameSecond,
    /// The object is marked as deleted.
    Deleted,
    /// The object that the event belongs to is read again.
    ReadAgain,
    /// A newer state was there already.
    Older,
    /// The object is deleted; deletion is final.
    AlreadyDeleted,
    /// The object ended; it is read again to be sure.
    AlreadyEnded,
    /// billfold does not mirror this type of object.
    NotMirrored,
    /// The event names no object, such as a preview of an upcoming invoice.
    NoObject,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 9] = [
        Self::Applied,
        Self::SameSecond,
        Self::Deleted,
        Self::ReadAgain,
        Self::Older,
        Self::AlreadyDeleted,
        Self::AlreadyEnded,
        Self::NotMirrored,
        Self::NoObject,
    ];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::SameSecond => "same_second",
            Self::Deleted => "deleted",
            Self::ReadAgain => "read_again",
            Self::Older => "older",
            Self::AlreadyDeleted => "already_deleted",
            Self::AlreadyEnded => "already_ended",
            Self::NotMirrored => "not_mirrored",
            Self::NoObject => "no_object",
        }
    }

    /// From its stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }

    /// Whether the event counts as done or as ignored.
    pub const fn status(self) -> EventStatus {
        match self {
            Self::Applied | Self::SameSecond | Self::Deleted | Self::ReadAgain => EventStatus::Done,
            _ => EventStatus::Ignored,
        }
    }

    /// For people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Applied => "The object was updated from this event.",
            Self::SameSecond => {
                "Several events of the same second: shown at once, then read again from Stripe, whose answer counts."
            }
            Self::Deleted => "The object was marked as deleted.",
            Self::ReadAgain => "The object this belongs to was read again from Stripe.",
            Self::Older => "Ignored: a newer state of the object was already here.",
            Self::AlreadyDeleted => "Ignored: the object is deleted, and deletion is final.",
            Self::AlreadyEnded => "Ignored: the object had already ended. It was read again from Stripe to be sure.",
            Self::NotMirrored => "Ignored: billfold does not mirror this type of object.",
            Self::NoObject => "Ignored: the event names no stored object.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Envelope, Moment, Subject};

    #[test]
    fn reads_what_is_there_and_forgives_the_rest() {
        let event = Envelope::parse(
            r#"{"id":"evt_1","object":"event","type":"invoice.paid","created":12,"livemode":"odd","account":null,
               "data":{"object":{"id":"in_1","object":"invoice","customer":{"id":"cus_1","object":"customer"}}}}"#,
        )
        .unwrap();
        assert_eq!((event.id.as_str(), event.created, event.livemode), ("evt_1", Some(Moment(12)), None));
        assert_eq!(
            event.subject(),
            Subject { object: "invoice".into(), id: "in_1".into(), customer: Some("cus_1".into()) }
        );
    }

    #[test]
    fn a_thin_event_names_its_object() {
        let event = Envelope::parse(
            r#"{"id":"evt_2","object":"v2.core.event","type":"v1.customer.created","created":"2026-01-01T00:00:00Z",
               "related_object":{"id":"cus_9","type":"customer","url":"/v1/customers/cus_9"}}"#,
        )
        .unwrap();
        assert_eq!(event.created, Some(Moment(1_767_225_600)));
        assert!(!event.is_of_another_than("acct_1"));
        assert_eq!(event.subject().id, "cus_9");
        let event = Envelope::parse(r#"{"object":"v2.core.event","created":"soon","context":"org_1/acct_2"}"#).unwrap();
        assert_eq!(event.created, None);
        assert!(event.is_of_another_than("acct_1") && !event.is_of_another_than("acct_2"));
        let event = Envelope::parse(r#"{"id":"evt_3","related_object":{"id":"cus_\u0000","type":7}}"#).unwrap();
        assert_eq!(event.subject(), Subject { id: "cus_".into(), ..Subject::default() });
    }
}
