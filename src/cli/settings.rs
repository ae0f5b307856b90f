//! Where settings come from: flags, then environment, then the TOML file, then defaults. A value from the file becomes the
//! default of its flag, so it is checked and reported like any other. Errors say where a setting can be given and what it
//! must look like, and never repeat a secret.
#![expect(clippy::print_stderr, reason = "the command line speaks to a person")]

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{
    Arg, ArgMatches, Command, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Why the command line cannot be used.
#[derive(Debug)]
pub enum Wrong {
    /// An argument or setting, as clap reports it, and where else it can be given.
    Argument(Box<Error>, Option<String>),
    /// The TOML file.
    File(String),
}

impl Wrong {
    /// Tells the person; help and version are not failures.
    pub fn report(self) -> ExitCode {
        match self {
            Self::Argument(error, place) => {
                let _ = error.print();
                if let Some(place) = place {
                    eprintln!("\n{place}");
                }
                if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
            }
            Self::File(problem) => {
                eprintln!("error: {problem}");
                ExitCode::from(2)
            }
        }
    }
}

/// Reads the arguments, with the file's values as defaults.
pub fn read(command: Command, arguments: impl IntoIterator<Item = OsString>) -> Result<ArgMatches, Wrong> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let command = match file_of(&arguments) {
        Some(file) => with_defaults(command, &file)?,
        None => command,
    };
    let mut built = command.clone();
    command.try_get_matches_from(arguments).map_err(|error| {
        built.build(); // only a built argument can be shown as the error shows it
        let place = place_of(&built, &error);
        Wrong::Argument(Box::new(error), place)
    })
}

/// The file of `--config` or `BILLFOLD_CONFIG`, known before anything else is parsed.
fn file_of(arguments: &[OsString]) -> Option<PathBuf> {
    let given = arguments.iter().enumerate().find_map(|(position, argument)| {
        let text = argument.to_str()?;
        match text.strip_prefix("--config=") {
            Some(path) => Some(PathBuf::from(path)),
            None if text == "--config" => arguments.get(position + 1).map(PathBuf::from),
            None => None,
        }
    });
    given.or_else(|| std::env::var_os("BILLFOLD_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from))
}

fn with_defaults(command: Command, file: &Path) -> Result<Command, Wrong> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| Wrong::File(format!("{shown}: {error}")))?;
    let table: toml::Table = text.parse().map_err(|error| Wrong::File(format!("{shown}: {error}")))?;
    let known = setting_names(&command);
    let mut command = command;
    for (key, value) in table {
        let name = key.replace('-', "_");
        if !known.contains(&name) {
            return Err(Wrong::File(format!("{shown}: there is no setting '{key}'{}", near(&name, &known))));
        }
        let value = text_of(&value).ok_or_else(|| {
            Wrong::File(format!("{shown}: '{key}' must be a text, a number, true, false or a list of them"))
        })?;
        command = set_default(command, &name, &value);
    }
    Ok(command)
}

/// The settings that any command takes: the arguments with an environment variable, except the file itself.
fn setting_names(command: &Command) -> Vec<String> {
    let mut names: Vec<String> = all_arguments(command)
        .into_iter()
        .filter(|argument| argument.get_env().is_some() && argument.get_id() != "config")
        .map(|argument| argument.get_id().to_string())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn all_arguments(command: &Command) -> Vec<&Arg> {
    let below = command.get_subcommands().flat_map(all_arguments);
    command.get_arguments().chain(below).collect()
}

fn set_default(command: Command, name: &str, value: &str) -> Command {
    let value = value.to_owned();
    let has = command.get_arguments().any(|argument| argument.get_id() == name);
    let command = if has {
        command.mut_arg(name, |argument| argument.default_value(value.clone()).hide_default_value(true))
    } else {
        command
    };
    command.mut_subcommands(|below| set_default(below, name, &value))
}

/// `; did you mean 'bind'?`
fn near(name: &str, known: &[String]) -> String {
    let closest = known.iter().map(|other| (strsim::jaro_winkler(name, other), other));
    let closest = closest.max_by(|one, other| one.0.total_cmp(&other.0));
    closest
        .filter(|(score, _)| *score > 0.7)
        .map_or_else(String::new, |(_, other)| format!("; did you mean '{other}'?"))
}

fn text_of(value: &toml::Value) -> Option<String> {
    Some(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Array(items) => items.iter().map(text_of).collect::<Option<Vec<_>>>()?.join(","),
        _ => return None,
    })
}

/// The three places of a setting and its meaning, when an error is about one.
fn place_of(command: &Command, error: &Error) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return None;
    }
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return None };
    let argument = all_arguments(command).into_iter().find(|argument| argument.to_string() == *shown)?;
    let variable = argument.get_env()?.to_string_lossy().into_owned();
    let flag = argument.get_long()?;
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    Some(format!("{variable} (also --{flag}, or {} in the settings file): {help}", argument.get_id()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Wrong, read};
    use crate::cli::Cli;

    fn with_file(text: &str, arguments: &[&str]) -> Result<clap::ArgMatches, Wrong> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        let path = file.path().to_str().unwrap();
        let arguments = [&["billfold", "--config", path], arguments].concat();
        read(Cli::command(), arguments.into_iter().map(Into::into))
    }

    fn bind(matches: &clap::ArgMatches) -> String {
        let (_, serve) = matches.subcommand().unwrap();
        serve.get_one::<std::net::SocketAddr>("bind").unwrap().to_string()
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "bind = \"127.0.0.1:4000\"\nstripe-live-rate = 7\ntrusted_proxies = [\"10.0.0.1\", \"10.0.0.2\"]\n";
        let matches = with_file(file, &["serve"]).unwrap();
        assert_eq!(bind(&matches), "127.0.0.1:4000");
        let (_, serve) = matches.subcommand().unwrap();
        assert_eq!(serve.get_one::<u32>("stripe_live_rate"), Some(&7));
        assert_eq!(serve.get_many::<std::net::IpAddr>("trusted_proxies").unwrap().count(), 2);
        assert_eq!(bind(&with_file(file, &["serve", "--bind", "127.0.0.1:5000"]).unwrap()), "127.0.0.1:5000");
    }

    #[test]
    fn an_unknown_setting_names_the_near_one() {
        let Err(Wrong::File(problem)) = with_file("databse_url = \"x\"", &["serve"]) else { panic!("accepted") };
        assert!(problem.contains("'databse_url'") && problem.contains("did you mean 'database_url'?"), "{problem}");
    }

    #[test]
    fn a_wrong_value_names_every_place_it_can_come_from() {
        let Err(Wrong::Argument(error, Some(place))) = with_file("bind = \"nowhere\"", &["serve"]) else {
            panic!("accepted, or without its place")
        };
        assert!(error.to_string().contains("nowhere"), "{error}");
        assert!(place.starts_with("BILLFOLD_BIND (also --bind, or bind in the settings file)"), "{place}");
    }
}
