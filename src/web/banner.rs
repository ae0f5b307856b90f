//! What stands over every page of a tenant whose plan or payment wants attention.

use super::shell::Banner;
use crate::app::{TenantStanding, Troubles};
use crate::domain::money::grouped;
use crate::domain::plan::{Closeness, Meter, TenantState};
use crate::domain::role::Role;
use crate::domain::time::day;

const UNWRITABLE: &str = "billfold cannot write to its database at this moment, so nothing can be changed. What you see can be read, \
    and nothing is lost: Stripe sends again what could not be stored.";
const CLOCKS_APART: &str = "The clock of this server and Stripe's are more than five minutes apart, so Stripe's deliveries are refused. \
    Changes are fetched instead, and come later than usual.";

/// The sentences for a person of this role. How much is left is for those who can do something about it.
pub fn of(tenant: &TenantStanding, role: Role, troubles: &Troubles) -> Vec<Banner> {
    let leads_on = role >= Role::Admin;
    let banner = |tone, text| Banner { tone, text, leads_on };
    let met = [(troubles.is_unwritable(), UNWRITABLE), (troubles.are_clocks_apart(), CLOCKS_APART)];
    let met = met.into_iter().filter(|(is_met, _)| *is_met);
    let mut banners: Vec<_> =
        met.map(|(_, text)| Banner { tone: "red", text: text.to_owned(), leads_on: false }).collect();
    let standing = &tenant.standing;
    let on = |at: Option<i64>| at.map(|at| format!(" on {}", day(at))).unwrap_or_default();
    match standing.state() {
        TenantState::Active => {}
        TenantState::PastDue => banners.push(banner(
            "",
            format!(
                "The last payment for billfold is late. Without it this business is suspended{}.",
                on(standing.due_at)
            ),
        )),
        TenantState::Suspended => {
            let why = Some(standing.state_note.as_str()).filter(|note| !note.is_empty());
            let why = why.map(|note| format!(" {note}")).unwrap_or_default();
            let text = format!(
                "This business is suspended: everything can be read, nothing changed, and what Stripe sends is still stored.{why}"
            );
            banners.push(banner("red", text));
        }
        TenantState::Ending | TenantState::Erasing => banners.push(banner(
            "red",
            format!(
                "This business is deleted{}, with everything in it. Until then it can be read.",
                on(standing.due_at)
            ),
        )),
    }
    if !leads_on {
        return banners;
    }
    for meter in Meter::ALL {
        let (used, limit) = (tenant.usage.of(meter), tenant.plan.limit(meter).unwrap_or_default());
        match tenant.closeness(meter) {
            Closeness::Fine => {}
            // a full house is no warning when it is meant to be full: one project of one, one person of one
            Closeness::Near | Closeness::Reached if limit <= 1 => {}
            Closeness::Near => {
                banners.push(banner(
                    "",
                    format!("{}: {} of {} that the plan allows.", meter.label(), grouped(used), grouped(limit)),
                ));
            }
            Closeness::Reached => {
                let text = format!("{}: all {} that the plan allows. {}", meter.label(), grouped(limit), meter.stops());
                banners.push(banner("red", text));
            }
        }
    }
    banners
}
