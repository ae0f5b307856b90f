-- The application role and row-level security. Every Tx sets the role and app.tenant_id for its own transaction,
-- so even the owner or a superuser's connection string cannot see past the policies.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'billfold_app') THEN
    CREATE ROLE billfold_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL; -- another process made it at the same moment
END $$;

DO $$
BEGIN
  IF NOT pg_has_role(current_user, 'billfold_app', 'MEMBER') THEN
    EXECUTE format('GRANT billfold_app TO %I', current_user);
  END IF;
END $$;

GRANT USAGE ON SCHEMA public TO billfold_app;

-- Each table by name: a new table is unreachable until its migration says what may be done with it.
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['instance', 'tenants', 'users', 'members', 'sessions', 'login_failures', 'webhook_routes', 'account_routes', 'jobs'] LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO billfold_app', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['projects', 'connections', 'signing_secrets', 'audit_log',
    'customers', 'products', 'prices', 'subscriptions', 'subscription_items', 'invoices', 'charges', 'counts', 'search',
    'webhook_events', 'event_payloads', 'inbox', 'event_attempts', 'webhook_refusals', 'refetches', 'sync_runs', 'sync_types', 'sync_ranges'] LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO billfold_app', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant_isolation ON %I USING (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))
      WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))', t);
  END LOOP;
  -- search_ids runs as the owner, whom FORCE binds as well; the function names the tenant.
  EXECUTE format('CREATE POLICY search_ids ON search FOR SELECT TO %I USING (true)', current_user);
  GRANT EXECUTE ON FUNCTION search_ids TO billfold_app;
  REVOKE UPDATE, DELETE ON audit_log FROM billfold_app; -- written once, never changed
END $$;
