//! Ids of our own rows: a prefix that names the type, and 24 random characters.
//!
//! Mirrored objects have derived ids instead, see [`super::kind::Kind::derive_id`].

use std::{borrow::Cow, fmt::Write as _};

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

/// Random bytes in an id: 120 bits, 24 characters of base32.
pub const RANDOM_BYTES: usize = 15;

/// An id type of ours.
pub trait Id: Sized {
    /// The prefix, with its underscore.
    const PREFIX: &'static str;
    /// Makes an id from random bytes; `vault::new_id` gives them.
    fn from_random(bytes: [u8; RANDOM_BYTES]) -> Self;
}

/// Lower-case base32 without padding: safe in URLs, file names and double clicks.
pub fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

/// An id as one segment of a path. Stripe's own ids need nothing; product ids may be chosen freely by the tenant.
pub fn path_segment(id: &str) -> Cow<'_, str> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if id.bytes().all(is_plain) {
        return Cow::Borrowed(id);
    }
    let mut text = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    Cow::Owned(text)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Reads an id from a path or form; `None` when it does not look like one.
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                let plain = rest.len() == 24 && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
                plain.then(|| Self(text.to_owned()))
            }
        }

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn from_random(bytes: [u8; RANDOM_BYTES]) -> Self {
                Self(format!("{}{}", $prefix, base32(&bytes)))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// A business.
    TenantId,
    "ten_"
);
id!(
    /// A person who logs in.
    UserId,
    "usr_"
);
id!(
    /// An environment of a tenant.
    ProjectId,
    "prj_"
);
id!(
    /// A project's Stripe account.
    ConnectionId,
    "con_"
);
id!(
    /// A signing secret of a connection.
    SecretId,
    "sec_"
);
id!(
    /// A run of a backfill.
    RunId,
    "run_"
);
id!(
    /// A write at Stripe.
    OutboxId,
    "out_"
);
id!(
    /// A link to the customer portal.
    PortalLinkId,
    "pln_"
);
id!(
    /// An entry of the audit log.
    AuditId,
    "aud_"
);
id!(
    /// An API key.
    KeyId,
    "key_"
);
id!(
    /// A plan: what a tenant may use.
    PlanId,
    "pla_"
);
id!(
    /// An entry of the operators' log.
    OperatorNoteId,
    "opl_"
);
id!(
    /// An invitation to join a tenant.
    InvitationId,
    "inv_"
);
id!(
    /// A passkey.
    PasskeyId,
    "pky_"
);
id!(
    /// A refused delivery.
    RefusalId,
    "ref_"
);

#[cfg(test)]
mod tests {
    use super::{Id, TenantId, path_segment};

    #[test]
    fn an_id_cannot_leave_its_segment() {
        assert_eq!(path_segment("cus_A1"), "cus_A1");
        assert_eq!(path_segment("../x?y=1#z é"), "%2E%2E%2Fx%3Fy%3D1%23z%20%C3%A9");
    }

    #[test]
    fn an_id_reads_back_and_nothing_else_does() {
        let id = TenantId::from_random([7; 15]);
        assert_eq!(TenantId::parse(id.as_str()), Some(id));
        for wrong in [
            "",
            "ten_",
            "ten_short",
            "prj_aaaaaaaaaaaaaaaaaaaaaaaa",
            "ten_AAAAAAAAAAAAAAAAAAAAAAAA",
            "ten_aaaaaaaaaaaaaaaaaaaaaaa'",
        ] {
            assert_eq!(TenantId::parse(wrong), None, "{wrong}");
        }
    }
}
