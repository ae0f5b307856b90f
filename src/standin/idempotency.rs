//! Idempotency keys: a repeated POST gets the first answer again.

use std::collections::HashMap;
use std::sync::Mutex;

use super::errors::ApiError;
use super::state::lock;

/// An answer is kept for a day.
const KEPT: i64 = 86_400;
const MAX_LEN: usize = 255;

/// An answer that can be given again.
#[derive(Clone, Debug)]
pub struct Saved {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
    /// The request that was answered first.
    pub request_id: String,
}

#[derive(Debug)]
struct Entry {
    fingerprint: String,
    at: i64,
    saved: Option<Saved>,
}

/// Account and mode, then the key.
pub type Slot = (String, bool, String);

/// Kept answers of all accounts.
#[derive(Debug, Default)]
pub struct Answers(Mutex<HashMap<Slot, Entry>>);

impl Answers {
    /// Begins a request with a key: the kept answer if there is one, a refusal if the key is misused.
    pub fn begin(&self, slot: &Slot, fingerprint: &str, now: i64) -> Result<Option<Saved>, ApiError> {
        if slot.2.len() > MAX_LEN {
            return Err(ApiError::invalid(400, format!("Idempotency-Key must be at most {MAX_LEN} characters.")));
        }
        let mut entries = lock(&self.0);
        entries.retain(|_, entry| entry.at + KEPT > now);
        match entries.get(slot) {
            Some(entry) if entry.fingerprint != fingerprint => Err(misused(&slot.2)),
            Some(Entry { saved: None, .. }) => Err(in_use(&slot.2)),
            Some(Entry { saved, .. }) => Ok(saved.clone()),
            None => {
                let entry = Entry { fingerprint: fingerprint.to_owned(), at: now, saved: None };
                entries.insert(slot.clone(), entry);
                Ok(None)
            }
        }
    }

    /// Keeps the answer, or forgets the key when the request never began to run.
    pub fn finish(&self, slot: &Slot, saved: Option<Saved>) {
        let mut entries = lock(&self.0);
        match saved {
            None => {
                entries.remove(slot);
            }
            Some(saved) => {
                if let Some(entry) = entries.get_mut(slot) {
                    entry.saved = Some(saved);
                }
            }
        }
    }
}

fn misused(key: &str) -> ApiError {
    let mut error = ApiError::invalid(
        400,
        format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using \
             a key other than '{key}' if you meant to execute a different request."
        ),
    );
    error.kind = "idempotency_error";
    error
}

fn in_use(key: &str) -> ApiError {
    let mut error = ApiError::invalid(
        409,
        format!(
            "There is currently another in-progress request using this Idempotent Key ({key}). Please try again later."
        ),
    )
    .code("idempotency_key_in_use");
    error.kind = "idempotency_error";
    error
}
