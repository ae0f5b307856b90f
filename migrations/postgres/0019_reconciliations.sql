-- Comparisons of the mirror with Stripe: nightly samples, and everything when somebody asks.

CREATE TABLE reconciliations (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL,
  scope TEXT COLLATE "C" NOT NULL,                         -- sample, full
  state TEXT COLLATE "C" NOT NULL,                         -- running, done, stopped
  started_by TEXT COLLATE "C" NOT NULL,
  started_at BIGINT NOT NULL,
  finished_at BIGINT,
  PRIMARY KEY (tenant_id, project_id, id)
);
CREATE INDEX reconciliations_started ON reconciliations (tenant_id, project_id, started_at, id);

CREATE TABLE reconciliation_types (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, run_id TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  result TEXT COLLATE "C" NOT NULL,                        -- waiting, ok, refused, failed
  reason TEXT COLLATE "C",
  compared BIGINT NOT NULL,                   -- objects
  differed BIGINT NOT NULL,                   -- that were here and other than at Stripe
  missing BIGINT NOT NULL,                    -- that were at Stripe and not here
  gone BIGINT NOT NULL,                       -- that were here and are no longer at Stripe
  repaired BIGINT NOT NULL,                   -- of all these
  fields TEXT COLLATE "C" NOT NULL,                        -- JSON: field, how many objects differed in it
  event_at BIGINT,                            -- when an event of this type was last applied, as far as was looked
  cursor TEXT COLLATE "C",                                 -- the last Stripe id of the last compared page
  position BIGINT,                            -- created of that object
  finished_at BIGINT,
  PRIMARY KEY (tenant_id, project_id, run_id, kind)
);

ALTER TABLE reconciliations ENABLE ROW LEVEL SECURITY;
ALTER TABLE reconciliations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON reconciliations USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON reconciliations TO billfold_app;
ALTER TABLE reconciliation_types ENABLE ROW LEVEL SECURITY;
ALTER TABLE reconciliation_types FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON reconciliation_types USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON reconciliation_types TO billfold_app;

ALTER TABLE connections ADD COLUMN drift_at BIGINT;  -- a comparison found more differences than it may; NULL when none did since

-- Connections that are there already are compared at some second of the first day; from then on each has its second of the night.
INSERT INTO jobs (kind, tenant_id, project_id, run_at, wakes, fence, lease_until, leased_by, attempts)
  SELECT 'reconcile', tenant_id, project_id, extract(epoch FROM now())::BIGINT + floor(random() * 86400)::BIGINT, 1, 0, 0, '', 0
  FROM jobs WHERE kind = 'apply';
