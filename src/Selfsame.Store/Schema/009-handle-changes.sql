-- A handle that a user asked for and that another system has not confirmed yet: the old one stays the user's, and both are reserved. One that was
-- refused is kept, for the user to read, until the next attempt, and reserves nothing.

CREATE TABLE handle_changes (
  user_id bigint NOT NULL CONSTRAINT handle_changes_pkey PRIMARY KEY REFERENCES users (id),
  -- Null: the handle is to be given up.
  handle text,
  actor text NOT NULL,
  correlation_id text,
  epoch bigint NOT NULL,
  attempts bigint NOT NULL,
  not_before ${instant} NOT NULL,
  leased_until ${instant},
  -- Why it waits, or why it was refused.
  problem text,
  refused ${boolean} NOT NULL,
  created_at ${instant} NOT NULL
);
CREATE INDEX handle_changes_due ON handle_changes (not_before);
