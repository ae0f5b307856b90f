//! What arrives signed is kept byte by byte and never refused, whatever it holds; what is an event is read as one, and every object with
//! an id can be mirrored. Nothing that is stored holds a character that Postgres cannot keep.

use std::fmt::Write as _;

use billfold::{
    domain::{
        event::{Envelope, EventStatus},
        ids::{Id as _, ProjectId},
        kind::Kind,
        objects::Object,
    },
    store::webhook_events::NewEvent,
    sync::inbox::read_event,
};

use super::bytes::Bytes;

const NOW: i64 = 1_800_000_000;

/// Fields that something is read out of, somewhere.
const FIELDS: [&str; 28] = [
    "created",
    "customer",
    "status",
    "items",
    "data",
    "price",
    "plan",
    "currency",
    "total",
    "lines",
    "parent",
    "recurring",
    "metadata",
    "subscription",
    "invoice",
    "amount",
    "deleted",
    "has_more",
    "email",
    "name",
    "product",
    "discounts",
    "quantity",
    "payment_intent",
    "subscription_details",
    "current_period_end",
    "unit_amount",
    "default_price",
];
/// Values that a reader may stumble over: some that Stripe sends, and some that nobody should. The first are of every JSON reader's.
const ODD: [&str; 16] = [
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    r#""""#,
    r#""x\u0000y""#,
    "[]",
    "{}",
    "9223372036854775808",
    r#"{"id":"x\u0000"}"#,
    r#"{"data":[{"id":7}]}"#,
    "1e999",
    r#""\ud800""#,
    r#"{"id":"a","id":"b"}"#,
    "[1e999]",
];
/// How many of [`ODD`] are JSON that every reader takes.
const SOUND: usize = 12;

/// Panics when an event is lost, refused or stored with something that cannot be stored.
pub fn judge(data: &[u8]) {
    let project = ProjectId::from_random([1; 15]);
    kept(data, &project);
    let mut bytes = Bytes::new(data);
    let sound = bytes.byte().is_multiple_of(2);
    let object = object(&mut bytes, sound);
    for kind in Kind::ALL {
        let read =
            Object::read(kind, &project, &object).unwrap_or_else(|error| panic!("{kind:?}: {error}: {object:.400}"));
        assert_eq!((read.raw.as_str(), read.stripe_id.as_str()), (object.as_str(), "obj_1"));
        let columns = format!("{:?}{}{}", read.columns, read.indexed(), read.digest()).replace(r"\\", "");
        assert!(!columns.contains('\0') && !columns.contains(r"\0"), "{kind:?}: {object:.400}");
    }
    let event = event(&mut bytes, &object);
    let stored = kept(event.as_bytes(), &project);
    assert_eq!(
        (stored.id.as_str(), stored.status),
        ("evt_1", EventStatus::Received),
        "{:?}: {event:.400}",
        stored.cause
    );
    let inside =
        Envelope::parse(&event).ok().and_then(|envelope| envelope.data_object().map(|raw| raw.get().to_owned()));
    assert_eq!(inside, Some(object));
}

/// The event as it is stored.
fn kept(body: &[u8], project: &ProjectId) -> NewEvent {
    let event = read_event(body, project, Some("acct_1"), false, NOW);
    match std::str::from_utf8(body) {
        Ok(text) if !text.contains('\0') => assert_eq!(event.payload, text),
        _ => assert!(!event.payload.contains('\0')),
    }
    let texts = [&event.id, &event.event_type, &event.object_kind, &event.object_id, &event.subject_id];
    let texts = texts.into_iter().chain(&event.api_version).chain(&event.cause);
    assert!(texts.into_iter().all(|text| !text.contains('\0')), "{event:?}");
    assert!((1..=255).contains(&event.id.len()), "{event:?}");
    assert_eq!(event.status == EventStatus::Quarantined, event.cause.is_some(), "{event:?}");
    event
}

/// An object with an id, odd fields, some of them twice, and something deep.
fn object(bytes: &mut Bytes<'_>, sound: bool) -> String {
    let mut text = r#"{"id":"obj_1""#.to_owned();
    for _ in 0..bytes.byte() % 8 {
        let _ = write!(text, r#","{}":{}"#, bytes.one_of(&FIELDS), value(bytes, sound, 3));
    }
    let depth = if bytes.byte().is_multiple_of(4) { usize::from(bytes.short()) % 20_000 } else { 0 };
    let _ = write!(text, r#","deep":{}{}}}"#, "[".repeat(depth + 1), "]".repeat(depth + 1));
    text
}

fn value(bytes: &mut Bytes<'_>, sound: bool, depth: u8) -> String {
    match bytes.byte() % 6 {
        0 if depth > 0 => format!(r#"{{"{}":{}}}"#, bytes.one_of(&FIELDS), value(bytes, sound, depth - 1)),
        1 if depth > 0 => format!("[{},{}]", value(bytes, sound, depth - 1), value(bytes, sound, depth - 1)),
        2 => bytes.int().to_string(),
        _ => bytes.one_of(if sound { &ODD[..SOUND] } else { &ODD[..] }).to_owned(),
    }
}

/// An event of our account with odd fields of its own, around the object.
fn event(bytes: &mut Bytes<'_>, object: &str) -> String {
    let mut text = r#"{"id":"evt_1""#.to_owned();
    for field in
        ["object", "type", "api_version", "created", "livemode", "account", "context", "related_object", "request"]
    {
        if bytes.byte().is_multiple_of(2) {
            continue;
        }
        let value = match field {
            "livemode" => bytes.one_of(&["false", "null", "0", r#""x""#, "{}"]).to_owned(),
            "account" => bytes.one_of(&[r#""acct_1""#, "null", "{}", "1"]).to_owned(),
            "context" => bytes.one_of(&[r#""acct_1""#, r#""org_1/acct_1""#, "null", "[]"]).to_owned(),
            _ => value(bytes, true, 2),
        };
        let _ = write!(text, r#","{field}":{value}"#);
    }
    let _ = write!(text, r#","data":{{"object":{object}}}}}"#);
    text
}
