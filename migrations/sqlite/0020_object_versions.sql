-- States of objects that did not come by an event: read again, found by a comparison, answered to a change of ours. Only those that
-- changed something.

CREATE TABLE object_versions (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  object_id TEXT NOT NULL,                     -- our id
  no INTEGER NOT NULL,                         -- counts from 1
  source TEXT NOT NULL,                        -- read_again, comparison, change
  version_at INTEGER NOT NULL,                 -- the unix second it is proven for
  written_at INTEGER NOT NULL,                 -- unix seconds
  deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
  raw TEXT NOT NULL,                           -- as Stripe sent it
  PRIMARY KEY (tenant_id, project_id, object_id, no)
) STRICT;
