-- Writes at Stripe: what people and programs ask for, stored before it is sent, and where they may be sent afterwards.

CREATE TABLE outbox (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL,
  created INTEGER NOT NULL,                    -- unix seconds
  actor TEXT NOT NULL,                         -- as in audit_log
  request_id TEXT NOT NULL,
  nonce TEXT NOT NULL,                         -- a form's one-time token or a program's idempotency key
  fingerprint TEXT NOT NULL,                   -- SHA-256 of what is asked: the same nonce for something else is refused
  action TEXT NOT NULL,                        -- what is done, as in audit_log
  kind TEXT NOT NULL,                          -- Stripe's name of the object that is changed or made
  target TEXT NOT NULL,                        -- Stripe's id of the object that is changed; '' for a new one
  method TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL, -- the request to the byte: its repetition must be equal
  state TEXT NOT NULL,                         -- waiting, done, refused
  attempts INTEGER NOT NULL,                   -- sendings whose end is not known
  generation INTEGER NOT NULL,                 -- raised for a new idempotency key, after a look showed that nothing happened
  next_at INTEGER NOT NULL,                    -- unix seconds: from here on the job takes it up
  before_raw TEXT,                             -- while waiting: the object as the mirror held it
  object_id TEXT,                              -- done: Stripe's id of the object
  answer TEXT,                                 -- done: the object as Stripe sent it, when the mirror does not keep its kind
  error_code TEXT, error_param TEXT, error_message TEXT, -- refused: in Stripe's words
  finished_at INTEGER,
  PRIMARY KEY (tenant_id, project_id, id),
  UNIQUE (tenant_id, project_id, nonce)
) STRICT;
CREATE INDEX outbox_due ON outbox (tenant_id, project_id, state, next_at);

-- Where a person may be sent after Checkout or the portal.
CREATE TABLE allowed_origins (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  origin TEXT NOT NULL,                        -- scheme, host and port: https://shop.example
  created INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, origin)
) STRICT;
