//! Reading a field whose type Stripe decides: what does not fit becomes the default instead of losing the whole object, and
//! the text is walked once.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// What a type makes of each kind of JSON; `None` where it does not fit.
pub trait Tolerant: Sized {
    /// `true` or `false`.
    fn of_bool(_: bool) -> Option<Self> {
        None
    }
    /// A whole number.
    fn of_int(_: i64) -> Option<Self> {
        None
    }
    /// A text.
    fn of_text(_: &str) -> Option<Self> {
        None
    }
    /// An object.
    fn of_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    /// A list.
    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// For `deserialize_with`: a value of the wrong type becomes the default.
pub fn lenient<'de, D: Deserializer<'de>, T: Tolerant + Default>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Any(PhantomData)).map(Option::unwrap_or_default)
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Tolerant> Visitor<'de> for Any<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(T::of_bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(T::of_int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).ok().and_then(T::of_int))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(T::of_text(value))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::of_map(map)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        T::of_list(list)
    }
}

/// An element of a list.
struct Element<T>(Option<T>);

impl<'de, T: Tolerant> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData)).map(Self)
    }
}

impl Tolerant for bool {
    fn of_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl Tolerant for i64 {
    fn of_int(value: i64) -> Option<Self> {
        Some(value)
    }
}

/// Without NUL characters, which Postgres cannot store in a text column; the raw JSON keeps them escaped.
impl Tolerant for String {
    fn of_text(value: &str) -> Option<Self> {
        Some(if value.contains('\0') { value.replace('\0', "") } else { value.to_owned() })
    }
}

impl<T: Tolerant> Tolerant for Option<T> {
    fn of_bool(value: bool) -> Option<Self> {
        T::of_bool(value).map(Some)
    }
    fn of_int(value: i64) -> Option<Self> {
        T::of_int(value).map(Some)
    }
    fn of_text(value: &str) -> Option<Self> {
        T::of_text(value).map(Some)
    }
    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(T::of_map(map)?.map(Some))
    }
    fn of_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Option<Self>, A::Error> {
        Ok(T::of_list(list)?.map(Some))
    }
}

/// Elements of the wrong type are left out.
impl<T: Tolerant> Tolerant for Vec<T> {
    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut elements = Self::new();
        while let Some(Element(element)) = list.next_element()? {
            elements.extend(element);
        }
        Ok(Some(elements))
    }
}

/// Makes structs that derive `Deserialize` readable as fields of others.
macro_rules! tolerant_structs {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::domain::objects::Tolerant for $name {
            fn of_map<'de, A: serde::de::MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
                serde::Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Some)
            }
        }
    )+};
}
pub(crate) use tolerant_structs;

/// How deep an object is mended: nothing that is read lies half as deep.
const DEEPEST: usize = 32;

/// The same JSON with each part that serde refuses mended: of keys that stand twice the last counts, and a value that is no
/// value (half a surrogate pair, a number beyond all numbers) is null, as is what lies deeper than anything that is read: a
/// megabyte of brackets must not use up the stack. `None`: not JSON.
pub(super) fn mend(raw: &str) -> Option<serde_json::Value> {
    fn part(raw: &RawValue, depth: usize) -> serde_json::Value {
        let text = raw.get();
        if depth == DEEPEST {
            return serde_json::Value::Null;
        }
        if let Ok(members) = serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(text) {
            return members.into_iter().map(|(key, member)| (key, part(member, depth + 1))).collect();
        }
        if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) {
            return elements.into_iter().map(|element| part(element, depth + 1)).collect();
        }
        serde_json::from_str(text).unwrap_or_default()
    }
    serde_json::from_str::<&RawValue>(raw).ok().map(|raw| part(raw, 0))
}
