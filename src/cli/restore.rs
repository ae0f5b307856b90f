//! `billfold restore`: a backup put back, after everything about it was looked at, and settled with what has happened since.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use billfold::{
    accounts::restored::{self, Settled},
    app::App,
    clock::Clock,
    config::Config,
    db::{
        Db, Options,
        files::{self, NotClosed, beside},
    },
    store::{jobs, tenants, users},
    telemetry,
};

use super::WrongSettings;

/// What to put back.
#[derive(clap::Args)]
pub struct Restore {
    /// The backup, as `billfold backup` made it
    #[arg(required_unless_present = "after")]
    file: Option<PathBuf>,
    /// Put it into the place of a database that holds something or cannot be read; that one is kept beside it
    #[arg(long)]
    replace: bool,
    /// The database was put back by other means, such as `pg_restore`: only settle it with what has happened since
    #[arg(long, conflicts_with_all = ["file", "replace"])]
    after: bool,
    #[command(flatten)]
    config: Config,
}

impl Restore {
    /// Does it, and says what came of it.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { file, replace, after: _, config } = self;
        telemetry::start_logs(&config.log, config.log_format).context("BILLFOLD_LOG")?;
        refuse_new_key(&config)?;
        let settled = match file {
            None => settle_in_place(config).await?,
            Some(file) => put_back(&file, replace, config).await?,
        };
        tell(&settled);
        Ok(())
    }
}

/// A start without a key makes one; that one would open nothing.
fn refuse_new_key(config: &Config) -> Result<(), WrongSettings> {
    if config.master_keys.is_some() || config.key_file.exists() {
        return Ok(());
    }
    let file = config.key_file.display();
    Err(WrongSettings(format!(
        "the master key of the backup is missing: put the key file back at {file}, or set BILLFOLD_MASTER_KEYS"
    )))
}

async fn settle_in_place(config: Config) -> anyhow::Result<Settled> {
    let app = App::start(config, Clock::system()).await?;
    let mut tx = app.db.system_read().await?;
    if jobs::any_leased(&mut tx, app.clock.now()).await? {
        bail!("a billfold is at work on this database. Stop it, wait half a minute, and do this again");
    }
    drop(tx);
    let settled = restored::settle(&app).await?;
    app.db.close().await;
    Ok(settled)
}

/// Copies the backup beside the database, looks at the copy, settles it, and only then gives it the database's place.
async fn put_back(backup: &Path, replace: bool, config: Config) -> anyhow::Result<Settled> {
    let options = Options { url: config.database_url.clone(), connections: 1 };
    let Some(database) = options.file()? else {
        bail!(
            "Postgres is put back by pg_restore, and then settled with `billfold restore --after`; see `billfold backup`"
        );
    };
    if beside(backup, "-wal").exists() {
        bail!(
            "{} has a write-ahead log beside it: it is a database, not a backup made by `billfold backup`",
            backup.display()
        );
    }
    let unreadable = if database.exists() { make_way(&options, &database, replace).await? } else { None };
    let copy = beside(&database, ".restoring");
    let settled = prepare(backup, &copy, config).await;
    if settled.is_err() {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(beside(&copy, suffix));
        }
    }
    let settled = settled?;
    let aside = beside(&database, &format!(".replaced-{}", Clock::system().now()));
    files::give_to_owner(&copy, &database).context("the restored database cannot be given to its owner")?;
    let kept = files::replace(&copy, &database, &aside).context("the database could not be replaced")?;
    println!("Put {} back as {}.", backup.display(), database.display());
    if let Some(cause) = unreadable {
        println!("What was there could not be read: {cause}");
    }
    for file in kept {
        println!("What was there is kept as {}.", file.display());
    }
    Ok(settled)
}

/// Refuses a database that is in use, or that holds something or cannot be read and is not to be replaced. Answers why it cannot be read:
/// a damaged one is what backups are for.
async fn make_way(options: &Options, database: &Path, replace: bool) -> anyhow::Result<Option<String>> {
    let shown = database.display();
    let looked = look(options).await;
    match &looked {
        Ok(true) if !replace => {
            bail!("{shown} holds a billfold already. With --replace it is kept beside the restored one")
        }
        Ok(_) => {}
        Err(_) if replace => {}
        Err(error) => bail!("{shown} cannot be read: {error:#}. With --replace it is kept beside the restored one"),
    }
    match files::close_log(database).await {
        Ok(()) => Ok(looked.err().map(|error| format!("{error:#}"))),
        Err(NotClosed::InUse) => bail!("{shown} is in use: stop the billfold that runs on it first"),
        Err(NotClosed::Unreadable(cause)) if replace => Ok(Some(cause.to_string())),
        Err(NotClosed::Unreadable(cause)) => bail!("{shown} cannot be read: {cause}"),
    }
}

/// Whether there is anything in a database.
async fn look(options: &Options) -> anyhow::Result<bool> {
    let db = Db::connect(options).await?;
    let holds = holds_something(&db).await;
    db.close().await;
    holds
}

async fn holds_something(db: &Db) -> anyhow::Result<bool> {
    if db.schema_version().await?.is_none() {
        return Ok(false);
    }
    let mut tx = db.system_read().await?;
    Ok(users::any(&mut tx).await? || !tenants::names(&mut tx).await?.is_empty())
}

/// A copy of the backup that is sound, of this version's schema, opened by the master keys that are here, and settled.
async fn prepare(backup: &Path, copy: &Path, config: Config) -> anyhow::Result<Settled> {
    let shown = backup.display();
    let mut from = std::fs::File::open(backup).with_context(|| format!("{shown} cannot be read"))?;
    let mut to = files::make_private(copy).with_context(|| {
        format!("{} cannot be made; one that an earlier restore left behind may be removed", copy.display())
    })?;
    std::io::copy(&mut from, &mut to).with_context(|| format!("{shown} cannot be copied"))?;
    drop(to);
    files::verify(copy).await.with_context(|| format!("{shown} cannot be used"))?;
    let config = Config { database_url: Options::url_of(copy), ..config };
    let db = Db::connect(&Options { url: config.database_url.clone(), connections: 1 }).await?;
    let version = db.schema_version().await;
    db.close().await;
    if version?.is_none() {
        bail!("{shown} holds no billfold");
    }
    let app = App::start(config, Clock::system()).await.with_context(|| format!("{shown} cannot be used"))?;
    let settled = restored::settle(&app).await;
    app.db.close().await;
    Ok(settled?)
}

fn tell(settled: &Settled) {
    let Settled { sessions, links, writes, connections } = settled;
    println!("  ended   {sessions} sessions, and {links} invitations and links");
    println!("  writes  {writes} waited for Stripe: billfold finds out what came of them before it does anything");
    println!("  copies  {connections} connections are copied anew from Stripe, as soon as billfold serves");
    println!(
        "What was revoked, removed or changed after the backup is as it was: look at API keys, members and passwords, erase"
    );
    println!("again what was erased since, and replace Stripe keys and signing secrets that were replaced since.");
}
