//! `billfold keys …`: the master keys, made, changed and taken away while everything runs.

use anyhow::{anyhow, bail};
use billfold::{
    accounts::{
        self,
        master_keys::{self, KeyUse},
    },
    config::Config,
    vault::{ExposeSecret as _, Keyring},
};
use clap::{Args, Subcommand};

use super::{Settings, look, open};

/// What can be done with master keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Print a new master key, to be put into `BILLFOLD_MASTER_KEYS`
    Generate,
    /// Seal everything by another master key, while billfold runs
    ///
    /// With a key file, makes a new key in it; processes that run find it there. With `BILLFOLD_MASTER_KEYS`, the first entry
    /// seals: every process must know it before, so put it last, restart them, put it first, restart them, and then run this.
    /// An interrupted change is gone on with.
    Rotate(Settings),
    /// Which master keys there are, and how much is sealed by each
    Status(Settings),
    /// Take a key that nothing is sealed by any more out of the key file
    Retire(Retire),
}

/// The key to be taken away.
#[derive(Args)]
pub struct Retire {
    /// Its id, from `billfold keys status`
    id: String,
    #[command(flatten)]
    config: Config,
}

impl Keys {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Generate => {
                println!("{}", Keyring::generate_entry().expose_secret());
                Ok(())
            }
            Self::Rotate(Settings { config }) => rotate(config).await,
            Self::Status(Settings { config }) => {
                let app = look(config).await?;
                for key in master_keys::status(&app).await? {
                    println!("{}", line(&key));
                }
                app.db.close().await;
                Ok(())
            }
            Self::Retire(Retire { id, config }) => retire(&id, config).await,
        }
    }
}

async fn rotate(config: Config) -> anyhow::Result<()> {
    let from_file = config.master_keys.is_none();
    let app = open(config).await?;
    let unfinished = master_keys::status(&app).await?.iter().any(|key| !key.seals && key.seals_keys > 0);
    if from_file && !unfinished {
        let id = app.keyring.add_key()?;
        println!("Made master key {id}. Back the key file up.");
    }
    let resealed = master_keys::reseal(&app).await?;
    println!("Sealed {resealed} data keys anew.");
    for key in master_keys::status(&app).await? {
        println!("{}", line(&key));
    }
    app.db.close().await;
    Ok(())
}

async fn retire(id: &str, config: Config) -> anyhow::Result<()> {
    if config.master_keys.is_some() {
        bail!(
            "the master keys come from BILLFOLD_MASTER_KEYS: once `billfold keys status` counts nothing for {id}, take it out there"
        );
    }
    let app = open(config).await?;
    let retired = master_keys::retire(&app, id).await;
    app.db.close().await;
    match retired {
        Ok(()) => {
            println!("Master key {id} is out of the key file.");
            Ok(())
        }
        Err(accounts::Error::Unknown) => Err(anyhow!("there is no master key '{id}'")),
        Err(error) => Err(error.into()),
    }
}

fn line(key: &KeyUse) -> String {
    let state = match key {
        KeyUse { seals: true, .. } => "seals",
        KeyUse { known: false, .. } => "MISSING",
        KeyUse { seals_keys: 0, .. } => "not needed any more",
        _ => "opens",
    };
    format!("{}  {state}  {} data keys", key.id, key.seals_keys)
}
