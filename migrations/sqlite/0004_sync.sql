-- How the mirror is kept exact: events, the inbox, refetches, runs.

CREATE TABLE webhook_events (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  id TEXT NOT NULL,                            -- Stripe's evt_…
  arrival INTEGER NOT NULL,                    -- unix microseconds, growing within a process
  type TEXT NOT NULL, api_version TEXT, created INTEGER NOT NULL,
  object_kind TEXT NOT NULL,                   -- Stripe's object name; '' when the event names none
  object_id TEXT NOT NULL,                     -- Stripe's id; '' when the event names none
  subject_id TEXT NOT NULL,                    -- our id of the customer concerned, else of the object; '' when neither
  status TEXT NOT NULL,                        -- received, done, ignored, failed, dead, quarantined
  outcome TEXT,                                -- what it changed or why it was ignored, as a code
  cause TEXT,                                  -- the last failure, in plain words
  attempts INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX webhook_events_arrival ON webhook_events (tenant_id, project_id, arrival);
CREATE INDEX webhook_events_subject ON webhook_events (tenant_id, project_id, subject_id, arrival);

-- The bodies as they arrived, apart from what is written again when an event is finished.
CREATE TABLE event_payloads (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  payload TEXT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, event_id)
) STRICT;

-- The events that are not finished. Small rows that come and go, so that a finished event costs one cheap update.
CREATE TABLE inbox (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  state TEXT NOT NULL,                         -- received, failed, dead, quarantined
  arrival INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  next_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, project_id, state, arrival, event_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE event_attempts (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, event_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, event_id, attempt)
) WITHOUT ROWID, STRICT;

CREATE TABLE webhook_refusals (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  remote TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX webhook_refusals_at ON webhook_refusals (tenant_id, project_id, at, id);

-- Objects to be read again from Stripe: several events of one second, cut sub-lists, events that only name an object.
CREATE TABLE refetches (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  kind TEXT NOT NULL, stripe_id TEXT NOT NULL,
  asked INTEGER NOT NULL,                      -- raised by each wish, so that a wish during the fetch is not lost
  next_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  cause TEXT,
  PRIMARY KEY (tenant_id, project_id, kind, stripe_id)
) WITHOUT ROWID, STRICT;
CREATE INDEX refetches_due ON refetches (tenant_id, project_id, next_at);

CREATE TABLE sync_runs (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL,
  kind TEXT NOT NULL,                          -- backfill
  state TEXT NOT NULL,                         -- running, paused, done, stopped
  started_by TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  active_seconds INTEGER NOT NULL,             -- time spent running, without pauses
  resumed_at INTEGER,                          -- start of the present stretch of running
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX sync_runs_started ON sync_runs (tenant_id, project_id, started_at, id);

CREATE TABLE sync_types (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, run_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  result TEXT NOT NULL,                        -- waiting, running, ok, empty, refused, failed
  reason TEXT,
  fetched INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  PRIMARY KEY (tenant_id, project_id, run_id, kind)
) WITHOUT ROWID, STRICT;

CREATE TABLE sync_ranges (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, run_id TEXT NOT NULL, kind TEXT NOT NULL,
  range_no INTEGER NOT NULL,
  created_from INTEGER,                        -- inclusive; NULL: open
  created_to INTEGER,                          -- exclusive; NULL: open
  cursor TEXT,                                 -- the last Stripe id of the last stored page
  position INTEGER,                            -- created of that object
  finished INTEGER NOT NULL CHECK (finished IN (0, 1)),
  PRIMARY KEY (tenant_id, project_id, run_id, kind, range_no)
) WITHOUT ROWID, STRICT;
