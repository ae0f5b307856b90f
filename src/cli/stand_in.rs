//! `billfold stand-in`: the imitation of Stripe alone, for trying programs against it.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use billfold::standin::{Options, StandIn, control::accounts::AccountSpec};

use super::serve::stopped;

/// How to run it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 4242)]
    port: u16,
    /// Customers of the account it starts with
    #[arg(long, default_value_t = 100)]
    customers: u64,
    /// Repeats a seeded world: the same number gives the same account, keys and objects
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs until it is interrupted.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let mut options = Options { bind, ..Options::default() };
    if let Some(seed) = arguments.seed {
        options.seed = seed;
    }
    let seed = options.seed;
    let stand_in = StandIn::start(options).await.with_context(|| format!("--port {}", arguments.port))?;
    let keys = stand_in.account(AccountSpec { customers: arguments.customers, seed, ..AccountSpec::default() });
    println!("The imitation of Stripe listens on {}", stand_in.url());
    println!("  account         {} with {} customers, test mode", keys.account, arguments.customers);
    println!("  secret key      {}", keys.secret_key);
    println!("  restricted key  {}", keys.restricted_key);
    println!("Try: curl -u {}: {}/v1/customers?limit=3", keys.secret_key, stand_in.url());
    stopped().await;
    stand_in.stop().await;
    Ok(())
}
