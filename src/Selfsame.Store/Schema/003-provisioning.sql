-- Promise 3: one row per user and connected system; it changes only for whoever holds its epoch.

CREATE TABLE provisioning (
  user_uuid ${uuid} NOT NULL,
  system text NOT NULL,
  state text NOT NULL CHECK (state IN ('Pending', 'Intent', 'Linked', 'Conflict', 'Compensating', 'Compensated')),
  epoch bigint NOT NULL,
  target_id text,
  attempts bigint NOT NULL,
  not_before ${instant} NOT NULL,
  leased_until ${instant},
  problem text,
  created_at ${instant} NOT NULL,
  updated_at ${instant} NOT NULL,
  CONSTRAINT provisioning_pkey PRIMARY KEY (user_uuid, system)
);
CREATE INDEX provisioning_due ON provisioning (not_before) WHERE state IN ('Pending', 'Intent', 'Compensating');
