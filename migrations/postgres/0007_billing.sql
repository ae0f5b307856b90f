-- Writes at Stripe: what people and programs ask for, stored before it is sent, and where they may be sent afterwards.

CREATE TABLE outbox (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,                    -- unix seconds
  actor TEXT COLLATE "C" NOT NULL,                         -- as in audit_log
  request_id TEXT COLLATE "C" NOT NULL,
  nonce TEXT COLLATE "C" NOT NULL,                         -- a form's one-time token or a program's idempotency key
  fingerprint TEXT COLLATE "C" NOT NULL,                   -- SHA-256 of what is asked: the same nonce for something else is refused
  action TEXT COLLATE "C" NOT NULL,                        -- what is done, as in audit_log
  kind TEXT COLLATE "C" NOT NULL,                          -- Stripe's name of the object that is changed or made
  target TEXT COLLATE "C" NOT NULL,                        -- Stripe's id of the object that is changed; '' for a new one
  method TEXT COLLATE "C" NOT NULL, path TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL, -- the request to the byte: its repetition must be equal
  state TEXT COLLATE "C" NOT NULL,                         -- waiting, done, refused
  attempts BIGINT NOT NULL,                   -- sendings whose end is not known
  generation BIGINT NOT NULL,                 -- raised for a new idempotency key, after a look showed that nothing happened
  next_at BIGINT NOT NULL,                    -- unix seconds: from here on the job takes it up
  before_raw TEXT COLLATE "C",                             -- while waiting: the object as the mirror held it
  object_id TEXT COLLATE "C",                              -- done: Stripe's id of the object
  answer TEXT COLLATE "C",                                 -- done: the object as Stripe sent it, when the mirror does not keep its kind
  error_code TEXT COLLATE "C", error_param TEXT COLLATE "C", error_message TEXT COLLATE "C", -- refused: in Stripe's words
  finished_at BIGINT,
  PRIMARY KEY (tenant_id, project_id, id),
  UNIQUE (tenant_id, project_id, nonce)
);
CREATE INDEX outbox_due ON outbox (tenant_id, project_id, state, next_at);

-- Where a person may be sent after Checkout or the portal.
CREATE TABLE allowed_origins (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  origin TEXT COLLATE "C" NOT NULL,                        -- scheme, host and port: https://shop.example
  created BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, project_id, origin)
);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['outbox', 'allowed_origins'] LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO billfold_app', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant_isolation ON %I USING (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))
      WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))', t);
  END LOOP;
END $$;
