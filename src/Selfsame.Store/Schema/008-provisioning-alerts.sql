-- Accounts that are behind in a system: since when that was seen, and when somebody was told, once.

CREATE TABLE provisioning_alerts (
  source text NOT NULL,
  source_id text NOT NULL,
  system text NOT NULL,
  seen_at ${instant} NOT NULL,
  told_at ${instant},
  CONSTRAINT provisioning_alerts_pkey PRIMARY KEY (source, source_id, system)
);
CREATE INDEX provisioning_conflicts ON provisioning (system) WHERE state = 'Conflict';
