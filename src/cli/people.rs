//! `billfold user …` and `billfold setup-link`.

use std::{io::Read as _, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use billfold::{
    accounts::{
        self, recovery, setup,
        signup::{NewUser, signup},
        two_factor,
    },
    config::Config,
    domain::role::Role,
    vault::{ExposeSecret as _, SecretString, new_token},
};
use clap::{Args, Subcommand};

use super::open;

/// How long a command waits for a message that it left behind.
const MAIL: Duration = Duration::from_secs(20);

/// What can be done with people.
#[derive(Subcommand)]
pub enum User {
    /// Create a person; a tenant of a new name is created with its owner
    Create(Create),
    /// Turn a person's second factor off, for a phone that is lost, and end every session of theirs
    DisableTwoFactor(DisableTwoFactor),
    /// Set a new password for a person and end every session of theirs
    ResetPassword(ResetPassword),
}

/// Whose second factor is turned off.
#[derive(Args)]
pub struct DisableTwoFactor {
    /// E-mail address of the person
    #[arg(long)]
    email: String,
    #[command(flatten)]
    config: Config,
}

impl DisableTwoFactor {
    async fn run(self) -> anyhow::Result<()> {
        let app = open(self.config).await?;
        let user = two_factor::turn_off_by_operator(&app, &self.email).await.map_err(by_flag)?;
        app.db.close().await;
        println!("{user}");
        Ok(())
    }
}

/// Whose password is set.
#[derive(Args)]
pub struct ResetPassword {
    /// E-mail address of the person
    #[arg(long)]
    email: String,
    /// Read the password from standard input; without it one is made and printed
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    config: Config,
}

impl ResetPassword {
    async fn run(self) -> anyhow::Result<()> {
        let given = if self.password_stdin { Some(read_password()?) } else { None };
        let password = given.clone().unwrap_or_else(new_password);
        let app = open(self.config).await?;
        let done = recovery::set_by_operator(&app, &self.email, password.clone()).await;
        let user = done.map_err(by_flag)?;
        app.settle(MAIL).await; // the person is told by mail
        app.db.close().await;
        println!("{user}");
        if given.is_none() {
            println!("password: {}", password.expose_secret());
        }
        Ok(())
    }
}

/// A refusal in the words of the command line.
fn by_flag(error: accounts::Error) -> anyhow::Error {
    match error.field() {
        Some((field, problem)) => anyhow!("--{field}: {problem}"),
        None => error.into(),
    }
}

/// A person to be made.
#[derive(Args)]
pub struct Create {
    /// E-mail address: the login
    #[arg(long)]
    email: String,
    /// What the person is called
    #[arg(long, default_value = "")]
    name: String,
    /// Name of the business; made when there is none of this name
    #[arg(long)]
    tenant: String,
    /// owner, admin, member or viewer; the first person of a business is its owner
    #[arg(long, value_parser = parse_role)]
    role: Role,
    /// Read the password from standard input; without it one is made and printed
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    config: Config,
}

impl User {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run().await,
            Self::ResetPassword(reset) => reset.run().await,
            Self::DisableTwoFactor(disable) => disable.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> anyhow::Result<()> {
        let create = self;
        let given = if create.password_stdin { Some(read_password()?) } else { None };
        let password = given.clone().unwrap_or_else(new_password);
        let app = open(create.config).await?;
        let new = NewUser { email: create.email, name: create.name, password: password.clone() };
        let made = signup(&app, new, &create.tenant, create.role).await;
        let made = made.map_err(by_flag)?;
        app.db.close().await;
        println!("{} in {}", made.user, made.tenant);
        if given.is_none() {
            println!("password: {}", password.expose_secret());
        }
        Ok(())
    }
}

/// Prints a new one-time link; the one before stops working.
pub async fn setup_link(config: Config) -> anyhow::Result<()> {
    let app = open(config).await?;
    let token = setup::new_token_if_open(&app).await?;
    app.db.close().await;
    let Some(token) = token else {
        bail!("set-up is closed: somebody exists already. More people come with: billfold user create")
    };
    println!("{}/setup?token={token}", app.config.public_url());
    Ok(())
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "must be owner, admin, member or viewer".to_owned())
}

fn read_password() -> anyhow::Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("reading the password from standard input")?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}

/// A password that nobody has to remember for long: 100 random bits.
pub fn new_password() -> SecretString {
    SecretString::from(&new_token()[..20])
}
