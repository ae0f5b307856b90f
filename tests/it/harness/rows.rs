//! What a story of a few modules begins with: the program's parts on a database, and rows that nothing of the program has made.

use billfold::{
    app::App,
    clock::Clock,
    config::Config,
    domain::ids::ConnectionId,
    store::connections::{Connection, state},
    vault::{Keyring, new_id},
};
use clap::Parser as _;

use super::database::TestDatabase;

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

/// The program's parts with the settings that it has by itself.
pub async fn parts(database: &TestDatabase, clock: Clock) -> App {
    let config = Settings::parse_from(["billfold"]).config;
    App::new(database.open().await, clock, Keyring::generate(), config).unwrap()
}

/// A connection to the test account `acct_1` that stands since a second.
pub fn connection(connected_at: i64) -> Connection {
    Connection {
        id: new_id::<ConnectionId>(),
        state: state::CONNECTED.to_owned(),
        account_id: Some("acct_1".to_owned()),
        account_name: None,
        livemode: false,
        key_kind: "restricted".to_owned(),
        key_last4: "1234".to_owned(),
        sealed_key: None,
        credential_version: 1,
        sealed_token: None,
        endpoint_id: None,
        api_version: String::new(),
        permissions: "{}".to_owned(),
        connected_at,
        checked_at: connected_at,
        disconnected_at: None,
        first_event_at: None,
        last_event_at: None,
        last_error: None,
        drift_at: None,
    }
}
