//! Everything a person can reach: pages by following links, actions by reading forms. A new page or form is found without
//! anybody listing it, as long as some page leads to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Answer, Form, Visitor};

/// Pages of one pattern that are opened; the rest would look the same.
const EXAMPLES: usize = 2;
/// Prefixes of ids, ours and Stripe's: what makes two addresses the same pattern.
const IDS: [&str; 24] = [
    "inv_", "pky_", "key_", "ten_", "prj_", "usr_", "con_", "sec_", "run_", "ref_", "pln_", "pc_", "pp_", "pri_",
    "ps_", "pin_", "pch_", "cus_", "prod_", "price_", "sub_", "in_", "ch_", "evt_",
];

/// What a crawl found, by pattern.
#[derive(Default)]
pub struct Reach {
    /// Pages that were opened: path with query.
    pub pages: BTreeMap<String, Answer>,
    /// Forms that change something, by the pattern of their action.
    pub forms: BTreeMap<String, Form>,
}

impl Reach {
    /// The addresses of the pages.
    pub fn paths(&self) -> Vec<&str> {
        self.pages.keys().map(String::as_str).collect()
    }
}

/// Opens everything that can be reached from `start`.
pub async fn crawl(visitor: &Visitor, start: &str) -> Reach {
    let mut reach = Reach::default();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut known = BTreeSet::from([start.to_owned()]);
    let mut open = VecDeque::from([start.to_owned()]);
    while let Some(path) = open.pop_front() {
        let examples = seen.entry(pattern(&path)).or_default();
        *examples += 1;
        if *examples > EXAMPLES {
            continue;
        }
        let answer = visitor.get(&path).await;
        for form in answer.forms("form[method=post]") {
            reach.forms.entry(pattern(&form.action)).or_insert(form);
        }
        let links = answer.attributes("a[href], area[href]", "href");
        let fetched = answer.attributes("[hx-get]", "hx-get");
        let redirect = Some(answer.header("location").to_owned());
        for link in links.into_iter().chain(fetched).chain(redirect) {
            let inside = link.starts_with('/') && !link.starts_with("//") && !link.starts_with("/assets/");
            let link = link.split('#').next().unwrap_or_default().to_owned();
            if inside && known.insert(link.clone()) {
                open.push_back(link);
            }
        }
        reach.pages.insert(path, answer);
    }
    reach
}

/// An address with its ids and query values taken out.
pub fn pattern(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let parts: Vec<&str> = path.split('/').map(|part| if is_id(part) { "{}" } else { part }).collect();
    let mut names: Vec<&str> = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).collect();
    names.sort_unstable();
    if query.is_empty() { parts.join("/") } else { format!("{}?{}", parts.join("/"), names.join("&")) }
}

/// Whether a text is an id of ours or of Stripe's.
pub fn is_id(text: &str) -> bool {
    IDS.iter().any(|prefix| text.len() > prefix.len() + 4 && text.starts_with(prefix))
}
