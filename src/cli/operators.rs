//! `billfold operator …`: who runs this installation.

use anyhow::anyhow;
use billfold::{
    accounts::{self, operators},
    config::Config,
    domain::time,
    store::users,
};
use clap::{Args, Subcommand};

use super::{look, open};

/// What can be done with operators.
#[derive(Subcommand)]
pub enum Operator {
    /// Let a person into the operator's area
    Add(Whose),
    /// Shut a person out of the operator's area
    Remove(Whose),
    /// Print the operators with the day since when they are
    List(List),
}

/// Whom it is about.
#[derive(Args)]
pub struct Whose {
    /// E-mail address of the person
    #[arg(long)]
    email: String,
    #[command(flatten)]
    config: Config,
}

/// Where to look.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    config: Config,
}

impl Operator {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add(whose) => whose.appoint(true).await,
            Self::Remove(whose) => whose.appoint(false).await,
            Self::List(list) => list.run().await,
        }
    }
}

impl Whose {
    async fn appoint(self, operator: bool) -> anyhow::Result<()> {
        let app = open(self.config).await?;
        let done = operators::appoint(&app, &self.email, operator).await;
        app.db.close().await;
        let user = done.map_err(|error| match error {
            accounts::Error::Invalid { field, message } => anyhow!("--{field}: {message}"),
            other => other.into(),
        })?;
        println!("{user}");
        Ok(())
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let app = look(self.config).await?;
        let mut tx = app.db.system_read().await?;
        for (email, since) in users::operators(&mut tx).await? {
            println!("{email}  since {}", time::date(since));
        }
        drop(tx);
        app.db.close().await;
        Ok(())
    }
}
