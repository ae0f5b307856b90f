//! What reads as an API key is one that we would have made, letter by letter; a key that was made is read, and none beside it.

use billfold::domain::api_key::{ApiKey, RANDOM_BYTES};

use super::bytes::text;

/// Panics when a text is taken for a key that is none, or a key is not taken.
pub fn judge(data: &[u8]) {
    let text = text(data);
    if let Some(key) = ApiKey::parse(&text) {
        assert_eq!(key.expose(), text);
        let random = hex::decode(&text[3..3 + 2 * RANDOM_BYTES]).expect("digits of a key");
        assert_eq!(ApiKey::from_random(random.try_into().expect("their number")).expose(), text);
    }
    let byte = |at: usize| data.get(at).copied().unwrap_or_default();
    let key = ApiKey::from_random(std::array::from_fn(byte));
    let made = key.expose();
    assert!(ApiKey::parse(made).is_some(), "{made}");
    assert!(!format!("{key:?}").contains(&made[3..11]), "a key prints");
    assert!(!key.shown().contains(&made[3..11]), "too much of a key is shown");
    let position = usize::from(byte(RANDOM_BYTES)) % made.len();
    let neighbour = [&made[..position], &text, &made[position + 1..]].concat();
    assert!(neighbour == made || neighbour.len() != made.len() || ApiKey::parse(&neighbour).is_none(), "{neighbour}");
}
