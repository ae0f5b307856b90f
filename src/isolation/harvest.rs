//! What the other business's own pages lead to: links with everything that stands in them, and forms with their fields. Found by
//! following links, so a new page or form is tried without anybody naming it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    Result,
    asker::{Asker, Question, is_id},
    place::Place,
};

/// Pages of one pattern that are opened; the rest would look the same.
const EXAMPLES: usize = 2;

/// A form that changes something.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) action: String,
    pub(super) fields: Vec<(String, String)>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    /// Addresses, with a few examples of each pattern.
    pub(super) links: BTreeSet<String>,
    /// Forms, one of each pattern.
    pub(super) forms: BTreeMap<String, Form>,
}

/// Opens every page of a business and of its customer's portal that can be reached.
pub(super) async fn of(asker: &Asker<'_>, place: &Place) -> Result<Harvest> {
    let mut found = Harvest::default();
    let mut opened: BTreeMap<String, usize> = BTreeMap::new();
    let home = format!("/t/{}/p/{}/", place.tenant, place.project);
    let mut open = VecDeque::from([home, format!("/t/{}/members", place.tenant), "/portal".to_owned()]);
    let mut known: BTreeSet<String> = open.iter().cloned().collect();
    while let Some(address) = open.pop_front() {
        let examples = opened.entry(pattern(&address)).or_default();
        *examples += 1;
        if *examples > EXAMPLES {
            continue;
        }
        found.links.insert(address.clone());
        let answer = asker.ask(place, &Question::get(address)).await?;
        for form in forms(&answer.body) {
            found.forms.entry(pattern(&form.action)).or_insert(form);
        }
        for link in ["href", "hx-get"].into_iter().flat_map(|name| attributes(&answer.body, name)) {
            let link = link.split('#').next().unwrap_or_default().to_owned();
            let inside = link.starts_with("/t/") || link.starts_with("/portal");
            // The stream of events never ends.
            if inside && !link.contains("/logo") && !link.ends_with("/live") && known.insert(link.clone()) {
                open.push_back(link);
            }
        }
    }
    Ok(found)
}

/// An address with its ids and the values of its query taken out.
fn pattern(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let parts: Vec<&str> = path.split('/').map(|part| if is_id(part) { "{}" } else { part }).collect();
    let mut names: Vec<&str> = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).collect();
    names.sort_unstable();
    format!("{}?{}", parts.join("/"), names.join("&"))
}

/// The values of an attribute, of every element that has it. Our own templates quote every value.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let opening = format!(" {name}=\"");
    html.split(&opening).skip(1).filter_map(|rest| rest.split_once('"')).map(|(value, _)| plain(value)).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    attributes(tag, name).into_iter().next()
}

/// The forms of a page that are posted.
fn forms(html: &str) -> Vec<Form> {
    let inside = html.split("<form").skip(1).filter_map(|rest| rest.split_once("</form>")).map(|(inside, _)| inside);
    inside
        .filter_map(|inside| {
            let (head, body) = inside.split_once('>')?;
            (attribute(head, "method")? == "post").then_some(())?;
            Some(Form { action: attribute(head, "action")?, fields: fields(body) })
        })
        .collect()
}

/// Names and values of what a form holds: hidden and typed ones, and every choice of a list.
fn fields(body: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for tag in body.split("<input").skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        if let Some(name) = attribute(tag, "name") {
            fields.push((name, attribute(tag, "value").unwrap_or_default()));
        }
    }
    for select in body.split("<select").skip(1).filter_map(|rest| rest.split_once("</select>")).map(|(all, _)| all) {
        let chosen =
            attribute(select, "name").zip(attributes(select, "value").into_iter().find(|value| !value.is_empty()));
        fields.extend(chosen);
    }
    fields
}

/// Without the entities that a page needs.
fn plain(text: &str) -> String {
    let known = [("&#38;", "&"), ("&amp;", "&"), ("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">")];
    known.into_iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

#[cfg(test)]
mod tests {
    use super::{attributes, forms, pattern};

    #[test]
    fn links_and_forms_are_read_from_a_page() {
        let page = r#"<a href="/t/ten_1/x?a=1&#38;b=2">x</a><form method="post" action="/y"><input type="hidden" name="customer" value="cus_1">
            <select name="price"><option value=""></option><option value="pri_1">1</option></select></form><form method="get" action="/z"></form>"#;
        assert_eq!(attributes(page, "href"), ["/t/ten_1/x?a=1&b=2"]);
        let found = forms(page);
        assert_eq!((found.len(), found[0].action.as_str()), (1, "/y"));
        assert_eq!(
            found[0].fields,
            [("customer".to_owned(), "cus_1".to_owned()), ("price".to_owned(), "pri_1".to_owned())]
        );
        assert_eq!(pattern("/t/ten_abcdefgh12345/customers?b=2&a=1"), "/t/{}/customers?a&b");
    }
}
