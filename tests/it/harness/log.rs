//! What billfold says at its most talkative, through the whole suite: tests/run names a folder in `BILLFOLD_TEST_LOGS` and looks
//! for secrets in it afterwards.

use std::{fs::File, io::Write as _, sync::OnceLock};

use billfold::telemetry::{self, LogFormat};

/// The level of all of it.
pub const LEVEL: &str = "trace";
/// In a process of the suite: what visitors and programs are made of says nothing.
const WITHOUT_TOOLS: &str =
    "trace,cookie_store=off,html5ever=off,markup5ever=off,selectors=off,scraper=off,thirtyfour=off";

/// This process's file in that folder, if there is one.
fn file() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    let open = || {
        let folder = std::env::var_os("BILLFOLD_TEST_LOGS")?;
        let name = format!("{}.log", std::process::id());
        Some(File::options().append(true).create(true).open(std::path::Path::new(&folder).join(name)).unwrap())
    };
    FILE.get_or_init(open).as_ref()
}

/// Whether the log is kept.
pub fn is_kept() -> bool {
    file().is_some()
}

/// From now on what billfold says in this process is kept.
pub fn start() {
    if let Some(file) = file() {
        telemetry::start_logs_to(move || file, WITHOUT_TOOLS, LogFormat::Text).unwrap();
    }
}

/// Keeps a line of another process.
pub fn keep(line: &str) {
    if let Some(mut file) = file() {
        writeln!(file, "{line}").unwrap();
    }
}
