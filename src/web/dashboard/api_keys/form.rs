//! The form for a new key.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use crate::accounts::api_keys::KeyWish;
use crate::domain::api_key::{ApiScope, ApiScopes, DEFAULT_DAYS, Preset};
use crate::web::access::Admin;
use crate::web::confirm::Confirmed;
use crate::web::error::Result;
use crate::web::html;
use crate::web::shell::{Nav, Shell};

/// Lives that the form offers, in days.
const LIVES: [i64; 5] = [7, 30, 90, 180, 365];

/// The fields as they were sent. Each ticked scope is a field of its own.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) preset: String,
    #[serde(default)]
    pub(super) days: String,
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

impl Fields {
    /// What the key is to be.
    pub(super) fn wish(&self) -> KeyWish {
        let ticked = || ApiScope::ALL.iter().copied().filter(|scope| self.is_ticked(*scope)).collect::<ApiScopes>();
        KeyWish {
            name: self.name.clone(),
            scopes: Preset::parse(&self.preset).map_or_else(ticked, Preset::scopes),
            days: self.days.parse().unwrap_or(0),
        }
    }

    fn is_ticked(&self, scope: ApiScope) -> bool {
        self.others.contains_key(scope.as_str())
    }
}

/// The name of a preset for people.
pub(super) const fn preset_label(preset: Preset) -> &'static str {
    match preset {
        Preset::ReadOnly => "Read only",
        Preset::PortalLinks => "Portal links only",
        Preset::Everything => "Everything",
    }
}

/// What is wrong with a form, by field.
pub(super) struct Problem {
    pub(super) field: &'static str,
    pub(super) message: String,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    text: &'static str,
    chosen: bool,
}

/// The scopes of one resource.
struct Row {
    resource: &'static str,
    scopes: Vec<Tick>,
}

struct Tick {
    name: &'static str,
    action: &'static str,
    ticked: bool,
}

struct Life {
    days: i64,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "api_keys/new.html")]
struct Page {
    shell: Shell,
    name: String,
    presets: Vec<Choice>,
    custom: bool,
    rows: Vec<Row>,
    lives: Vec<Life>,
    problem: Option<Problem>,
}

impl Page {
    fn problem(&self, field: &str) -> Option<&str> {
        self.problem.as_ref().filter(|problem| problem.field == field).map(|problem| problem.message.as_str())
    }
}

pub(super) async fn new(admin: Confirmed) -> Result<Response> {
    let fields =
        Fields { preset: Preset::ReadOnly.as_str().to_owned(), days: DEFAULT_DAYS.to_string(), ..Fields::default() };
    show(&admin, &fields, None)
}

/// The form with its values, and what is wrong with one of them.
pub(super) fn show(admin: &Admin, fields: &Fields, problem: Option<Problem>) -> Result<Response> {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let preset = Preset::parse(&fields.preset);
    let mut rows: Vec<Row> = Vec::new();
    for scope in ApiScope::ALL.iter().copied() {
        let tick = Tick {
            name: scope.as_str(),
            action: if scope.is_read() { "read" } else { "write" },
            ticked: fields.is_ticked(scope),
        };
        match rows.last_mut().filter(|row| row.resource == scope.resource()) {
            Some(row) => row.scopes.push(tick),
            None => rows.push(Row { resource: scope.resource(), scopes: vec![tick] }),
        }
    }
    let page = Page {
        shell: admin.shell(Nav::ApiKeys),
        name: fields.name.clone(),
        presets: Preset::ALL
            .into_iter()
            .map(|choice| Choice {
                value: choice.as_str(),
                label: preset_label(choice),
                text: preset_text(choice),
                chosen: preset == Some(choice),
            })
            .collect(),
        custom: preset.is_none(),
        rows,
        lives: LIVES.into_iter().map(|days| Life { days, chosen: fields.days == days.to_string() }).collect(),
        problem,
    };
    html::page_with(status, &page)
}

const fn preset_text(preset: Preset) -> &'static str {
    match preset {
        Preset::ReadOnly => "Sees everything of this project and changes nothing.",
        Preset::PortalLinks => "Makes links to the customer portal, for a button in your own program.",
        Preset::Everything => "Sees and changes everything. For programs that you trust like yourself.",
    }
}
