-- Finds the ids of the objects of one kind that contain every word. The index is asked for some three-letter pieces of the words (`pieces`, a
-- JSON array of LIKE patterns), the rarest that the caller knows of, because it reads what it has of each; what it finds is held against
-- the whole words (`wanted`, a JSON array). A program of an older version calls the function without them.
CREATE FUNCTION search_ids(project text, object_kind text, own_scope text, pieces text, wanted text, most bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  query text := 'SELECT id FROM public.search WHERE tenant_id = $1 AND project_id = $2 AND kind = $3' || format(' AND scope = %L', own_scope);
  part text;
BEGIN
  FOR part IN SELECT json_array_elements_text(pieces::json) LOOP
    query := query || format(' AND words LIKE %L', part);
  END LOOP;
  FOR part IN SELECT json_array_elements_text(wanted::json) LOOP
    query := query || format(' AND strpos(words, %L) > 0', part);
  END LOOP;
  RETURN QUERY EXECUTE query || ' LIMIT $4' USING NULLIF(current_setting('app.tenant_id', true), ''), project, object_kind, most;
END $$;
REVOKE EXECUTE ON FUNCTION search_ids(text, text, text, text, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_ids(text, text, text, text, text, bigint) TO billfold_app;
