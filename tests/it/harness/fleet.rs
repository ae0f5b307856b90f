//! Several processes on one Postgres, behind a proxy that sends each connection to the next of them that answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::Instant,
};

use super::{
    people::Tenant,
    process::{Ground, PROGRAM, Process, free_port},
};

/// The processes and their proxy, whose address is the ground's: what Stripe delivers goes through it.
pub struct Fleet<'g> {
    ground: &'g Ground,
    programs: Vec<String>,
    workers: String,
    binds: Vec<String>,
    processes: Vec<Option<Process>>,
    proxy: JoinHandle<()>,
}

impl<'g> Fleet<'g> {
    /// Starts so many with so many workers each.
    pub async fn start(ground: &'g Ground, processes: usize, workers: u32) -> Self {
        Self::of(ground, vec![PROGRAM.to_owned(); processes], workers).await
    }

    /// The same, each by a program of its own.
    pub async fn of(ground: &'g Ground, programs: Vec<String>, workers: u32) -> Self {
        let processes = programs.len();
        let binds: Vec<String> = (0..processes).map(|_| format!("127.0.0.1:{}", free_port())).collect();
        let listener = TcpListener::bind(&ground.settings[1].1).await.unwrap();
        let proxy = tokio::spawn(forward(listener, binds.clone()));
        let none = (0..processes).map(|_| None).collect();
        let mut fleet = Self { ground, programs, workers: workers.to_string(), binds, processes: none, proxy };
        for position in 0..processes {
            fleet.restart(position).await;
        }
        fleet
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.processes.len()
    }

    /// SIGKILL, in the middle of whatever it does.
    pub async fn kill(&mut self, position: usize) {
        self.processes[position].take().expect("it runs").kill().await;
    }

    /// SIGTERM, and waits for its end: as an upgrade does it.
    pub async fn stop(&mut self, position: usize) {
        let mut process = self.processes[position].take().expect("it runs");
        process.signal("TERM").await;
        assert!(process.ended().await.success(), "{}", process.output());
    }

    /// Starts a process that has ended, at its old address.
    pub async fn restart(&mut self, position: usize) {
        let public_url = format!("http://{}", self.ground.settings[1].1);
        let more = [
            ("BILLFOLD_BIND", self.binds[position].as_str()),
            ("BILLFOLD_PUBLIC_URL", public_url.as_str()),
            ("BILLFOLD_WORKERS", self.workers.as_str()),
        ];
        self.processes[position] = Some(self.ground.serve_by(&self.programs[position], &more).await);
    }
}

impl Drop for Fleet<'_> {
    fn drop(&mut self) {
        self.proxy.abort();
    }
}

/// What a proxy in front of the processes does: one that does not answer is left out.
async fn forward(listener: TcpListener, upstreams: Vec<String>) {
    let (upstreams, next) = (Arc::new(upstreams), Arc::new(AtomicUsize::new(0)));
    while let Ok((mut client, _)) = listener.accept().await {
        let (upstreams, next) = (upstreams.clone(), next.clone());
        tokio::spawn(async move {
            for _ in 0..upstreams.len() {
                let upstream = &upstreams[next.fetch_add(1, Ordering::Relaxed) % upstreams.len()];
                if let Ok(mut server) = TcpStream::connect(upstream).await {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await; // a kill ends it in the middle
                    return;
                }
            }
        });
    }
}

/// Looks how long events wait while none is applied: the longest such time of any tenant is how long a kill held it up.
pub struct Watch(JoinHandle<Duration>, tokio::sync::oneshot::Sender<()>);

impl Watch {
    /// Begins to look.
    pub fn start(ground: &Ground, tenants: &[Tenant]) -> Self {
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let (app, tenants) = (ground.app.clone(), tenants.to_vec());
        let looking = tokio::spawn(async move {
            let (mut longest, mut since) = (Duration::ZERO, vec![(Instant::now(), 0_i64); tenants.len()]);
            while stopped.try_recv().is_err() {
                for (tenant, since) in tenants.iter().zip(&mut since) {
                    let mut tx = app.db.read(&tenant.id).await.unwrap();
                    let waiting: i64 = tx
                        .query("SELECT COUNT(*) FROM inbox WHERE tenant_id = $1 AND state = 'received'")
                        .fetch_value()
                        .await
                        .unwrap();
                    let applied: i64 = tx
                        .query("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counts WHERE tenant_id = $1 AND kind = 'event'")
                        .fetch_value()
                        .await
                        .unwrap();
                    if waiting == 0 || applied != since.1 {
                        *since = (Instant::now(), applied);
                    }
                    longest = longest.max(since.0.elapsed());
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            longest
        });
        Self(looking, stop)
    }

    /// Ends; answers the longest time.
    pub async fn end(self) -> Duration {
        let _ = self.1.send(());
        self.0.await.unwrap()
    }
}
