//! From settings to a program that may be trusted with something: the database opened, migrated and checked, the master keys
//! read, every sealed data key opened once.

use std::{collections::BTreeMap, path::Path};

use super::App;
use crate::{
    clock::Clock,
    config::Config,
    db::{self, Db, Options},
    mail, openid,
    store::{instance, tenants},
    vault::{Keyring, KeyringError, SealError},
};

/// Why billfold does not start. The text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened, migrated or trusted.
    #[error("{0}")]
    Database(#[from] db::Error),
    /// There is no usable master key.
    #[error("{0}")]
    Keyring(#[from] KeyringError),
    /// Data was sealed by a master key that is not here.
    #[error(
        "{tenants} tenant(s) are sealed by master key '{key}', which is neither in BILLFOLD_MASTER_KEYS nor in the key file. Put it back; without it their Stripe keys cannot be opened"
    )]
    MissingMasterKey {
        /// The key's id.
        key: String,
        /// How many tenants need it.
        tenants: usize,
    },
    /// A sealed data key was changed or moved.
    #[error("the data key of tenant {tenant} does not open: {cause}")]
    DataKey {
        /// The tenant's id.
        tenant: String,
        /// Why.
        cause: SealError,
    },
    /// The sealed key for people's secrets was changed.
    #[error("the key for people's second factors does not open: {0}")]
    PeopleKey(SealError),
    /// The settings of mail cannot be used.
    #[error("{0}")]
    Mail(#[from] mail::Wrong),
    /// The settings of the identity provider cannot be used.
    #[error("{0}")]
    OpenId(#[from] openid::Wrong),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl StartError {
    /// Whether the settings are what is wrong, so that another start with the same ones ends in the same way.
    pub fn blames_settings(&self) -> bool {
        match self {
            Self::Database(error) => error.blames_settings(),
            Self::Keyring(_) | Self::MissingMasterKey { .. } | Self::Mail(_) => true,
            Self::OpenId(wrong) => *wrong != openid::Wrong::Tls,
            Self::DataKey { .. } | Self::PeopleKey(_) | Self::Tls(_) => false,
        }
    }
}

impl App {
    /// Opens everything that the settings name, applies missing migrations, and refuses to go on when a promise would break.
    pub async fn start(config: Config, clock: Clock) -> Result<Self, StartError> {
        let db = Db::connect(&options(&config)).await?;
        db.migrate().await?;
        let keyring = match &config.master_keys {
            Some(keys) => Keyring::parse(keys)?,
            None => load_or_create(&config.key_file)?,
        };
        Self::trust(db, keyring, config, clock).await
    }

    /// The same for whoever only looks: refuses to go on where a start would make or migrate something.
    pub async fn look(config: Config, clock: Clock) -> Result<Self, StartError> {
        let options = options(&config);
        options.expect_there()?;
        let db = Db::connect(&options).await?;
        db.expect_migrated().await?;
        let keyring = match &config.master_keys {
            Some(keys) => Keyring::parse(keys)?,
            None => Keyring::load(&config.key_file)?,
        };
        Self::trust(db, keyring, config, clock).await
    }

    async fn trust(db: Db, keyring: Keyring, config: Config, clock: Clock) -> Result<Self, StartError> {
        db.check().await?;
        let app = Self::new(db, clock, keyring, config)?;
        app.check_data_keys().await?;
        Ok(app)
    }

    /// Opens every tenant's data key. Fails with the master key that is missing and how many tenants need it.
    pub async fn check_data_keys(&self) -> Result<(), StartError> {
        let mut tx = self.db.system_read().await?;
        let mut missing: BTreeMap<String, usize> = BTreeMap::new();
        for tenant in tenants::data_keys(&mut tx).await? {
            match self.keyring.open_data_key(&tenant.id, &tenant.key) {
                Ok(_) => {}
                Err(SealError::UnknownMasterKey(id)) => *missing.entry(id).or_default() += 1,
                Err(cause) => return Err(StartError::DataKey { tenant: tenant.id.to_string(), cause }),
            }
        }
        if let Some(sealed) = instance::people_key(&mut tx).await? {
            match self.keyring.open_people_key(&sealed) {
                Ok(_) => {}
                Err(SealError::UnknownMasterKey(id)) => *missing.entry(id).or_default() += 1,
                Err(cause) => return Err(StartError::PeopleKey(cause)),
            }
        }
        match missing.into_iter().next() {
            Some((key, tenants)) => Err(StartError::MissingMasterKey { key, tenants }),
            None => Ok(()),
        }
    }
}

fn options(config: &Config) -> Options {
    Options { url: config.database_url.clone(), connections: config.database_connections }
}

fn load_or_create(file: &Path) -> Result<Keyring, KeyringError> {
    let (keyring, created) = Keyring::load_or_create(file)?;
    if created {
        let file = file.display();
        tracing::warn!(%file, "made a new master key: back this file up, without it the sealed Stripe keys are lost");
    }
    Ok(keyring)
}
