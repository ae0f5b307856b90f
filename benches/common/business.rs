//! A site with a business of so many customers: made anew, or with `--keep <folder>` made once for several benches.

use std::time::Instant;

use billfold::{
    accounts::signup::{NewUser, signup},
    app::App,
    clock::Clock,
    db::Db,
    domain::role::Role,
    vault::SecretString,
};

use super::{
    Ground, Site,
    fill::{self, Filled},
};

/// Who signs in.
pub const EMAIL: &str = "bench@billfold.example";
pub const PASSWORD: &str = "correct horse battery";

/// A running site and the business in it.
pub struct Business {
    pub site: Site,
    pub filled: Filled,
}

impl Business {
    /// Starts it, and says how long that took.
    pub async fn start(engine: &str, customers: u64, settings: &[&str]) -> Self {
        let (mut ground, told) = Ground::kept(engine, &customers.to_string()).await;
        let filled = if let Some(told) = told {
            Filled::named(&told, customers)
        } else {
            let site = Site::start_on(ground, &[], Clock::system()).await;
            let start = Instant::now();
            let filled = make(&site.app, customers).await;
            println!("\n{engine}: {customers} customers, filled in {:.0} s", start.elapsed().as_secs_f64());
            ground = site.stop().await;
            ground.keep(&filled.name());
            filled
        };
        let site = Site::start_on(ground, settings, Clock::system()).await;
        println!("\n{engine}: {customers} customers, started in {:.0} ms\n", site.started_in.as_secs_f64() * 1_000.0);
        Self { site, filled }
    }
}

async fn make(app: &App, customers: u64) -> Filled {
    let person = NewUser { email: EMAIL.to_owned(), name: String::new(), password: SecretString::from(PASSWORD) };
    let signed_up = signup(app, person, "Bench", Role::Owner).await.unwrap();
    let filled = fill::fill(app, signed_up.tenant, signed_up.project.unwrap(), customers).await;
    if let Db::Postgres(pool) = &app.db {
        // what autovacuum does within a minute
        sqlx::raw_sql("VACUUM ANALYZE").execute(pool).await.unwrap();
    }
    filled
}
