//! An address that is taken leads to an origin that the project allows, or to the project's own pages, as the crate `url` reads it;
//! browsers read by the same rules.

use billfold::domain::return_url::{OwnPages, SESSION_PLACEHOLDER, check, origin};
use url::Url;

use super::bytes::text;

const OWN: OwnPages<'_> = OwnPages { base: "https://billing.example", home: "/t/ten_1/p/prj_1/" };
const ALLOWED: [&str; 2] = ["https://good.example", "https://pay.good.example:8443"];

/// Panics when an address is taken that leads elsewhere.
pub fn judge(data: &[u8]) {
    let sent = text(data);
    if check(&sent, &ALLOWED.map(str::to_owned), &OWN).is_ok() {
        assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()), "{sent:?}");
        for session in [SESSION_PLACEHOLDER, "cs_test_a1"] {
            leads_home(&sent.replace(SESSION_PLACEHOLDER, session));
        }
    }
    if let Ok(kept) = origin(&sent) {
        assert_eq!(origin(&kept), Ok(kept.clone()));
        assert_eq!(check(&format!("{kept}/done"), std::slice::from_ref(&kept), &OWN), Ok(()));
        // A name that is no name (`xn--` and nonsense) is an address to nobody.
        if let Ok(url) = Url::parse(sent.trim()) {
            assert_eq!(url.origin().ascii_serialization(), kept, "{sent:?}");
        }
    }
}

fn leads_home(address: &str) {
    let url = Url::parse(address).expect("an address that was taken can be read");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{address}");
    let origin = url.origin().ascii_serialization();
    let own = origin == OWN.base && url.path().starts_with(OWN.home);
    assert!(own || ALLOWED.contains(&origin.as_str()), "{address} leads to {url}");
}
