//! Where a person is led after the login.

/// The longest path taken.
const LONGEST: usize = 2_048;

/// Where to go after the login: a path of this site, else the start. Anything a browser could read as another host is refused, and
/// browsers read a backslash as a slash and skip control characters.
pub fn next_path(next: &str) -> String {
    let path = next.starts_with('/') && !next.starts_with("//");
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let loops = ["/login", "/logout", "/setup", "/confirm"].iter().any(|path| next.starts_with(path));
    if path && plain && !loops && next.len() <= LONGEST { next.to_owned() } else { "/".to_owned() }
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
