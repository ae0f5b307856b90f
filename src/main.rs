//! The command line. Each command is a file of `cli`; this one reads the arguments and turns failures into exit codes:
//! 0 done, 1 failed (standard error says why), 2 the arguments or settings are wrong.

mod cli;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use cli::{Cli, settings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The process may hold more than one TLS provider by its dependencies; this one is ours.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[cfg(feature = "failpoints")]
    cli::fail_points::arm();
    let matches = match settings::read(Cli::command(), std::env::args_os()) {
        Ok(matches) => matches,
        Err(wrong) => return wrong.report(),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let done = runtime.block_on(cli.command.run());
    runtime.shutdown_background(); // what is still running has had its time in the command
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the command line speaks to a person")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("billfold: {}", told(error));
    if cli::blames_settings(error) { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// The error and its causes; many an error has told its cause already.
fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow!("no role").context("migration 5: no role").context("database");
        assert_eq!(super::told(&error), "database: migration 5: no role");
    }
}
