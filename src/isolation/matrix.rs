//! Pages and forms: every address of the router with every foreign id in every place, and everything that the other's own pages
//! lead to, as it is and moved into one's own business.

use http::Method;

use super::{
    Line, Result,
    asker::{Asker, Question, Who, nobodys},
    harvest::Harvest,
};

/// Every route, with an id of the other business in each place where something may stand.
pub(super) async fn paths(asker: &Asker<'_>, paths: &[String]) -> Result<Line> {
    let mut line = Line::new("pages and forms, by the address");
    for path in paths.iter().filter(|path| path.contains('{') && Who::at(path) != Who::Program) {
        for method in [Method::GET, Method::POST] {
            for address in addresses(asker, path) {
                let ask = |address: String| Question { method: method.clone(), address, body: Vec::new() };
                let nobodys = nobodys(&address, asker.own);
                line.note(asker.leak(&ask(address), &ask(nobodys)).await?);
            }
        }
    }
    Ok(line)
}

/// The addresses that a route has with something of the other's in it: its business; its project in one's own business; and in
/// one's own project each of its ids.
fn addresses(asker: &Asker<'_>, path: &str) -> Vec<String> {
    let (own, other) = (asker.own, asker.other);
    let first = other.ids.first().map(String::as_str).unwrap_or_default();
    let mut all = Vec::new();
    if path.contains("{tenant}") {
        all.push(fill(path, other.tenant.as_str(), other.project.as_str(), first));
    }
    if path.contains("{project}") {
        all.push(fill(path, own.tenant.as_str(), other.project.as_str(), first));
    }
    if path.replace("{tenant}", "").replace("{project}", "").contains('{') {
        let with = |id: &String| fill(path, own.tenant.as_str(), own.project.as_str(), id);
        all.extend(other.ids.iter().map(with));
    }
    all
}

/// A route's address with these values.
fn fill(path: &str, tenant: &str, project: &str, rest: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{tenant}" => tenant,
        "{project}" => project,
        part if part.starts_with('{') => rest,
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Every address that the other's own pages lead to: filters, searches and places in lists included.
pub(super) async fn links(asker: &Asker<'_>, seen: &Harvest) -> Result<Line> {
    let mut line = Line::new("links of the other's pages, with queries and cursors");
    for link in &seen.links {
        for address in [link.clone(), moved(asker, link)] {
            let nobodys = nobodys(&address, asker.own);
            if nobodys != address {
                line.note(asker.leak(&Question::get(address), &Question::get(nobodys)).await?);
            }
        }
    }
    Ok(line)
}

/// Every form of the other's own pages, with the ids that stand in its fields.
pub(super) async fn forms(asker: &Asker<'_>, seen: &Harvest) -> Result<Line> {
    let mut line = Line::new("forms of the other's pages, with their fields");
    for form in seen.forms.values() {
        for action in [form.action.clone(), moved(asker, &form.action)] {
            let foreign = Question::post(action, form.fields.clone());
            let fields = form.fields.iter().map(|(name, value)| {
                let value = if name == "csrf" { value.clone() } else { nobodys(value, asker.own) };
                (name.clone(), value)
            });
            let plain = Question::post(nobodys(&foreign.address, asker.own), fields.collect());
            // A form that names nothing of the other's would be sent as one's own.
            let names_something = plain.address != foreign.address || plain.body != foreign.body;
            if names_something {
                line.note(asker.leak(&foreign, &plain).await?);
            }
        }
    }
    Ok(line)
}

/// The address inside one's own business and project.
fn moved(asker: &Asker<'_>, address: &str) -> String {
    let (own, other) = (asker.own, asker.other);
    address.replace(other.tenant.as_str(), own.tenant.as_str()).replace(other.project.as_str(), own.project.as_str())
}
