//! What the list pages share: the address says everything (search, filters, order, place), so that a reload, a shared link
//! and the back button show the same list.

mod open;
mod params;
mod view;

pub use open::{Opened, matches, open};
pub use params::Params;
pub use view::{Empty, Tab, View};
