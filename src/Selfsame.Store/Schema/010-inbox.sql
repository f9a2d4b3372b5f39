-- Promise 4: what connected systems report. The primary key absorbs repeats; of an event only what says whom to look at is kept.

CREATE TABLE inbox (
  system text NOT NULL,
  event_id text NOT NULL,
  type text NOT NULL,
  account_id text,
  proves_email ${boolean} NOT NULL,
  occurred_at ${instant},
  received_at ${instant} NOT NULL,
  correlation_id text NOT NULL,
  -- How often it came.
  deliveries bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('Waiting', 'Done')),
  attempts bigint NOT NULL,
  not_before ${instant} NOT NULL,
  leased_until ${instant},
  -- While it waits, why the last attempt failed; when it is done, what it led to.
  outcome text,
  CONSTRAINT inbox_pkey PRIMARY KEY (system, event_id)
);
CREATE INDEX inbox_due ON inbox (not_before) WHERE state = 'Waiting';
CREATE INDEX inbox_received ON inbox (received_at);

-- How far each system's log was read.
CREATE TABLE inbox_checkpoints (
  system text NOT NULL CONSTRAINT inbox_checkpoints_pkey PRIMARY KEY,
  checkpoint text,
  swept_at ${instant} NOT NULL
);

-- The events by which an account proved its e-mail; their number is the size of this set.
CREATE TABLE verification_events (
  system text NOT NULL,
  account_id text NOT NULL,
  event_id text NOT NULL,
  CONSTRAINT verification_events_pkey PRIMARY KEY (system, account_id, event_id)
);
