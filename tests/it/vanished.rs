//! A Postgres whose machine is gone: nothing is refused, nothing is answered, and nobody hears of an end. Whoever waits is told in time,
//! and once it is back, all goes on without a new start.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use billfold::{
    app::App,
    clock::Clock,
    config::Config,
    db::{Db, Error, Options, Tx},
    domain::ids::TenantId,
    sync::inbox::{Delivery, Inbox, NotStored, Stored, read_event},
    vault::{Keyring, new_id},
};
use clap::Parser as _;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Instant, timeout},
};

use crate::harness::{Engine, TestDatabase, new_tenant};

/// How long a connection is waited for; an answer twelve times as long.
const PATIENCE: Duration = Duration::from_millis(500);
/// An answer, and what a busy machine adds.
const IN_TIME: Duration = Duration::from_secs(12);
const CONNECTIONS: u32 = 4;
const INSERT: &str = "INSERT INTO projects (tenant_id, id, name, created) VALUES ($1, $2, $3, 0)";

/// What lies between billfold and its database.
struct Wire {
    url: String,
    cut: Arc<Mutex<watch::Sender<bool>>>,
}

impl Wire {
    async fn to(url: &str) -> Self {
        let (scheme, rest) = url.split_once('@').unwrap();
        let (server, name) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}@{}/{name}", listener.local_addr().unwrap());
        let (server, cut) = (server.to_owned(), Arc::new(Mutex::new(watch::Sender::new(false))));
        let of_now = cut.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let is_cut = of_now.lock().unwrap().subscribe();
                tokio::spawn(carry(near, server.clone(), is_cut));
            }
        });
        Self { url, cut }
    }

    async fn open(&self) -> Db {
        let options = Options { url: self.url.clone(), connections: CONNECTIONS };
        Db::connect_within(&options, PATIENCE).await.unwrap()
    }

    async fn falls_silent(&self) {
        self.cut.lock().unwrap().send_replace(true);
        tokio::time::sleep(Duration::from_millis(100)).await; // until all have heard
    }

    /// For new connections: on the old ones nobody will ever answer.
    fn is_back(&self) {
        *self.cut.lock().unwrap() = watch::Sender::new(false);
    }
}

/// Where the wire is cut, the near side stays open and hears nothing more.
async fn carry(mut near: TcpStream, server: String, mut is_cut: watch::Receiver<bool>) {
    let mut far = TcpStream::connect(server).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => return,
        _ = is_cut.wait_for(|cut| *cut) => {}
    }
    drop(far);
    std::future::pending::<()>().await;
    drop(near);
}

async fn insert(db: &Db, tenant: &TenantId, id: &str) -> Result<(), Error> {
    let mut tx = db.write(tenant).await?;
    tx.query(INSERT).bind(id).bind(id).execute().await?;
    tx.commit().await
}

/// As many transactions at once as the pool has connections.
async fn begin_all(db: &Db, tenant: &TenantId) -> Result<Vec<Tx>, Error> {
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(db.write(tenant).await?);
    }
    Ok(all)
}

fn is_outage<T: std::fmt::Debug>(answer: &Result<T, Error>) {
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_vanishes_is_an_outage_and_ends_when_it_is_back() {
    let database = TestDatabase::create(Engine::Postgres).await;
    let wire = Wire::to(&database.url).await;
    let (db, tenant) = (wire.open().await, new_id::<TenantId>());
    insert(&db, &tenant, "prj_before").await.unwrap();
    let mut all = begin_all(&db, &tenant).await.unwrap().into_iter();
    let [mut asking, mut sending, mut committing, dropped] = std::array::from_fn(|_| all.next().unwrap());
    committing.query(INSERT).bind("prj_committing").bind("prj_committing").execute().await.unwrap();

    wire.falls_silent().await;
    drop(dropped);
    // More than the system takes before it waits for the other side.
    let large = "x".repeat(64 << 20);
    let meanwhile = async {
        let (asked, sent, committed) = tokio::join!(
            asking.query(INSERT).bind("prj_asking").bind("prj_asking").execute(),
            sending.query(INSERT).bind("prj_sending").bind(&large).execute(),
            committing.commit(),
        );
        is_outage(&asked);
        is_outage(&sent);
        is_outage(&committed);
        is_outage(&asking.query("SELECT id FROM projects WHERE tenant_id = $1").fetch_values::<String>().await);
        is_outage(&insert(&db, &tenant, "prj_meanwhile").await);
        is_outage(&db.ping().await);
    };
    timeout(IN_TIME, meanwhile).await.expect("whoever waits is told in time");
    drop((asking, sending));

    wire.is_back();
    let deadline = Instant::now() + IN_TIME;
    // All of the pool can be had: none of its connections is still being given back.
    let mut all = loop {
        match begin_all(&db, &tenant).await {
            Ok(all) => break all,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
    };
    let ids = all[0].query("SELECT id FROM projects WHERE tenant_id = $1").fetch_values::<String>().await.unwrap();
    assert_eq!(ids, ["prj_before"]);
    drop(all);
    insert(&db, &tenant, "prj_after").await.unwrap();
    db.ping().await.unwrap();
}

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_turned_away_while_the_server_is_gone_and_stored_when_it_is_back() {
    let database = TestDatabase::create(Engine::Postgres).await;
    let wire = Wire::to(&database.url).await;
    let config = Settings::parse_from(["billfold", "--database-url", &wire.url]).config;
    let app = App::new(wire.open().await, Clock::system(), Keyring::generate(), config).unwrap();
    let tenant = new_tenant(&app, "Acme Coffee").await;
    let inbox = Inbox::start(app.clone());
    let deliver = async |id: &str| {
        let body = format!(r#"{{"id":"{id}","object":"event","livemode":false}}"#);
        let event = read_event(body.as_bytes(), &tenant.project, None, false, app.clock.now());
        let delivery = Delivery { tenant: tenant.id.clone(), project: tenant.project.clone(), event };
        timeout(IN_TIME, inbox.store(delivery)).await.expect("an answer in time")
    };
    assert_eq!(deliver("evt_1").await.unwrap(), Stored::New);

    // In the middle of things: some of these find the wire cut in a transaction, whichever step of it that is.
    let flood = async {
        for n in 0..2_000 {
            if deliver(&format!("evt_flood_{n}")).await.is_err() {
                return;
            }
        }
        panic!("everything was stored on a wire that is cut");
    };
    let cut = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        wire.falls_silent().await;
    };
    tokio::join!(flood, cut);
    for _ in 0..3 {
        assert!(matches!(deliver("evt_2").await, Err(NotStored::Unavailable(_))));
    }

    wire.is_back();
    let deadline = Instant::now() + IN_TIME;
    while let Err(error) = deliver("evt_2").await {
        assert!(Instant::now() < deadline, "{error:?}");
    }
    assert_eq!(deliver("evt_3").await.unwrap(), Stored::New);
}

/// The server has to notice by itself when billfold's machine is the one that is gone.
#[tokio::test]
async fn the_server_is_told_to_end_what_its_peer_has_left() {
    let database = TestDatabase::create(Engine::Postgres).await;
    let db = database.open().await;
    let mut tx = db.system_read().await.unwrap();
    for (setting, value) in [
        ("tcp_keepalives_idle", "15"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "30000"),
        ("idle_in_transaction_session_timeout", "1min"),
    ] {
        let set = tx.query("SELECT current_setting($1)").bind(setting).fetch_value::<String>().await.unwrap();
        assert_eq!(set, value, "{setting}");
    }
}
