-- Events are fetched from Stripe's own list, too: what no delivery has brought, and everything where none can come.

CREATE TABLE polls (
  tenant_id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C" NOT NULL,
  cursor BIGINT,                              -- unix seconds by Stripe's clock: what was made before is here; NULL before the first look
  started_at BIGINT,                          -- of the look under way; NULL when none is
  polled_at BIGINT,                           -- end of the last look, or of the last try
  outcome TEXT COLLATE "C",                                -- ok, refused, failed
  cause TEXT COLLATE "C",                                  -- why it was not ok, in plain words
  brought BIGINT NOT NULL,                    -- events that the last look brought and no delivery had
  total BIGINT NOT NULL,                      -- the same, of all looks since the account was connected
  late_at BIGINT,                             -- when a look last brought an event whose delivery was overdue
  gap_at BIGINT,                              -- when more time was missing than Stripe keeps, so that everything is read again
  wishes BIGINT NOT NULL,                     -- how often a person asked for a look
  answered BIGINT NOT NULL,                   -- how many of these wishes were fulfilled
  PRIMARY KEY (tenant_id, project_id)
);
ALTER TABLE polls ENABLE ROW LEVEL SECURITY;
ALTER TABLE polls FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON polls USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON polls TO billfold_app;

ALTER TABLE webhook_events ADD COLUMN fetched BOOLEAN NOT NULL DEFAULT false; -- not delivered

-- Connections that are there already begin within the first quarter of an hour. What has jobs is connected.
INSERT INTO jobs (kind, tenant_id, project_id, run_at, wakes, fence, lease_until, leased_by, attempts)
  SELECT 'poll', tenant_id, project_id, extract(epoch FROM now())::BIGINT + floor(random() * 900)::BIGINT, 1, 0, 0, '', 0
  FROM jobs WHERE kind = 'apply';
