//! The log as a file, for the auditor: CSV for a spreadsheet, JSON for a program. Written as it is read, a page at a time, so that a
//! log of any length needs little memory.

use std::io;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::actors::Actors;
use super::filter::Params;
use super::page::{actor_of, details};
use crate::app::audit::Note;
use crate::domain::{csv, time};
use crate::store::audit_log::list::{self, Stored};
use crate::web::access::{Staff, UnstoppedAdmin, WholeTenant};
use crate::web::confirm::Confirmed;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::shell::Nav;
use crate::web::standing::{Exports, Within};

/// Entries read at once.
const ROWS: i64 = 500;
/// Microseconds in a second.
const MICROS: i64 = 1_000_000;

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Csv,
    Json,
}

#[derive(Deserialize)]
pub(super) struct Wish {
    format: Format,
    #[serde(flatten)]
    params: Params,
}

/// An entry in the file.
#[derive(Serialize)]
struct Line {
    number: i64,
    time: String,
    actor: String,
    name: String,
    action: String,
    target: String,
    project: String,
    address: String,
    request_id: String,
    detail: Value,
    code: String,
}

/// How far the file is written.
struct Writing {
    staff: Staff<WholeTenant>,
    params: Params,
    actor: String,
    format: Format,
    /// The number of the last entry written; none before the first.
    before: Option<i64>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Beginning,
    Going,
    Ended,
}

pub(super) async fn export(
    admin: Within<Exports, Confirmed<UnstoppedAdmin<WholeTenant>>>,
    headers: HeaderMap,
    ProtectedForm(wish): ProtectedForm<Wish>,
) -> Result<Response> {
    let (format, params) = (wish.format, Params { before: None, ..wish.params.cleaned() });
    let staff = (***admin).clone();
    let mut tx = staff.write().await?;
    let actor = actor_of(&mut tx, &params.who).await?;
    let detail = json!({ "format": format, "filter": params });
    let note = Note { project: None, action: "audit.exported", target: staff.tenant.as_str(), detail: &detail };
    staff.app.audit(&mut tx, &staff.by(&headers), note).await?;
    tx.commit().await?;
    let (name, kind) = match format {
        Format::Csv => ("audit-log.csv", "text/csv; charset=utf-8"),
        Format::Json => ("audit-log.json", "application/json"),
    };
    let writing = Writing { staff, params, actor, format, before: None, state: State::Beginning };
    let body = Body::from_stream(stream::try_unfold(writing, |mut writing| async move {
        let piece = writing.piece().await.map_err(|error| io::Error::other(format!("{error:?}")))?;
        Ok::<_, io::Error>(piece.map(|piece| (piece, writing)))
    }));
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], body).into_response())
}

impl Writing {
    /// The next part of the file; none at its end.
    async fn piece(&mut self) -> Result<Option<Bytes>> {
        if self.state == State::Ended {
            return Ok(None);
        }
        let mut tx = self.staff.read().await?;
        let entries = list::page(&mut tx, &self.params.filter(&self.actor), self.before, ROWS).await?;
        let actors = Actors::load(&mut tx, entries.iter().map(|entry| entry.actor.as_str())).await?;
        let details = details(&self.staff, &mut tx, &entries).await?;
        drop(tx);
        let begins = self.state == State::Beginning;
        let ends = i64::try_from(entries.len()).is_ok_and(|read| read < ROWS);
        self.before = entries.last().map(|last| last.seq).or(self.before);
        self.state = if ends { State::Ended } else { State::Going };
        let shell = self.staff.shell(Nav::Audit);
        let lines: Vec<Line> = entries
            .into_iter()
            .zip(details)
            .map(|(entry, detail)| {
                let name = actors.name(&entry.actor, None, &shell).0;
                Line::new(entry, detail.unwrap_or_default(), name)
            })
            .collect();
        let piece = match self.format {
            Format::Csv => csv_piece(&lines, begins)?,
            Format::Json => json_piece(&lines, begins, ends)?,
        };
        Ok(Some(piece))
    }
}

impl Line {
    fn new(entry: Stored, detail: crate::app::audit::Detail, name: String) -> Self {
        Self {
            number: entry.seq,
            time: time::iso(entry.at / MICROS),
            actor: entry.actor,
            name,
            action: entry.action,
            target: entry.target,
            project: entry.project_id.unwrap_or_default(),
            address: detail.address,
            request_id: entry.request_id,
            detail: detail.detail,
            code: entry.mac,
        }
    }
}

fn csv_piece(lines: &[Line], begins: bool) -> Result<Bytes> {
    const HEAD: [&str; 11] =
        ["number", "time", "actor", "name", "action", "target", "project", "address", "request_id", "detail", "code"];
    let mut table = csv::Table::default();
    if begins {
        table.row(HEAD).map_err(Error::internal)?;
    }
    for line in lines {
        let (number, detail) = (line.number.to_string(), line.detail.to_string());
        let cells = [
            &number,
            &line.time,
            &line.actor,
            &line.name,
            &line.action,
            &line.target,
            &line.project,
            &line.address,
            &line.request_id,
            &detail,
            &line.code,
        ];
        table.row(cells.map(String::as_str)).map_err(Error::internal)?;
    }
    table.finish().map(Bytes::from).map_err(Error::internal)
}

fn json_piece(lines: &[Line], begins: bool, ends: bool) -> Result<Bytes> {
    let mut text = String::from(if begins { "[" } else { "" });
    for (place, line) in lines.iter().enumerate() {
        text.push_str(if begins && place == 0 { "\n" } else { ",\n" });
        text.push_str(&serde_json::to_string(line).map_err(Error::internal)?);
    }
    text.push_str(if ends { "\n]\n" } else { "" });
    Ok(Bytes::from(text))
}
