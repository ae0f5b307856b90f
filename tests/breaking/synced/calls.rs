//! What `strace` has seen, in its order: a call that another process's came between is told in two lines.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

/// What the ids of the deliveries begin with; six digits follow.
pub const PREFIX: &str = "evt_synced";
const DIGITS: usize = 6;

/// The lines in which a call began and ended.
#[derive(Clone, Copy, Debug)]
struct Span {
    began: usize,
    ended: usize,
}

/// A call that a delivery may be told by.
#[derive(Debug)]
struct Call {
    span: Span,
    /// What it was made on: a path, or the number of a connection.
    on: String,
}

/// The calls that matter.
#[derive(Debug, Default)]
pub struct Calls {
    /// The first read that holds an event's id: its arrival.
    arrivals: BTreeMap<String, Call>,
    /// Writes to the log that hold an event's id.
    writes: BTreeMap<String, Vec<Call>>,
    /// Syncs of the log.
    syncs: Vec<Call>,
    /// What was answered 200.
    answers: Vec<Call>,
}

impl Calls {
    /// Reads the file of `strace -f -y`; `log` is a part of the path of the log file.
    pub fn read(file: &Path, log: &str) -> Self {
        let (mut calls, mut open) = (Self::default(), BTreeMap::new());
        for (number, line) in BufReader::new(File::open(file).unwrap()).split(b'\n').enumerate() {
            let line = line.unwrap();
            let line = String::from_utf8_lossy(&line);
            let Some((process, text)) = line.split_once(' ') else { continue };
            let text = text.trim_start();
            if let Some(first) = text.strip_suffix("<unfinished ...>") {
                open.insert(process.to_owned(), (number, first.to_owned()));
            } else if let Some((_, rest)) = text.split_once(" resumed>").filter(|_| text.starts_with("<... ")) {
                let Some((began, first)) = open.remove(process) else { continue };
                calls.note(&(first + rest), Span { began, ended: number }, log);
            } else {
                calls.note(text, Span { began: number, ended: number }, log);
            }
        }
        calls
    }

    /// Keeps a call such as `fdatasync(12</var/lib/billfold/billfold.db-wal>) = 0`.
    fn note(&mut self, text: &str, span: Span, log: &str) {
        let Some((name, rest)) = text.split_once('(') else { return };
        let Some((on, rest)) = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')) else { return };
        let call = || Call { span, on: on.to_owned() };
        match name {
            "fsync" | "fdatasync" if on.contains(log) && rest.trim_end().ends_with("= 0") => self.syncs.push(call()),
            "read" | "readv" | "recvfrom" | "recvmsg" => {
                for id in ids(rest) {
                    self.arrivals.entry(id).or_insert_with(call);
                }
            }
            "write" | "writev" | "pwrite64" | "pwritev" | "sendto" | "sendmsg" => {
                if on.contains(log) {
                    for id in ids(rest) {
                        self.writes.entry(id).or_default().push(call());
                    }
                } else if rest.contains("HTTP/1.1 200") {
                    self.answers.push(call());
                }
            }
            _ => {}
        }
    }

    /// Whether an event was written to the log between its arrival and its answer, and the same file synced after that.
    pub fn prove(&self, id: &str) -> Result<(), String> {
        let arrived = self.arrivals.get(id).ok_or_else(|| format!("{id} has not arrived"))?;
        let answered = self
            .answers
            .iter()
            .find(|answer| answer.on == arrived.on && answer.span.began > arrived.span.ended)
            .ok_or_else(|| format!("{id} was not answered"))?;
        let written = self.writes.get(id).into_iter().flatten().filter(|write| write.span.began > arrived.span.ended);
        let held = |write: &Call| {
            self.syncs.iter().any(|sync| {
                sync.on == write.on && sync.span.began > write.span.ended && sync.span.ended < answered.span.began
            })
        };
        let mut before = written.filter(|write| write.span.ended < answered.span.began).peekable();
        if before.peek().is_none() {
            return Err(format!("{id} was answered before it was written"));
        }
        if before.any(held) { Ok(()) } else { Err(format!("{id} was answered before what was written was synced")) }
    }
}

/// The ids in what was read or written.
fn ids(text: &str) -> impl Iterator<Item = String> {
    text.match_indices(PREFIX).filter_map(|(at, _)| {
        let id = text.get(at..at + PREFIX.len() + DIGITS)?;
        id[PREFIX.len()..].bytes().all(|byte| byte.is_ascii_digit()).then(|| id.to_owned())
    })
}
