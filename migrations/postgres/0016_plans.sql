-- The side of whoever runs this installation: what each tenant may use, how it stands, and who may decide about it.

ALTER TABLE users ADD COLUMN operator_since BIGINT;            -- since when the person may enter the operator's area; NULL: not

CREATE TABLE plans (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL UNIQUE,
  api_calls BIGINT,                           -- a month; NULL, here and below: no limit
  seats BIGINT,
  projects BIGINT,
  customers BIGINT,                           -- mirrored, in all projects
  exports BOOLEAN NOT NULL,
  created BIGINT NOT NULL
);
INSERT INTO plans (id, name, exports, created) VALUES ('pla_aaaaaaaaaaaaaaaaaaaaaaaa', 'Unlimited', TRUE, 0);

-- Whoever pays this price in the operator's own Stripe account has this plan.
CREATE TABLE plan_prices (
  price_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,          -- our id of the price
  plan_id TEXT COLLATE "C" NOT NULL
);

ALTER TABLE tenants ADD COLUMN plan_id TEXT COLLATE "C" NOT NULL DEFAULT 'pla_aaaaaaaaaaaaaaaaaaaaaaaa';
ALTER TABLE tenants ADD COLUMN state TEXT COLLATE "C" NOT NULL DEFAULT 'active'; -- active, past_due, suspended, ending, erasing
ALTER TABLE tenants ADD COLUMN state_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN state_by TEXT COLLATE "C" NOT NULL DEFAULT '';    -- operator or billing: what the one decided the other leaves
ALTER TABLE tenants ADD COLUMN state_note TEXT COLLATE "C" NOT NULL DEFAULT '';  -- why, for the tenant's people
ALTER TABLE tenants ADD COLUMN due_at BIGINT;                  -- past_due: suspended then; ending: erased then
ALTER TABLE tenants ADD COLUMN payer_id TEXT COLLATE "C";                   -- our id of the customer that pays, in the operator's project
CREATE UNIQUE INDEX tenants_payer ON tenants (payer_id);

ALTER TABLE instance ADD COLUMN default_plan_id TEXT COLLATE "C" NOT NULL DEFAULT 'pla_aaaaaaaaaaaaaaaaaaaaaaaa';
ALTER TABLE instance ADD COLUMN billing_tenant_id TEXT COLLATE "C";         -- the operator's own tenant and project, whose customers are the tenants
ALTER TABLE instance ADD COLUMN billing_project_id TEXT COLLATE "C";
ALTER TABLE instance ADD COLUMN grace_days BIGINT NOT NULL DEFAULT 7;
ALTER TABLE instance ADD COLUMN sign_up BOOLEAN NOT NULL DEFAULT FALSE;

-- What operators did; what they did to a tenant stands in the tenant's own audit log as well.
CREATE TABLE operator_log (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,                         -- unix microseconds
  actor TEXT COLLATE "C" NOT NULL,                         -- user id, or the part of billfold that acted
  action TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL,                        -- JSON without secrets
  address TEXT COLLATE "C" NOT NULL,
  request_id TEXT COLLATE "C" NOT NULL
);
CREATE INDEX operator_log_at ON operator_log (at, id);

CREATE TABLE api_usage (
  tenant_id TEXT COLLATE "C" NOT NULL,
  month BIGINT NOT NULL,                      -- unix seconds at which it began, UTC
  calls BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, month)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON plans, plan_prices TO billfold_app;
GRANT SELECT, INSERT ON operator_log TO billfold_app; -- written once, never changed
GRANT SELECT, INSERT, UPDATE, DELETE ON api_usage TO billfold_app;
ALTER TABLE api_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON api_usage USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));

CREATE FUNCTION operator_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the log is never changed'; END $$;
CREATE TRIGGER operator_log_stays BEFORE UPDATE OR DELETE ON operator_log FOR EACH ROW EXECUTE FUNCTION operator_log_stays();

-- A tenant that is erased takes its log with it; nothing else does.
CREATE OR REPLACE FUNCTION audit_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM tenants WHERE id = OLD.tenant_id AND state = 'erasing') THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'the audit log is never changed';
END $$;
CREATE TRIGGER audit_heads_stay BEFORE DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION audit_log_stays();
GRANT DELETE ON audit_log, audit_heads TO billfold_app;
