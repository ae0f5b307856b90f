//! Where a person may be sent after Checkout or the portal: to origins that the project allows, and to its own pages here.
//! Read strictly, so that no browser can understand an address otherwise than it was understood here.

/// The longest address taken.
const LONGEST: usize = 2_048;
/// Stripe puts the session's id in its place.
pub const SESSION_PLACEHOLDER: &str = "{CHECKOUT_SESSION_ID}";

/// Why an address is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too long.
    #[error("The address has more than 2,048 characters.")]
    TooLong,
    /// Not `https://host…`, or with something in it that browsers read in different ways.
    #[error("A whole address that begins with https:// and has no spaces, user name or # part.")]
    Malformed,
    /// Well-formed, but not one of those that the project allows.
    #[error("This address is not one that the project allows. An admin adds its origin on the page Settings.")]
    NotAllowed,
    /// More than an origin.
    #[error("Only the beginning of the address: https://, the host, and a port if there is one.")]
    NotAnOrigin,
}

/// This project's own pages.
#[derive(Clone, Copy, Debug)]
pub struct OwnPages<'a> {
    /// The address of this billfold, without a slash at the end.
    pub base: &'a str,
    /// Where the project's pages begin, such as `/t/ten_…/p/prj_…/`.
    pub home: &'a str,
}

/// The origin that is written down for what a person types: `https://Shop.example/` is `https://shop.example`.
pub fn origin(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let (origin, rest) = split(text)?;
    if rest.is_empty() || rest == "/" { Ok(origin) } else { Err(Refusal::NotAnOrigin) }
}

/// Whether a person may be sent to `url`. `allowed` holds what [`origin`] gave.
pub fn check(url: &str, allowed: &[String], own: &OwnPages<'_>) -> Result<(), Refusal> {
    let plain = url.replace(SESSION_PLACEHOLDER, "x");
    if is_own(&plain, own) {
        return Ok(());
    }
    let (origin, rest) = split(&plain)?;
    if url.contains(SESSION_PLACEHOLDER) && !rest.contains('x') {
        return Err(Refusal::Malformed); // in the host
    }
    if allowed.contains(&origin) { Ok(()) } else { Err(Refusal::NotAllowed) }
}

/// A page of this very project. Nothing that climbs out of it.
fn is_own(url: &str, own: &OwnPages<'_>) -> bool {
    let Some(path) = url.strip_prefix(own.base).filter(|path| path.starts_with(own.home)) else { return false };
    let climbs = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    let place = path.split('?').next().unwrap_or_default();
    url.len() <= LONGEST && path.bytes().all(is_plain) && !place.split('/').any(climbs)
}

/// The origin in its one spelling, and what follows it.
fn split(url: &str) -> Result<(String, &str), Refusal> {
    if url.len() > LONGEST {
        return Err(Refusal::TooLong);
    }
    let rest = url.strip_prefix("https://").ok_or(Refusal::Malformed)?;
    if !rest.bytes().all(is_plain) {
        return Err(Refusal::Malformed);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let host = host.to_ascii_lowercase();
    let port = match port.map(str::parse::<u16>) {
        None | Some(Ok(443)) => String::new(),
        Some(Ok(port)) if port > 0 => format!(":{port}"),
        Some(_) => return Err(Refusal::Malformed),
    };
    if is_host(&host) { Ok((format!("https://{host}{port}"), rest)) } else { Err(Refusal::Malformed) }
}

/// A name of letters, digits and hyphens with a dot in it. No numbers alone: they are addresses in ever new spellings.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let named = last.bytes().any(|b| b.is_ascii_lowercase()) && !last.starts_with("0x");
    host.len() <= 253 && host.contains('.') && host.split('.').all(label) && named
}

/// What stands in an address and is read by everybody alike.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'@' | b'\\' | b'#' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^')
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: OwnPages<'_> = OwnPages { base: "http://127.0.0.1:3000", home: "/t/ten_1/p/prj_1/" };

    fn allowed() -> Vec<String> {
        vec![origin("https://good.com").unwrap(), origin("https://Pay.Good.com:8443/").unwrap()]
    }

    #[test]
    fn addresses_of_allowed_origins_and_of_the_project_are_taken() {
        for url in [
            "https://good.com",
            "https://good.com/",
            "https://good.com/ok?s={CHECKOUT_SESSION_ID}",
            "https://good.com/{CHECKOUT_SESSION_ID}/done",
            "https://GOOD.com:443/ok",
            "https://good.com?x=https://evil.com/",
            "https://pay.good.com:8443/a/b",
            "http://127.0.0.1:3000/t/ten_1/p/prj_1/checkout/done?session={CHECKOUT_SESSION_ID}",
        ] {
            assert_eq!(check(url, &allowed(), &OWN), Ok(()), "{url}");
        }
    }

    /// `security.md` 3.6, B111 to B117.
    #[test]
    fn everything_else_is_refused() {
        let long = format!("https://good.com/{}", "x".repeat(LONGEST));
        for url in [
            "",
            "http://good.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//good.com",
            "good.com",
            "https:///good.com",
            "https:/good.com",
            "https:good.com",
            " https://good.com",
            "https://good.com@evil.com",
            "https://good.com:x@evil.com/",
            "https://good.com.evil.com",
            "https://evil.com/good.com",
            "https://good.com:8443",
            "https://pay.good.com",
            "https://good.com\\@evil.com",
            "https://good.com\t.evil.com",
            "https://good.com%2eevil.com",
            "https://good.com#token=1",
            "https://good.com/#access_token=x",
            "https://good.com/a b",
            "https://göod.com",
            "https://good.com.",
            "https://.good.com",
            "https://-good.com",
            "https://good.com:",
            "https://good.com:0",
            "https://good.com:99999",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.0x1/",
            "https://[::1]/",
            "https://localhost/",
            "https://{CHECKOUT_SESSION_ID}.com/",
            "https://good.com/{OTHER}",
            "HTTPS://good.com/",
            "http://127.0.0.1:3000/t/ten_1/p/prj_2/",
            "http://127.0.0.1:3000/t/ten_1/p/prj_1/../prj_2/",
            "http://127.0.0.1:3000/t/ten_1/p/prj_1/%2E./%2e%2E/prj_2/",
            "http://127.0.0.1:3000/logout",
            "http://127.0.0.1:3000.evil.com/t/ten_1/p/prj_1/",
            &long,
        ] {
            assert!(check(url, &allowed(), &OWN).is_err(), "{url}");
        }
        let theirs = vec![origin("https://other.example").unwrap()];
        assert_eq!(check("https://good.com/", &theirs, &OWN), Err(Refusal::NotAllowed));
    }

    #[test]
    fn an_origin_has_one_spelling() {
        for (typed, kept) in [
            (" https://Shop.Example/ ", Ok("https://shop.example".to_owned())),
            ("https://shop.example:443", Ok("https://shop.example".to_owned())),
            ("https://shop.example:8443", Ok("https://shop.example:8443".to_owned())),
            ("https://shop.example/path", Err(Refusal::NotAnOrigin)),
            ("http://shop.example", Err(Refusal::Malformed)),
            ("shop.example", Err(Refusal::Malformed)),
            ("https://*.example.com", Err(Refusal::Malformed)),
        ] {
            assert_eq!(origin(typed), kept, "{typed}");
        }
    }
}
