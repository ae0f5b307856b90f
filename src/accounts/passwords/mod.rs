//! Which passwords are refused: too short, too long, known to everybody who guesses, or shorter than they look.

use secrecy::{ExposeSecret as _, SecretString};

use super::{Result, invalid};

/// Bytes of a password.
const BYTES: std::ops::RangeInclusive<usize> = 12..=1024;
/// The passwords of that length among the 30,000 most common ones, from zxcvbn (its licence stands beside the file).
const COMMON: &str = include_str!("common.txt");

/// Refuses a password that does not protect the person of this e-mail address.
pub(super) fn check(password: &SecretString, email: &str) -> Result<()> {
    let password = password.expose_secret();
    if !BYTES.contains(&password.len()) {
        return invalid("password", "Use at least 12 characters, at most 1024.");
    }
    let password = password.to_lowercase();
    if COMMON.lines().any(|common| common == password) {
        return invalid("password", "This password is one of the first that anybody would try. Use another one.");
    }
    if password == email {
        return invalid("password", "Use a password that is not your e-mail address.");
    }
    if is_repeated(password.as_bytes()) || is_sequence(password.as_bytes()) {
        return invalid(
            "password",
            "This is a short pattern in disguise. Use several words, or let a program make one.",
        );
    }
    Ok(())
}

/// Whether it is a text of fewer than 12 bytes, written again and again.
fn is_repeated(password: &[u8]) -> bool {
    (1..*BYTES.start())
        .any(|length| length < password.len() && password.iter().skip(length).eq(&password[..password.len() - length]))
}

/// Whether it counts up or down, through the digits or the alphabet.
fn is_sequence(password: &[u8]) -> bool {
    let follows = |step: i16| {
        move |pair: &[u8]| {
            let distance = i16::from(pair[1]) - i16::from(pair[0]);
            distance == step || (pair.iter().all(u8::is_ascii_digit) && distance == -9 * step)
        }
    };
    password.windows(2).all(follows(1)) || password.windows(2).all(follows(-1))
}

#[cfg(test)]
mod tests {
    use super::check;

    fn is_refused(password: &str) -> bool {
        check(&password.to_owned().into(), "ada.lovelace@example.com").is_err()
    }

    #[test]
    fn lengths_of_passwords_count_bytes() {
        assert!(is_refused("correcthors"));
        assert!(!is_refused("correcthorse"));
        assert!(!is_refused(&"correct horse ".repeat(73)));
        assert!(is_refused(&"correct horse ".repeat(74)));
    }

    #[test]
    fn what_everybody_would_try_is_refused() {
        for known in ["password1234", "Qwertyuiop12", "ada.lovelace@example.com", "ADA.lovelace@example.com"] {
            assert!(is_refused(known), "{known}");
        }
        for pattern in
            ["aaaaaaaaaaaa", "passwordpassword", "abc123abc123abc", "123456789012", "abcdefghijklm", "210987654321"]
        {
            assert!(is_refused(pattern), "{pattern}");
        }
        for good in ["correct horse battery", "1a2b3c4d5e6f7", "Sommer-am-See-1998", "пароль-для-всех"] {
            assert!(!is_refused(good), "{good}");
        }
    }
}
