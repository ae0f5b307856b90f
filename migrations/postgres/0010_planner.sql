-- What the planner should believe about a tenant's rows, as 0005_planner does for SQLite: a project has a good part of each table.
-- Without statistics Postgres takes tenant and project for so selective that one row is left, and then reads the whole project to
-- find the hundred ids of a list; autovacuum comes a minute later at best, and with many tenants it would say much the same.
-- n_distinct holds in every later ANALYZE. ANALYZE keeps nothing about an empty table, so it is shown rows that go again, each of
-- a tenant of its own: a value that is common among them would leave nothing for the others.
DO $$
DECLARE t text; names text; examples text;
BEGIN
  FOREACH t IN ARRAY ARRAY['customers', 'products', 'prices', 'subscriptions', 'subscription_items', 'invoices', 'charges', 'search',
    'webhook_events', 'event_payloads', 'inbox', 'event_attempts', 'refetches'] LOOP
    SELECT string_agg(quote_ident(column_name), ', '),
           string_agg(CASE data_type WHEN 'text' THEN '''planner '' || n' WHEN 'boolean' THEN 'false' ELSE 'n' END, ', ')
      INTO names, examples
      FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = t;
    EXECUTE format('ALTER TABLE %I ALTER COLUMN tenant_id SET (n_distinct = 2), ALTER COLUMN project_id SET (n_distinct = 2)', t);
    EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', t); -- seen by nobody: all of this is one transaction
    EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM generate_series(1, 100) AS n', t, names, examples);
    EXECUTE format('ANALYZE %I', t);
    EXECUTE format('DELETE FROM %I WHERE tenant_id LIKE ''planner %%''', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
  END LOOP;
END $$;

-- Room for a row's next version beside it: a change that touches no index then writes none.
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['customers', 'products', 'prices', 'subscriptions', 'invoices', 'charges'] LOOP
    EXECUTE format('ALTER TABLE %I SET (fillfactor = 80)', t);
  END LOOP;
END $$;

-- Objects of more than 2 kB are stored compressed. lz4 takes a tenth of the time of Postgres's own method; not every server has it.
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['customers', 'products', 'prices', 'subscriptions', 'invoices', 'charges'] LOOP
    EXECUTE format('ALTER TABLE %I ALTER COLUMN raw SET COMPRESSION lz4', t);
  END LOOP;
EXCEPTION
  WHEN feature_not_supported OR syntax_error THEN NULL; -- its own method stays
END $$;
