-- Comparisons of the mirror with Stripe: nightly samples, and everything when somebody asks.

CREATE TABLE reconciliations (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL,
  scope TEXT NOT NULL,                         -- sample, full
  state TEXT NOT NULL,                         -- running, done, stopped
  started_by TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX reconciliations_started ON reconciliations (tenant_id, project_id, started_at, id);

CREATE TABLE reconciliation_types (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, run_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  result TEXT NOT NULL,                        -- waiting, ok, refused, failed
  reason TEXT,
  compared INTEGER NOT NULL,                   -- objects
  differed INTEGER NOT NULL,                   -- that were here and other than at Stripe
  missing INTEGER NOT NULL,                    -- that were at Stripe and not here
  gone INTEGER NOT NULL,                       -- that were here and are no longer at Stripe
  repaired INTEGER NOT NULL,                   -- of all these
  fields TEXT NOT NULL,                        -- JSON: field, how many objects differed in it
  event_at INTEGER,                            -- when an event of this type was last applied, as far as was looked
  cursor TEXT,                                 -- the last Stripe id of the last compared page
  position INTEGER,                            -- created of that object
  finished_at INTEGER,
  PRIMARY KEY (tenant_id, project_id, run_id, kind)
) WITHOUT ROWID, STRICT;

ALTER TABLE connections ADD COLUMN drift_at INTEGER;  -- a comparison found more differences than it may; NULL when none did since

-- Connections that are there already are compared at some second of the first day; from then on each has its second of the night.
INSERT INTO jobs (kind, tenant_id, project_id, run_at, wakes, fence, lease_until, leased_by, attempts)
  SELECT 'reconcile', tenant_id, project_id, unixepoch() + abs(random() % 86400), 1, 0, 0, '', 0 FROM jobs WHERE kind = 'apply';
