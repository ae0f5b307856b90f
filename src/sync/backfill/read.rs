//! The readers: one per type, which plans the type's ranges and reads them in parallel.

use std::sync::Arc;

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use super::{Message, TypeEnd, plan};
use crate::{
    domain::{ids::ProjectId, kind::Kind, objects::Object},
    mirror::Change,
    store::sync_runs::Range,
    stripe::{
        self, Client,
        list::{ListParams, Page},
    },
};

/// Objects per page: the most that Stripe gives.
const PAGE: u8 = 100;

/// Reads one type.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) client: Client,
    pub(super) project: ProjectId,
    pub(super) kind: Kind,
    /// When the run started, unix seconds.
    pub(super) now: i64,
    /// Whether an answer that makes no sense may still be somebody's on the way: the run has not begun again often.
    pub(super) may_be_passing: bool,
    pub(super) calls: Arc<Semaphore>,
    pub(super) pages: mpsc::Sender<Message>,
}

/// Why a reader stops before its range is finished.
enum Interrupted {
    Stripe(stripe::Error),
    /// The writer went away: the run is paused, stopped or has failed.
    WriterGone,
}

impl From<stripe::Error> for Interrupted {
    fn from(error: stripe::Error) -> Self {
        Self::Stripe(error)
    }
}

impl Reader {
    /// Reads the type to its end; `ranges` holds what an earlier stretch of the run had planned.
    pub(super) async fn read_type(self, ranges: Vec<Range>, mut any: bool) {
        let ended = match self.read_ranges(ranges, &mut any).await {
            Ok(()) => Message::Ended(self.kind, TypeEnd::Finished { any }),
            Err(Interrupted::WriterGone) => return,
            Err(Interrupted::Stripe(error)) => match error {
                stripe::Error::Refused { .. } => Message::Ended(self.kind, TypeEnd::Refused(error.to_string())),
                error if error.is_key_rejected() || error.is_transient() => Message::Halt(error),
                error @ stripe::Error::Unreadable(_) if self.may_be_passing => Message::Halt(error),
                error => Message::Ended(self.kind, TypeEnd::Failed(error.to_string())),
            },
        };
        let _ = self.pages.send(ended).await; // a writer that went away wants no more news
    }

    async fn read_ranges(&self, mut ranges: Vec<Range>, any: &mut bool) -> Result<(), Interrupted> {
        if ranges.is_empty() {
            ranges = self.plan(any).await?;
        }
        let mut readers = JoinSet::new();
        for range in ranges.into_iter().filter(|range| !range.finished) {
            let reader = self.clone();
            readers.spawn(async move { reader.read_range(range).await });
        }
        while let Some(read) = readers.join_next().await {
            // A panic in a reader is that type's failure.
            *any |= read.map_err(|error| stripe::Error::Unreadable(error.to_string()))??;
        }
        Ok(())
    }

    /// Reads the first page, finds out how far back the type goes, and cuts it into ranges.
    async fn plan(&self, any: &mut bool) -> Result<Vec<Range>, Interrupted> {
        let params = ListParams { limit: PAGE, ..ListParams::default() };
        let page = self.list(&params).await?;
        let changes = self.read_page(&page).await?;
        *any = !changes.is_empty();
        let ranges = match (page.has_more, last(&changes)) {
            (true, Some((cursor, position))) => {
                plan::slices(self.kind, &cursor, position, self.oldest(position).await?)
            }
            _ => plan::single(self.kind),
        };
        self.send(Message::Planned(self.kind, ranges.clone(), changes)).await?;
        Ok(ranges)
    }

    /// A second before which there is nothing; none when the type goes back further than the probes.
    async fn oldest(&self, position: i64) -> Result<Option<i64>, Interrupted> {
        for before in plan::probes(self.now).filter(|before| *before < position) {
            let params = ListParams { limit: 1, created_to: Some(before), ..ListParams::default() };
            if self.list(&params).await?.data.is_empty() {
                return Ok(Some(before));
            }
        }
        Ok(None)
    }

    /// Reads a range to its end, page by page. Answers whether it held anything.
    async fn read_range(&self, mut range: Range) -> Result<bool, Interrupted> {
        let mut any = false;
        while !range.finished {
            let params = ListParams {
                limit: PAGE,
                starting_after: range.cursor.clone(),
                created_from: range.created_from,
                created_to: range.created_to,
            };
            let page = match self.list(&params).await {
                Err(error) if is_lost_cursor(&error) && range.position.is_some() => {
                    // The object at the cursor is gone; its second is read once more, which changes nothing.
                    range.created_to = range.position.map(|position| position + 1);
                    range.cursor = None;
                    continue;
                }
                page => page?,
            };
            let changes = self.read_page(&page).await?;
            any |= !changes.is_empty();
            if let Some((cursor, position)) = last(&changes) {
                range.cursor = Some(cursor);
                range.position = Some(position);
            }
            range.finished = !page.has_more;
            self.send(Message::Page(range.clone(), changes)).await?;
        }
        Ok(any)
    }

    async fn list(&self, params: &ListParams) -> Result<Page, stripe::Error> {
        let Ok(_permit) = self.calls.acquire().await else {
            return Err(stripe::Error::Unreachable("the run is stopping".to_owned()));
        };
        self.client.list(self.kind, params).await
    }

    /// Turns a page into changes; objects with cut sub-lists are completed first.
    async fn read_page(&self, page: &Page) -> Result<Vec<Change>, stripe::Error> {
        let mut changes = Vec::with_capacity(page.data.len());
        for raw in &page.data {
            let unreadable = |error: crate::domain::objects::Unreadable| stripe::Error::Unreadable(error.to_string());
            let mut object = Object::read(self.kind, &self.project, raw.get()).map_err(unreadable)?;
            if !object.whole {
                let whole = self.client.complete(self.kind, raw.clone()).await?;
                object = Object::read(self.kind, &self.project, whole.get()).map_err(unreadable)?;
            }
            changes.push(Change::from_fetch(object, page.as_of, None));
        }
        Ok(changes)
    }

    async fn send(&self, message: Message) -> Result<(), Interrupted> {
        self.pages.send(message).await.map_err(|_| Interrupted::WriterGone)
    }
}

fn last(changes: &[Change]) -> Option<(String, i64)> {
    changes.last().and_then(Change::object).map(|object| (object.stripe_id.clone(), object.created))
}

fn is_lost_cursor(error: &stripe::Error) -> bool {
    error.answer().is_some_and(|answer| answer.param.as_deref() == Some("starting_after"))
}
