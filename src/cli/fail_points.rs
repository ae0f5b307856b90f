//! For `tests/crash` alone (feature `failpoints`): the process dies at a named point of the code, as if somebody had killed it there.

use std::sync::atomic::{AtomicUsize, Ordering};

/// `point:n`: at the n-th passage.
const VARIABLE: &str = "BILLFOLD_TEST_DIE_AT";

/// Arms the point that the environment names, if any.
///
/// # Panics
/// When it is not written so: a test that does not test what it says must not pass.
#[expect(clippy::expect_used, clippy::print_stderr, reason = "a part of the tests")]
pub fn arm() {
    let Ok(given) = std::env::var(VARIABLE) else { return };
    let (point, passage) = given.split_once(':').expect("point:n");
    let passage: usize = passage.parse().expect("point:n");
    let (passed, name) = (AtomicUsize::new(0), point.to_owned());
    let die = move || {
        if passed.fetch_add(1, Ordering::SeqCst) + 1 == passage {
            eprintln!("dies at {name}");
            std::process::abort(); // no destructor, no flush: what is not on disk is lost
        }
    };
    fail::cfg_callback(point, die).expect("a point");
}
