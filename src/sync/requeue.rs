//! Another chance for events that failed: one, or all of a project.

use serde_json::json;

use crate::{
    app::Scope,
    db::{Result, Tx},
    domain::{event::EventStatus, ids::ProjectId, job::JobKind},
    store::{inbox, jobs, mirror, webhook_events},
};

/// Puts one dead or failed event back into the queue. Answers whether there was one: doing it again changes nothing.
pub async fn one(tx: &mut Tx, project: &ProjectId, event_id: &str, now: i64) -> Result<bool> {
    let was_dead = webhook_events::is_dead(tx, project, event_id).await?;
    webhook_events::requeue(tx, project, Some(event_id)).await?;
    let moved = inbox::requeue(tx, project, event_id, now).await?;
    if moved {
        follow_up(tx, project, i64::from(was_dead), now).await?;
    }
    Ok(moved)
}

/// Puts every dead and failed event of a project back into the queue; answers how many.
pub async fn all(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<u64> {
    let dead = inbox::counts(tx, project)
        .await?
        .into_iter()
        .find_map(|(state, n)| (state == EventStatus::Dead.as_str()).then_some(n))
        .unwrap_or(0);
    webhook_events::requeue(tx, project, None).await?;
    let moved = inbox::requeue_all(tx, project, now).await?;
    if moved > 0 {
        follow_up(tx, project, dead, now).await?;
    }
    Ok(moved)
}

impl Scope {
    /// A person puts one event back. Answers whether there was one to put back.
    pub async fn requeue_event(&self, event_id: &str) -> Result<bool> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        let moved = one(&mut tx, &self.project, event_id, self.now()).await?;
        if moved {
            self.audit(&mut tx, "event.requeued", event_id, &json!({})).await?;
        }
        tx.commit().await?;
        self.app.wake.notify_one();
        Ok(moved)
    }

    /// A person puts every failed and dead event back; answers how many there were.
    pub async fn requeue_events(&self) -> Result<u64> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        let moved = all(&mut tx, &self.project, self.now()).await?;
        if moved > 0 {
            self.audit(&mut tx, "event.all_requeued", self.project.as_str(), &json!({ "events": moved })).await?;
        }
        tx.commit().await?;
        self.app.wake.notify_one();
        Ok(moved)
    }
}

async fn follow_up(tx: &mut Tx, project: &ProjectId, no_longer_dead: i64, now: i64) -> Result<()> {
    if no_longer_dead > 0 {
        mirror::add_counts(tx, project, &[("event", EventStatus::Dead.as_str(), -no_longer_dead)]).await?;
    }
    let tenant = tx.tenant().clone();
    jobs::wake(tx, JobKind::Apply, &tenant, project, now).await
}
