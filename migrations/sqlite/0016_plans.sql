-- The side of whoever runs this installation: what each tenant may use, how it stands, and who may decide about it.

ALTER TABLE users ADD COLUMN operator_since INTEGER;            -- since when the person may enter the operator's area; NULL: not

CREATE TABLE plans (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  api_calls INTEGER,                           -- a month; NULL, here and below: no limit
  seats INTEGER,
  projects INTEGER,
  customers INTEGER,                           -- mirrored, in all projects
  exports INTEGER NOT NULL CHECK (exports IN (0, 1)),
  created INTEGER NOT NULL
) STRICT;
INSERT INTO plans (id, name, exports, created) VALUES ('pla_aaaaaaaaaaaaaaaaaaaaaaaa', 'Unlimited', 1, 0);

-- Whoever pays this price in the operator's own Stripe account has this plan.
CREATE TABLE plan_prices (
  price_id TEXT NOT NULL PRIMARY KEY,          -- our id of the price
  plan_id TEXT NOT NULL
) STRICT;

ALTER TABLE tenants ADD COLUMN plan_id TEXT NOT NULL DEFAULT 'pla_aaaaaaaaaaaaaaaaaaaaaaaa';
ALTER TABLE tenants ADD COLUMN state TEXT NOT NULL DEFAULT 'active'; -- active, past_due, suspended, ending, erasing
ALTER TABLE tenants ADD COLUMN state_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN state_by TEXT NOT NULL DEFAULT '';    -- operator or billing: what the one decided the other leaves
ALTER TABLE tenants ADD COLUMN state_note TEXT NOT NULL DEFAULT '';  -- why, for the tenant's people
ALTER TABLE tenants ADD COLUMN due_at INTEGER;                  -- past_due: suspended then; ending: erased then
ALTER TABLE tenants ADD COLUMN payer_id TEXT;                   -- our id of the customer that pays, in the operator's project
CREATE UNIQUE INDEX tenants_payer ON tenants (payer_id);

ALTER TABLE instance ADD COLUMN default_plan_id TEXT NOT NULL DEFAULT 'pla_aaaaaaaaaaaaaaaaaaaaaaaa';
ALTER TABLE instance ADD COLUMN billing_tenant_id TEXT;         -- the operator's own tenant and project, whose customers are the tenants
ALTER TABLE instance ADD COLUMN billing_project_id TEXT;
ALTER TABLE instance ADD COLUMN grace_days INTEGER NOT NULL DEFAULT 7;
ALTER TABLE instance ADD COLUMN sign_up INTEGER NOT NULL CHECK (sign_up IN (0, 1)) DEFAULT 0;

-- What operators did; what they did to a tenant stands in the tenant's own audit log as well.
CREATE TABLE operator_log (
  id TEXT NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,                         -- unix microseconds
  actor TEXT NOT NULL,                         -- user id, or the part of billfold that acted
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL,                        -- JSON without secrets
  address TEXT NOT NULL,
  request_id TEXT NOT NULL
) STRICT;
CREATE INDEX operator_log_at ON operator_log (at, id);
CREATE TRIGGER operator_log_stays BEFORE UPDATE ON operator_log BEGIN SELECT RAISE(ABORT, 'the log is never changed'); END;
CREATE TRIGGER operator_log_keeps BEFORE DELETE ON operator_log BEGIN SELECT RAISE(ABORT, 'the log is never changed'); END;

CREATE TABLE api_usage (
  tenant_id TEXT NOT NULL,
  month INTEGER NOT NULL,                      -- unix seconds at which it began, UTC
  calls INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, month)
) STRICT;

-- A tenant that is erased takes its log with it; nothing else does.
DROP TRIGGER audit_log_keeps;
CREATE TRIGGER audit_log_keeps BEFORE DELETE ON audit_log
  WHEN NOT EXISTS (SELECT 1 FROM tenants WHERE id = OLD.tenant_id AND state = 'erasing')
BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_heads_keep BEFORE DELETE ON audit_heads
  WHEN NOT EXISTS (SELECT 1 FROM tenants WHERE id = OLD.tenant_id AND state = 'erasing')
BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
