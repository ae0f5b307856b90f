//! Addresses that come from outside, in Stripe's objects: which of them a person is led to.

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
