-- The audit log becomes a chain: each entry is authenticated together with the one before it, and the head says how many there
-- are, so that a changed, removed, moved, added or cut-off entry is found. What was changed, and from where, may be personal: it
-- stands sealed in a table of its own and can be erased, because the chain covers its hash alone.

ALTER TABLE audit_log RENAME TO audit_log_before;
DROP INDEX audit_log_at;

CREATE TABLE audit_log (
  tenant_id TEXT NOT NULL,
  seq INTEGER NOT NULL,                        -- 1, 2, 3 … without gaps
  id TEXT NOT NULL,
  project_id TEXT,
  at INTEGER NOT NULL,                         -- unix microseconds
  actor TEXT NOT NULL,                         -- user id, or the name of the part of billfold that acted
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  request_id TEXT NOT NULL,
  detail_hash TEXT NOT NULL,                   -- SHA-256 of audit_details.sealed, hex
  prev TEXT NOT NULL,                          -- mac of the entry before; empty for the first
  mac TEXT NOT NULL,                           -- HMAC-SHA256 by the tenant's chain key, hex; empty: from before the chain
  PRIMARY KEY (tenant_id, seq),
  UNIQUE (tenant_id, id)
) STRICT;
CREATE INDEX audit_log_actor ON audit_log (tenant_id, actor, seq);
CREATE INDEX audit_log_target ON audit_log (tenant_id, target, seq);
CREATE INDEX audit_log_project ON audit_log (tenant_id, project_id, seq);

CREATE TABLE audit_details (
  tenant_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  sealed TEXT NOT NULL,                        -- JSON by the tenant's data key; plain where it is older than the chain
  PRIMARY KEY (tenant_id, seq)
) STRICT;

CREATE TABLE audit_heads (
  tenant_id TEXT NOT NULL,
  seq INTEGER NOT NULL,                        -- of the newest entry
  mac TEXT NOT NULL,                           -- of the newest entry
  proof TEXT NOT NULL,                         -- HMAC of both: nobody without the key can move the head back
  PRIMARY KEY (tenant_id)
) STRICT;

INSERT INTO audit_details (tenant_id, seq, sealed)
  SELECT tenant_id, ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY at, id), detail FROM audit_log_before;
INSERT INTO audit_log (tenant_id, seq, id, project_id, at, actor, action, target, request_id, detail_hash, prev, mac)
  SELECT tenant_id, ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY at, id), id, project_id, at, actor, action, target, request_id, '', '', ''
  FROM audit_log_before;
INSERT INTO audit_heads (tenant_id, seq, mac, proof) SELECT tenant_id, COUNT(*), '', '' FROM audit_log_before GROUP BY tenant_id;
DROP TABLE audit_log_before;

CREATE TRIGGER audit_log_stays BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_log_keeps BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_details_stay BEFORE UPDATE ON audit_details BEGIN SELECT RAISE(ABORT, 'an audit detail is erased, never changed'); END;
