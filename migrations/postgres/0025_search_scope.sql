-- A search looks at the words of one kind of object in one project. Without `scope`, the three letters made of both, the index answers for
-- every business of the database, and what it finds for the others is read and thrown away.
CREATE EXTENSION IF NOT EXISTS btree_gin;
DROP INDEX search_words;
CREATE INDEX search_words ON search USING gin (scope, words gin_trgm_ops);

CREATE OR REPLACE FUNCTION search_ids(project text, object_kind text, patterns text, most bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  tenant text := NULLIF(current_setting('app.tenant_id', true), '');
  query text := 'SELECT id FROM public.search WHERE tenant_id = $1 AND project_id = $2 AND kind = $3';
  own_scope text;
  pattern text;
BEGIN
  SELECT scope INTO own_scope FROM public.search WHERE tenant_id = tenant AND project_id = project AND kind = object_kind LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  query := query || format(' AND scope = %L', own_scope);
  FOREACH pattern IN ARRAY string_to_array(patterns, E'\n') LOOP
    query := query || format(' AND words LIKE %L', pattern);
  END LOOP;
  RETURN QUERY EXECUTE query || ' LIMIT $4' USING tenant, project, object_kind, most;
END $$;
