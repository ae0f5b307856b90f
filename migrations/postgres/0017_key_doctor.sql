-- What the key doctor found out last about each connection.

CREATE TABLE doctor_reports (
  tenant_id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C" NOT NULL,
  made_at BIGINT NOT NULL,                    -- unix seconds
  made_by TEXT COLLATE "C" NOT NULL,                       -- as the actor in audit_log
  credential_version BIGINT NOT NULL,         -- of the key that was asked with
  report TEXT COLLATE "C" NOT NULL,                        -- JSON
  PRIMARY KEY (tenant_id, project_id)
);
ALTER TABLE doctor_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE doctor_reports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON doctor_reports USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON doctor_reports TO billfold_app;

-- Connections that are there already get their nightly job, spread over the first day: from then on each has its second of
-- the night. What has jobs is connected.
INSERT INTO jobs (kind, tenant_id, project_id, run_at, wakes, fence, lease_until, leased_by, attempts)
  SELECT 'doctor', tenant_id, project_id, extract(epoch FROM now())::BIGINT + floor(random() * 86400)::BIGINT, 1, 0, 0, '', 0
  FROM jobs WHERE kind = 'apply';
