//! A pasted Stripe key: what it is, or in plain words why it is not one. The value is never repeated to anybody.

use secrecy::{ExposeSecret, SecretString};

use crate::domain::mode::Mode;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `rk_…`: the permissions that its owner ticked. What billfold advises.
    Restricted,
    /// `sk_…`: everything.
    Secret,
}

impl KeyKind {
    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Secret => "secret",
        }
    }
}

/// A Stripe API key. Prints nothing of its value and is wiped on drop.
#[derive(Clone, Debug)]
pub struct Key {
    secret: SecretString,
    kind: KeyKind,
    mode: Mode,
}

/// Why a pasted text is not a key that billfold can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Nothing was pasted.
    #[error("Paste a key from Stripe: it begins with rk_ or sk_.")]
    Empty,
    /// `pk_…`
    #[error(
        "This is a publishable key (pk_). It belongs in web pages and cannot read your account. Paste a restricted key (rk_) or the secret key (sk_)."
    )]
    Publishable,
    /// `whsec_…`
    #[error(
        "This is a webhook signing secret (whsec_). It belongs in the webhook section. Paste a restricted key (rk_) here."
    )]
    SigningSecret,
    /// `sk_org_…`
    #[error(
        "This is an organization key (sk_org_). It reaches every account of the organization. Make a restricted key (rk_) inside the one account that you want to connect."
    )]
    Organization,
    /// `bs_…`
    #[error("This is an API key of billfold (bs_), not of Stripe. Paste a restricted key (rk_) from Stripe.")]
    OfBillfold,
    /// `ek_…`, `pi_…_secret_…`, `acct_…`, `ca_…`
    #[error(
        "This is another of Stripe's ids or secrets, not an API key. Paste a restricted key (rk_) or the secret key (sk_)."
    )]
    OtherStripeValue,
    /// Spaces or line breaks inside.
    #[error("There is a space or a line break inside the key. Copy it again in one piece.")]
    Whitespace,
    /// A key that Stripe shows only in part: `sk_live_…abcd` or `sk_live_****abcd`.
    #[error(
        "This is the shortened form that Stripe shows in lists. Reveal the key, or make a new one, and copy all of it."
    )]
    Masked,
    /// Right beginning, too short.
    #[error("The key is cut off. Copy all of it.")]
    TooShort,
    /// Longer than any key.
    #[error("This is too long for a key. Copy only the key itself.")]
    TooLong,
    /// Anything else.
    #[error("This is not a Stripe key: one begins with rk_live_, rk_test_, sk_live_ or sk_test_.")]
    Unknown,
}

/// Longer than every key that Stripe has given out; newer ones have 107 characters.
const LONGEST: usize = 255;
/// The random part of a key has 24 characters and more; a test double may have shorter ones.
const SHORTEST_RANDOM_PART: usize = 8;

const PREFIXES: [(&str, KeyKind, Mode); 4] = [
    ("rk_live_", KeyKind::Restricted, Mode::Live),
    ("rk_test_", KeyKind::Restricted, Mode::Test),
    ("sk_live_", KeyKind::Secret, Mode::Live),
    ("sk_test_", KeyKind::Secret, Mode::Test),
];

const OTHER_KINDS: [(&str, KeyRefusal); 9] = [
    ("pk_", KeyRefusal::Publishable),
    ("whsec_", KeyRefusal::SigningSecret),
    ("sk_org_", KeyRefusal::Organization),
    ("rk_org_", KeyRefusal::Organization),
    ("bs_", KeyRefusal::OfBillfold),
    ("ek_", KeyRefusal::OtherStripeValue),
    ("acct_", KeyRefusal::OtherStripeValue),
    ("ca_", KeyRefusal::OtherStripeValue),
    ("pi_", KeyRefusal::OtherStripeValue),
];

impl Key {
    /// Reads a pasted key. White space around it is forgiven, anything else is told apart by kind.
    pub fn parse(pasted: &str) -> Result<Self, KeyRefusal> {
        let text = pasted.trim();
        if text.is_empty() {
            return Err(KeyRefusal::Empty);
        }
        if let Some((_, refusal)) = OTHER_KINDS.iter().find(|(prefix, _)| text.starts_with(prefix)) {
            return Err(*refusal);
        }
        let (random, kind, mode) = PREFIXES
            .iter()
            .find_map(|(prefix, kind, mode)| text.strip_prefix(prefix).map(|random| (random, *kind, *mode)))
            .ok_or(KeyRefusal::Unknown)?;
        check_random_part(text, random)?;
        Ok(Self { secret: SecretString::from(text), kind, mode })
    }

    /// What the key may do.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The world that the key opens.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The last four characters, by which people recognise a key.
    pub fn last4(&self) -> &str {
        let text = self.secret.expose_secret();
        &text[text.len() - 4..]
    }

    /// The value, to be sealed or sent.
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }
}

fn check_random_part(text: &str, random: &str) -> Result<(), KeyRefusal> {
    if random.contains(['*', '…']) || random.contains("...") {
        Err(KeyRefusal::Masked)
    } else if random.chars().any(char::is_whitespace) {
        Err(KeyRefusal::Whitespace)
    } else if text.len() > LONGEST {
        Err(KeyRefusal::TooLong)
    } else if !random.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        Err(KeyRefusal::Unknown)
    } else if random.len() < SHORTEST_RANDOM_PART {
        Err(KeyRefusal::TooShort)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Key, KeyKind, KeyRefusal};
    use crate::domain::mode::Mode;

    #[test]
    fn kind_mode_and_last_four_are_read_from_the_key() {
        let key = Key::parse("  rk_live_51AbCdEfGh123456wxyz\n").unwrap();
        assert_eq!((key.kind(), key.mode(), key.last4()), (KeyKind::Restricted, Mode::Live, "wxyz"));
        let key = Key::parse("sk_test_51AbCdEfGh1234").unwrap();
        assert_eq!((key.kind(), key.mode()), (KeyKind::Secret, Mode::Test));
        assert!(!format!("{key:?}").contains("51Ab"));
    }

    #[test]
    fn everything_else_is_refused_by_kind() {
        let too_long = format!("sk_test_{}", "a".repeat(300));
        for (text, refusal) in [
            ("", KeyRefusal::Empty),
            (" \n", KeyRefusal::Empty),
            ("pk_live_51AbCdEfGh123456", KeyRefusal::Publishable),
            ("whsec_abcdef0123456789", KeyRefusal::SigningSecret),
            ("sk_org_live_51AbCdEfGh", KeyRefusal::Organization),
            ("bs_0123456789abcdef", KeyRefusal::OfBillfold),
            ("acct_1AbCdEfGh", KeyRefusal::OtherStripeValue),
            ("sk_live_51AbCd EfGh123456", KeyRefusal::Whitespace),
            ("sk_live_****************abcd", KeyRefusal::Masked),
            ("rk_live_51A…wxyz", KeyRefusal::Masked),
            ("sk_test_abc", KeyRefusal::TooShort),
            (&too_long, KeyRefusal::TooLong),
            ("sk_prod_51AbCdEfGh123456", KeyRefusal::Unknown),
            ("sk_live_51AbCdEfGhé23456", KeyRefusal::Unknown),
            ("Bearer sk_live_51AbCdEfGh", KeyRefusal::Unknown),
        ] {
            assert_eq!(Key::parse(text).err(), Some(refusal), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_refusal_repeats_it(text in "\\PC{0,80}") {
            if let Err(refusal) = Key::parse(&text) {
                prop_assert!(text.trim().len() < 12 || !refusal.to_string().contains(text.trim()));
            }
        }
    }
}
