//! E-mail addresses as names of accounts: one spelling per address.

use super::{Result, invalid};

/// Longest address that mail accepts (RFC 5321), in characters.
const LONGEST: usize = 254;

/// Trims and lower-cases an address. Refuses what is not plainly one, non-ASCII included: two addresses that look alike
/// must not be two accounts.
pub fn normalise(text: &str) -> Result<String> {
    let address = text.trim().to_ascii_lowercase();
    let Some((local, domain)) = address.split_once('@') else {
        return invalid("email", "Enter an e-mail address such as ada@example.com.");
    };
    let plain = address.len() <= LONGEST
        && address.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),:;<>[\\]".contains(&byte))
        && !local.is_empty()
        && !domain.contains('@')
        && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    if plain { Ok(address) } else { invalid("email", "Enter an e-mail address such as ada@example.com.") }
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn one_spelling_per_address() {
        for text in ["A@X.example", " a@x.example", "a@x.example\n", "a@X.EXAMPLE "] {
            assert_eq!(normalise(text).ok().as_deref(), Some("a@x.example"), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_plainly_an_address_is_refused() {
        let long = format!("{}@example.com", "x".repeat(300));
        for text in
            ["", "a", "@x", "a@", "a@b@c", "a b@x", "a@x\ny", "а@x.example", "a@x..example", "a@.x", long.as_str()]
        {
            assert!(normalise(text).is_err(), "{text:?}");
        }
    }
}
