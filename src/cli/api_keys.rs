//! `billfold api-key …`: keys of the REST API, by hand of the operator.

use std::time::Duration;

use anyhow::{anyhow, bail};
use billfold::{
    accounts::{self, api_keys::KeyWish},
    config::Config,
    domain::{
        api_key::{ApiScope, ApiScopes, DEFAULT_DAYS, MOST_DAYS, Preset},
        ids::KeyId,
        time,
    },
    store::api_keys,
};
use clap::{Args, Subcommand};

use super::{
    Settings, look, open,
    place::{Place, operator},
};

/// What telling the owners by mail may take.
const MAIL: Duration = Duration::from_secs(20);

/// What can be done with keys.
#[derive(Subcommand)]
pub enum ApiKey {
    /// Make a key and print it, this once
    Create(Create),
    /// The keys of a project
    List(List),
    /// End a key now
    Revoke(Revoke),
}

/// A key to be made.
#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    place: Place,
    /// What the key is called
    #[arg(long)]
    name: String,
    /// What the key may do, such as customers:read; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_parser = parse_scope, required_unless_present = "preset")]
    scopes: Vec<ApiScope>,
    /// read-only, portal-links or everything, in place of scopes
    #[arg(long, value_parser = parse_preset, conflicts_with = "scopes")]
    preset: Option<Preset>,
    /// For how many days it works
    #[arg(long, default_value_t = DEFAULT_DAYS, value_parser = clap::value_parser!(i64).range(1..=MOST_DAYS))]
    days: i64,
    #[command(flatten)]
    config: Config,
}

/// Whose keys to list.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    config: Config,
}

/// The key to end.
#[derive(Args)]
pub struct Revoke {
    /// Its id, from the list
    #[arg(value_parser = parse_id)]
    id: KeyId,
    #[command(flatten)]
    settings: Settings,
}

impl ApiKey {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(list) => list.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> anyhow::Result<()> {
        let app = open(self.config).await?;
        let scope = self.place.find(&app).await?;
        let scopes = self.preset.map_or_else(|| self.scopes.into_iter().collect(), Preset::scopes);
        let made = scope.create_api_key(&KeyWish { name: self.name, scopes, days: self.days }).await;
        let made = made.map_err(in_words)?;
        println!("{}", made.key.expose());
        println!("{} works until {}; the key above is kept nowhere", made.id, time::day(made.expires_at));
        if !app.settle(MAIL).await {
            println!("The mail about it could not be sent in time");
        }
        app.db.close().await;
        Ok(())
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let app = look(self.config).await?;
        let scope = self.place.find(&app).await?;
        let now = app.clock.now();
        let mut tx = app.db.system_read().await?;
        let keys = api_keys::list(&mut tx, &scope.tenant, &scope.project, now).await?;
        drop(tx);
        app.db.close().await;
        for key in keys.iter().filter(|key| key.works(now)) {
            let used = key
                .last_used_at
                .map_or_else(|| "never used".to_owned(), |at| format!("used {}", time::relative(at, now)));
            let scopes = ApiScopes::from_stored(&key.scopes).to_stored();
            println!("{}  {}  {}  {used}  until {}  {scopes}", key.id, key.shown, key.name, time::day(key.expires_at));
        }
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> anyhow::Result<()> {
        let app = open(self.settings.config).await?;
        let mut tx = app.db.system_read().await?;
        let place = api_keys::project_of(&mut tx, &self.id).await?;
        drop(tx);
        let Some((tenant, project)) = place else { bail!("there is no key {}", self.id) };
        operator(&app, tenant, project).revoke_api_key(&self.id).await.map_err(in_words)?;
        app.db.close().await;
        println!("{} is revoked", self.id);
        Ok(())
    }
}

fn in_words(error: accounts::Error) -> anyhow::Error {
    match error {
        accounts::Error::Invalid { field, message } => anyhow!("--{field}: {message}"),
        error => error.into(),
    }
}

fn parse_scope(text: &str) -> Result<ApiScope, String> {
    let all = || ApiScope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
    ApiScope::parse(text).ok_or_else(|| format!("must be one of {}", all()))
}

fn parse_preset(text: &str) -> Result<Preset, String> {
    Preset::parse(text).ok_or_else(|| "must be read-only, portal-links or everything".to_owned())
}

fn parse_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text).ok_or_else(|| "must be a key's id: key_ and 24 letters and digits".to_owned())
}
