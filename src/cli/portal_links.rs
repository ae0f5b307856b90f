//! `billfold portal-link …`: links to the customer portal, by hand of the operator.

use billfold::{
    config::Config,
    domain::{
        portal::{Flow, LIFE, LONGEST, LinkDraft, Permit, SHORTEST},
        time,
    },
    vault::ExposeSecret as _,
};
use clap::{Args, Subcommand};

use super::{open, place::Place};

const MINUTE: i64 = 60;

/// What can be done with links.
#[derive(Subcommand)]
pub enum PortalLink {
    /// Make a link for a customer and print it, this once
    Create(Create),
    /// End a link, and the visit that it opened
    Revoke(Revoke),
}

/// A link to be made.
#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    place: Place,
    /// The customer, by Stripe's id or billfold's
    #[arg(long)]
    customer: String,
    /// For how many minutes the link can be used
    #[arg(long, default_value_t = LIFE / MINUTE, value_parser = clap::value_parser!(i64).range(SHORTEST / MINUTE..=LONGEST / MINUTE))]
    minutes: i64,
    /// What the customer may do: plan, quantity, cancel, card, invoices, details; may be repeated, everything if left out
    #[arg(long = "allow", value_name = "ACTION", value_parser = parse_permit)]
    permits: Vec<Permit>,
    /// Where the visit begins: overview, cancel, `update_card`, `change_plan` or invoices
    #[arg(long, default_value = "overview", value_parser = parse_flow)]
    flow: Flow,
    /// Where the portal's way back leads, on an origin that the project allows
    #[arg(long, value_name = "URL")]
    return_url: Option<String>,
    #[command(flatten)]
    config: Config,
}

/// The link to end.
#[derive(Args)]
pub struct Revoke {
    #[command(flatten)]
    place: Place,
    /// Its id, as printed when it was made
    id: String,
    #[command(flatten)]
    config: Config,
}

impl PortalLink {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> anyhow::Result<()> {
        let app = open(self.config).await?;
        let scope = self.place.find(&app).await?;
        let draft = LinkDraft {
            customer: self.customer,
            life: self.minutes * MINUTE,
            permits: if self.permits.is_empty() { Permit::ALL.to_vec() } else { self.permits },
            flow: self.flow,
            return_url: self.return_url,
        };
        let made = scope.create_portal_link(&draft).await?;
        println!("{}", made.url.expose_secret());
        println!("{} works once, until {}; the link above is kept nowhere", made.id, time::absolute(made.expires));
        app.db.close().await;
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> anyhow::Result<()> {
        let app = open(self.config).await?;
        self.place.find(&app).await?.revoke_portal_link(&self.id).await?;
        app.db.close().await;
        println!("{} has ended", self.id);
        Ok(())
    }
}

fn parse_permit(text: &str) -> Result<Permit, String> {
    let all = || Permit::ALL.map(Permit::as_str).join(", ");
    Permit::parse(text).ok_or_else(|| format!("must be one of {}", all()))
}

fn parse_flow(text: &str) -> Result<Flow, String> {
    let all = || Flow::ALL.map(Flow::as_str).join(", ");
    Flow::parse(text).ok_or_else(|| format!("must be one of {}", all()))
}
