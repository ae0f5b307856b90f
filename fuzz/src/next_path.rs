//! Wherever a login leads on to, a browser stays on this site; the crate `url` reads addresses as browsers do.

use billfold::domain::next_path::next_path;
use url::Url;

use super::bytes::text;

/// Panics when the way back leads to another site, or can break out of the header that carries it.
pub fn judge(data: &[u8]) {
    let sent = text(data);
    let next = next_path(&sent);
    assert!(next == sent || next == "/", "{sent:?} became {next:?}");
    assert!(next.bytes().all(|byte| byte.is_ascii_graphic()), "{next:?}");
    for here in ["https://billing.example", "http://127.0.0.1:3000/login?next=x"] {
        let here = Url::parse(here).expect("our own address");
        let there = here.join(&next).expect("a path");
        assert_eq!(here.origin(), there.origin(), "{next:?}");
        assert!(there.username().is_empty() && there.password().is_none(), "{next:?}");
    }
}
