-- What the key doctor found out last about each connection.

CREATE TABLE doctor_reports (
  tenant_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  made_at INTEGER NOT NULL,                    -- unix seconds
  made_by TEXT NOT NULL,                       -- as the actor in audit_log
  credential_version INTEGER NOT NULL,         -- of the key that was asked with
  report TEXT NOT NULL,                        -- JSON
  PRIMARY KEY (tenant_id, project_id)
) STRICT;

-- Connections that are there already get their nightly job, spread over the first day: from then on each has its second of
-- the night. What has jobs is connected.
INSERT INTO jobs (kind, tenant_id, project_id, run_at, wakes, fence, lease_until, leased_by, attempts)
  SELECT 'doctor', tenant_id, project_id, unixepoch() + abs(random() % 86400), 1, 0, 0, '', 0 FROM jobs WHERE kind = 'apply';
