//! For `tests/crash` alone (feature `failpoints`): the process dies at a named point of the code, as if somebody had killed it there, or
//! panics as if the code were wrong.

use std::sync::atomic::{AtomicUsize, Ordering};

/// `point:n`: at the n-th passage.
const DIE: &str = "BILLFOLD_TEST_DIE_AT";
/// `point:n`: at the first n passages.
const PANIC: &str = "BILLFOLD_TEST_PANIC_AT";

/// Arms the points that the environment names, if any.
///
/// # Panics
/// When it is not written so: a test that does not test what it says must not pass.
#[expect(clippy::print_stderr, reason = "a part of the tests")]
pub fn arm() {
    arm_with(DIE, |passage, nth, point| {
        if passage == nth {
            eprintln!("dies at {point}");
            std::process::abort(); // no destructor, no flush: what is not on disk is lost
        }
    });
    arm_with(PANIC, |passage, last, point| assert!(passage > last, "panics at {point}"));
}

#[expect(clippy::expect_used, reason = "a part of the tests")]
fn arm_with(variable: &str, act: impl Fn(usize, usize, &str) + Send + Sync + 'static) {
    let Ok(given) = std::env::var(variable) else { return };
    let (point, count) = given.split_once(':').expect("point:n");
    let count: usize = count.parse().expect("point:n");
    let (passed, name) = (AtomicUsize::new(0), point.to_owned());
    fail::cfg_callback(point, move || act(passed.fetch_add(1, Ordering::SeqCst) + 1, count, &name)).expect("a point");
}
