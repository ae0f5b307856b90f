//! Addresses that come from outside, in Stripe's objects or in a form: which of them a person is led to.

use crate::config::Config;
use crate::domain::raw::Raw;

/// The address in a field of an object of Stripe's: behind https, or below the address at which Stripe itself is called, which
/// for the imitation of it is plain http.
pub fn stripe<'a>(config: &Config, object: &'a Raw, pointer: &str) -> Option<&'a str> {
    let own = |url: &&str| {
        let rest = url.strip_prefix(config.stripe_api_base.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.starts_with('/')) && url.bytes().all(|byte| byte.is_ascii_graphic())
    };
    object.link(pointer).or_else(|| object.text(pointer).filter(own))
}

/// Where to go after the login: a path of this site, else the start. Anything a browser could read as another host is refused, and
/// browsers read a backslash as a slash and skip control characters.
pub fn next_path(next: &str) -> String {
    let path = next.starts_with('/') && !next.starts_with("//");
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let loops = ["/login", "/logout", "/setup", "/confirm"].iter().any(|path| next.starts_with(path));
    if path && plain && !loops && next.len() <= 2_048 { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::next_path;

    #[test]
    fn the_way_back_stays_on_this_site() {
        for inside in ["/", "/t/ten_1/p/prj_1/customers?q=a%20b", "/portal"] {
            assert_eq!(next_path(inside), inside);
        }
        let outside = [
            "",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            "evil.example",
            " //evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/login?next=/",
            "/logout",
            "/a b",
            "/ü",
        ];
        for outside in outside {
            assert_eq!(next_path(outside), "/", "{outside:?}");
        }
    }
}
