-- Runs: a plan as it was applied, each change with its before-image and what came of it. Sealed columns are encrypted.

CREATE TABLE runs (
  id ${uuid} NOT NULL CONSTRAINT runs_pkey PRIMARY KEY,
  plan ${bytes} NOT NULL,
  undoes ${uuid},
  holder text NOT NULL,
  changes bigint NOT NULL,
  started_at ${instant} NOT NULL,
  finished_at ${instant}
);
CREATE INDEX runs_started ON runs (started_at);

CREATE TABLE run_changes (
  run_id ${uuid} NOT NULL REFERENCES runs (id),
  number bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('Intent', 'Applied', 'Skipped', 'Refused')),
  before_image ${bytes},
  after_image ${bytes},
  message text,
  intended_at ${instant},
  concluded_at ${instant},
  CONSTRAINT run_changes_pkey PRIMARY KEY (run_id, number)
);

-- One apply at a time: whoever holds the row with an epoch writes the journal, nobody else.
CREATE TABLE apply_leases (
  name text NOT NULL CONSTRAINT apply_leases_pkey PRIMARY KEY,
  epoch bigint NOT NULL,
  machine text NOT NULL,
  process_id bigint NOT NULL,
  expires_at ${instant} NOT NULL
);
