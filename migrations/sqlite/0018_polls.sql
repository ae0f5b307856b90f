-- Events are fetched from Stripe's own list, too: what no delivery has brought, and everything where none can come.

CREATE TABLE polls (
  tenant_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  cursor INTEGER,                              -- unix seconds by Stripe's clock: what was made before is here; NULL before the first look
  started_at INTEGER,                          -- of the look under way; NULL when none is
  polled_at INTEGER,                           -- end of the last look, or of the last try
  outcome TEXT,                                -- ok, refused, failed
  cause TEXT,                                  -- why it was not ok, in plain words
  brought INTEGER NOT NULL,                    -- events that the last look brought and no delivery had
  total INTEGER NOT NULL,                      -- the same, of all looks since the account was connected
  late_at INTEGER,                             -- when a look last brought an event whose delivery was overdue
  gap_at INTEGER,                              -- when more time was missing than Stripe keeps, so that everything is read again
  wishes INTEGER NOT NULL,                     -- how often a person asked for a look
  answered INTEGER NOT NULL,                   -- how many of these wishes were fulfilled
  PRIMARY KEY (tenant_id, project_id)
) STRICT;

ALTER TABLE webhook_events ADD COLUMN fetched INTEGER NOT NULL CHECK (fetched IN (0, 1)) DEFAULT 0; -- not delivered

-- Connections that are there already begin within the first quarter of an hour. What has jobs is connected.
INSERT INTO jobs (kind, tenant_id, project_id, run_at, wakes, fence, lease_until, leased_by, attempts)
  SELECT 'poll', tenant_id, project_id, unixepoch() + abs(random() % 900), 1, 0, 0, '', 0 FROM jobs WHERE kind = 'apply';
