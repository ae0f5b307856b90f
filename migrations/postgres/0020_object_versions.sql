-- States of objects that did not come by an event: read again, found by a comparison, answered to a change of ours. Only those that
-- changed something.

CREATE TABLE object_versions (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  object_id TEXT COLLATE "C" NOT NULL,                     -- our id
  no BIGINT NOT NULL,                         -- counts from 1
  source TEXT COLLATE "C" NOT NULL,                        -- read_again, comparison, change
  version_at BIGINT NOT NULL,                 -- the unix second it is proven for
  written_at BIGINT NOT NULL,                 -- unix seconds
  deleted BOOLEAN NOT NULL,
  raw TEXT COLLATE "C" NOT NULL,                           -- as Stripe sent it
  PRIMARY KEY (tenant_id, project_id, object_id, no)
);
ALTER TABLE object_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE object_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON object_versions USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON object_versions TO billfold_app;
