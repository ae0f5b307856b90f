//! `billfold backup`: a copy of everything while billfold serves.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use billfold::{
    config::Config,
    db::{Db, Options, files},
    telemetry,
    vault::new_token,
};

/// Where the copy goes.
#[derive(clap::Args)]
pub struct Backup {
    /// The file to make; one that exists is never replaced
    file: PathBuf,
    #[command(flatten)]
    config: Config,
}

impl Backup {
    /// Makes it. On Postgres says how, and fails, since nothing was made.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { file, config } = self;
        telemetry::start_logs(&config.log, config.log_format).context("BILLFOLD_LOG")?;
        let options = Options { url: config.database_url.clone(), connections: 1 };
        let Some(database) = options.file()? else { return postgres(&options, &file).await };
        if !database.exists() {
            bail!("there is no database at {}", database.display());
        }
        let bytes = copy(&options, &file).await?;
        println!("Backed up {} to {}, {bytes} bytes.", database.display(), file.display());
        println!("{}", about_keys(&config));
        Ok(())
    }
}

/// A backup has its name only once it is whole: until then it stands beside it under another one.
async fn copy(options: &Options, file: &Path) -> anyhow::Result<u64> {
    refuse_existing(file)?;
    let part = files::beside(file, &format!(".{}.part", &new_token()[..8]));
    files::make_private(&part).with_context(|| format!("{} cannot be made", part.display()))?;
    let made = async {
        let db = Db::connect(options).await?;
        db.copy_into(&part).await?;
        db.close().await;
        files::verify(&part).await
    };
    let named = match made.await {
        Ok(()) => refuse_existing(file).and_then(|()| Ok(files::put(&part, file)?)),
        Err(error) => Err(error.into()),
    };
    if named.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    named?;
    Ok(std::fs::metadata(file)?.len())
}

fn refuse_existing(file: &Path) -> anyhow::Result<()> {
    if file.symlink_metadata().is_ok() {
        bail!("{} exists already; a backup never replaces a file", file.display());
    }
    Ok(())
}

fn about_keys(config: &Config) -> String {
    let place = match &config.master_keys {
        Some(_) => "BILLFOLD_MASTER_KEYS".to_owned(),
        None => std::path::absolute(&config.key_file).unwrap_or_else(|_| config.key_file.clone()).display().to_string(),
    };
    format!(
        "The master key is not in it: it is in {place}. Keep a copy of it in another place than the backup; without it no Stripe key in the backup can be opened, and with it everybody can."
    )
}

async fn postgres(options: &Options, file: &Path) -> anyhow::Result<()> {
    let db = Db::connect(options).await.context("database")?;
    let version = db.schema_version().await?;
    let may = db.may_be_dumped().await?;
    db.close().await;
    let file = file.display();
    println!("Postgres is copied by its own tools, at any time while billfold serves:\n");
    println!("    pg_dump --format=custom --file={file}.part \"$DATABASE_URL\" && mv -n {file}.part {file}\n");
    println!(
        "and put back into a new, empty database beside the old one, which stays until the new one has proved itself."
    );
    println!("Roles are not in a dump: on another server make the role of DATABASE_URL first, then");
    println!("`CREATE ROLE billfold_app NOLOGIN` and `GRANT billfold_app TO` the other. While no billfold runs:\n");
    println!("    createdb billfold_restored");
    println!("    pg_restore --exit-on-error --dbname=billfold_restored {file}");
    println!(
        "    psql --dbname=postgres --single-transaction --command='ALTER DATABASE billfold RENAME TO billfold_before' \\"
    );
    println!("      --command='ALTER DATABASE billfold_restored RENAME TO billfold'");
    println!("    billfold restore --after\n");
    println!("with the names of your databases, and with host and user as in DATABASE_URL.\n");
    println!("ok  the database answers, schema {}", version.unwrap_or(0));
    if may {
        println!("ok  the role of DATABASE_URL sees all rows, as a dump needs it");
    } else {
        println!("--  row-level security binds the role of DATABASE_URL: dump as a superuser or a role with BYPASSRLS");
    }
    println!("--  the master key is not in the dump; keep a copy of it in another place");
    bail!("no backup was made: that is for pg_dump to do");
}
