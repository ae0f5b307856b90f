-- The audit log becomes a chain: each entry is authenticated together with the one before it, and the head says how many there
-- are, so that a changed, removed, moved, added or cut-off entry is found. What was changed, and from where, may be personal: it
-- stands sealed in a table of its own and can be erased, because the chain covers its hash alone.

ALTER TABLE audit_log RENAME TO audit_log_before;
ALTER TABLE audit_log_before RENAME CONSTRAINT audit_log_pkey TO audit_log_before_pkey;
ALTER TABLE audit_log_before NO FORCE ROW LEVEL SECURITY; -- its rows move, whoever the owner is
DROP INDEX audit_log_at;

CREATE TABLE audit_log (
  tenant_id TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,                        -- 1, 2, 3 … without gaps
  id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C",
  at BIGINT NOT NULL,                         -- unix microseconds
  actor TEXT COLLATE "C" NOT NULL,                         -- user id, or the name of the part of billfold that acted
  action TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  request_id TEXT COLLATE "C" NOT NULL,
  detail_hash TEXT COLLATE "C" NOT NULL,                   -- SHA-256 of audit_details.sealed, hex
  prev TEXT COLLATE "C" NOT NULL,                          -- mac of the entry before; empty for the first
  mac TEXT COLLATE "C" NOT NULL,                           -- HMAC-SHA256 by the tenant's chain key, hex; empty: from before the chain
  PRIMARY KEY (tenant_id, seq),
  UNIQUE (tenant_id, id)
);
CREATE INDEX audit_log_actor ON audit_log (tenant_id, actor, seq);
CREATE INDEX audit_log_target ON audit_log (tenant_id, target, seq);
CREATE INDEX audit_log_project ON audit_log (tenant_id, project_id, seq);

CREATE TABLE audit_details (
  tenant_id TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  sealed TEXT COLLATE "C" NOT NULL,                        -- JSON by the tenant's data key; plain where it is older than the chain
  PRIMARY KEY (tenant_id, seq)
);

CREATE TABLE audit_heads (
  tenant_id TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,                        -- of the newest entry
  mac TEXT COLLATE "C" NOT NULL,                           -- of the newest entry
  proof TEXT COLLATE "C" NOT NULL,                         -- HMAC of both: nobody without the key can move the head back
  PRIMARY KEY (tenant_id)
);

INSERT INTO audit_details (tenant_id, seq, sealed)
  SELECT tenant_id, ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY at, id), detail FROM audit_log_before;
INSERT INTO audit_log (tenant_id, seq, id, project_id, at, actor, action, target, request_id, detail_hash, prev, mac)
  SELECT tenant_id, ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY at, id), id, project_id, at, actor, action, target, request_id, '', '', ''
  FROM audit_log_before;
INSERT INTO audit_heads (tenant_id, seq, mac, proof) SELECT tenant_id, COUNT(*), '', '' FROM audit_log_before GROUP BY tenant_id;
DROP TABLE audit_log_before;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['audit_log', 'audit_details', 'audit_heads'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant_isolation ON %I USING (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))
      WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))', t);
  END LOOP;
END $$;
GRANT SELECT, INSERT ON audit_log TO billfold_app; -- written once, never changed
GRANT SELECT, INSERT, DELETE ON audit_details TO billfold_app; -- erased, never changed
GRANT SELECT, INSERT, UPDATE ON audit_heads TO billfold_app;

CREATE FUNCTION audit_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the audit log is never changed'; END $$;
CREATE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_stays();
CREATE TRIGGER audit_details_stay BEFORE UPDATE ON audit_details FOR EACH ROW EXECUTE FUNCTION audit_log_stays();
