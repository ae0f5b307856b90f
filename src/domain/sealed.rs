//! Sealed values as the database keeps them; `vault` seals and opens them.

/// A tenant's data key.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SealedDataKey {
    /// The blob, sealed by a master key.
    pub sealed_data_key: String,
    /// The data key's version.
    pub data_key_version: i64,
}
