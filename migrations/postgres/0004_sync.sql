-- How the mirror is kept exact: events, the inbox, refetches, runs.

CREATE TABLE webhook_events (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,                            -- Stripe's evt_…
  arrival BIGINT NOT NULL,                    -- unix microseconds, growing within a process
  type TEXT COLLATE "C" NOT NULL, api_version TEXT COLLATE "C", created BIGINT NOT NULL,
  object_kind TEXT COLLATE "C" NOT NULL,                   -- Stripe's object name; '' when the event names none
  object_id TEXT COLLATE "C" NOT NULL,                     -- Stripe's id; '' when the event names none
  subject_id TEXT COLLATE "C" NOT NULL,                    -- our id of the customer concerned, else of the object; '' when neither
  status TEXT COLLATE "C" NOT NULL,                        -- received, done, ignored, failed, dead, quarantined
  outcome TEXT COLLATE "C",                                -- what it changed or why it was ignored, as a code
  cause TEXT COLLATE "C",                                  -- the last failure, in plain words
  attempts BIGINT NOT NULL,
  finished_at BIGINT,
  PRIMARY KEY (tenant_id, project_id, id)
) WITH (fillfactor = 80); -- room for the one change of each row beside it
CREATE INDEX webhook_events_arrival ON webhook_events (tenant_id, project_id, arrival);
CREATE INDEX webhook_events_subject ON webhook_events (tenant_id, project_id, subject_id, arrival);

-- The bodies as they arrived, apart from what is written again when an event is finished.
CREATE TABLE event_payloads (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  event_id TEXT COLLATE "C" NOT NULL,
  payload TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, project_id, event_id)
);
ALTER TABLE event_payloads ALTER COLUMN payload SET STORAGE EXTERNAL; -- compressing costs more than it saves

-- The events that are not finished. Small rows that come and go, so that a finished event costs one cheap update.
CREATE TABLE inbox (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,                         -- received, failed, dead, quarantined
  arrival BIGINT NOT NULL,
  event_id TEXT COLLATE "C" NOT NULL,
  next_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, state, arrival, event_id)
);

CREATE TABLE event_attempts (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, event_id TEXT COLLATE "C" NOT NULL,
  attempt BIGINT NOT NULL,
  at BIGINT NOT NULL,
  error TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, project_id, event_id, attempt)
);

CREATE TABLE webhook_refusals (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  remote TEXT COLLATE "C" NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
);
CREATE INDEX webhook_refusals_at ON webhook_refusals (tenant_id, project_id, at, id);

-- Objects to be read again from Stripe: several events of one second, cut sub-lists, events that only name an object.
CREATE TABLE refetches (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL, stripe_id TEXT COLLATE "C" NOT NULL,
  asked BIGINT NOT NULL,                      -- raised by each wish, so that a wish during the fetch is not lost
  next_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  cause TEXT COLLATE "C",
  PRIMARY KEY (tenant_id, project_id, kind, stripe_id)
);
CREATE INDEX refetches_due ON refetches (tenant_id, project_id, next_at);

CREATE TABLE sync_runs (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,                          -- backfill
  state TEXT COLLATE "C" NOT NULL,                         -- running, paused, done, stopped
  started_by TEXT COLLATE "C" NOT NULL,
  started_at BIGINT NOT NULL,
  finished_at BIGINT,
  active_seconds BIGINT NOT NULL,             -- time spent running, without pauses
  resumed_at BIGINT,                          -- start of the present stretch of running
  PRIMARY KEY (tenant_id, project_id, id)
);
CREATE INDEX sync_runs_started ON sync_runs (tenant_id, project_id, started_at, id);

CREATE TABLE sync_types (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, run_id TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  result TEXT COLLATE "C" NOT NULL,                        -- waiting, running, ok, empty, refused, failed
  reason TEXT COLLATE "C",
  fetched BIGINT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT,
  PRIMARY KEY (tenant_id, project_id, run_id, kind)
);

CREATE TABLE sync_ranges (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, run_id TEXT COLLATE "C" NOT NULL, kind TEXT COLLATE "C" NOT NULL,
  range_no BIGINT NOT NULL,
  created_from BIGINT,                        -- inclusive; NULL: open
  created_to BIGINT,                          -- exclusive; NULL: open
  cursor TEXT COLLATE "C",                                 -- the last Stripe id of the last stored page
  position BIGINT,                            -- created of that object
  finished BOOLEAN NOT NULL,
  PRIMARY KEY (tenant_id, project_id, run_id, kind, range_no)
);
