//! `billfold audit …`: whether the audit logs are as they were written.

use anyhow::{anyhow, bail};
use billfold::{
    accounts::audit::{Anchor, Verdict, verify},
    config::Config,
    store::tenants,
};
use clap::{Args, Subcommand};

use super::look;

/// What can be done with audit logs.
#[derive(Subcommand)]
pub enum Audit {
    /// Check every entry of every business's log, or of one; fails when something was done to it
    Verify(Verify),
}

/// Which logs to check.
#[derive(Args)]
pub struct Verify {
    /// Name or id of one business
    #[arg(long)]
    tenant: Option<String>,
    /// The newest entry as an earlier check or the program's log named it: it must still be there
    #[arg(long, value_name = "NUMBER:CODE", requires = "tenant")]
    head: Option<Anchor>,
    #[command(flatten)]
    config: Config,
}

impl Audit {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Verify(wish) => wish.run().await,
        }
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<()> {
        let app = look(self.config).await?;
        let mut tx = app.db.system_read().await?;
        let mut names = tenants::names(&mut tx).await?;
        drop(tx);
        if let Some(wanted) = &self.tenant {
            names.retain(|(id, name)| id.as_str() == wanted || name == wanted);
            if names.is_empty() {
                return Err(anyhow!("there is no business '{wanted}'"));
            }
        }
        let mut bad = 0;
        for (tenant, name) in names {
            match verify(&app, &tenant, self.head.as_ref()).await? {
                Verdict::Intact { entries, unproven: 0, head } => {
                    println!("{name} ({tenant}): intact, {entries} entries, newest {head}");
                }
                Verdict::Intact { entries, unproven, head } => {
                    println!(
                        "{name} ({tenant}): intact, {entries} entries, {unproven} of them older than the chain, newest {head}"
                    );
                }
                Verdict::Broken { seq, how } => {
                    bad += 1;
                    println!("{name} ({tenant}): entry {seq} {how}");
                }
            }
        }
        app.db.close().await;
        if bad > 0 {
            bail!("{bad} of the audit logs are not as they were written");
        }
        Ok(())
    }
}
