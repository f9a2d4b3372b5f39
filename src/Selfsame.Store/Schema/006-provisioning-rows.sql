-- A row is about an account of any watched system, not of our own users only: (source system, its account, target system).
-- Rows made before belong to users of the store; what the config calls their system is filled in at the next start.

CREATE TABLE provisioning_before AS SELECT * FROM provisioning;
DROP TABLE provisioning;

CREATE TABLE provisioning (
  source text NOT NULL,
  source_id text NOT NULL,
  system text NOT NULL,
  state text NOT NULL CHECK (state IN ('Pending', 'Intent', 'Linked', 'Conflict', 'Compensating', 'Compensated')),
  epoch bigint NOT NULL,
  -- Grows when somebody asks to look again, so that a holder notices that it read too early.
  asked bigint NOT NULL,
  -- Why a linked row is to be looked at again; null when it is not.
  due_because text,
  lane text NOT NULL CHECK (lane IN ('Interactive', 'Backfill')),
  target_id text,
  -- The fields and the password of an account in a system that gives ids itself. Sealed.
  creation ${bytes},
  -- The service disabled the account, so that it may enable it again.
  disabled ${boolean} NOT NULL,
  attempts bigint NOT NULL,
  not_before ${instant} NOT NULL,
  leased_until ${instant},
  claim_machine text,
  claim_process bigint,
  problem text,
  note text,
  -- The user was purged: once nothing of them is left in the other system, the row goes too.
  forget ${boolean} NOT NULL,
  created_at ${instant} NOT NULL,
  updated_at ${instant} NOT NULL,
  CONSTRAINT provisioning_pkey PRIMARY KEY (source, source_id, system)
);
CREATE INDEX provisioning_due ON provisioning (system, lane, not_before)
  WHERE state IN ('Pending', 'Intent', 'Compensating') OR due_because IS NOT NULL;
CREATE INDEX provisioning_target ON provisioning (system, target_id);

INSERT INTO provisioning (source, source_id, system, state, epoch, asked, lane, target_id, disabled, attempts, not_before, leased_until,
  claim_machine, claim_process, problem, forget, created_at, updated_at)
SELECT '', CAST(user_uuid AS text), system, state, epoch, 0, 'Interactive', trim(target_id, '"'), state IN ('Compensating', 'Compensated'), attempts, not_before, leased_until,
  claim_machine, claim_process, problem, NOT EXISTS (SELECT 1 FROM users u WHERE u.uuid = b.user_uuid), created_at, updated_at
FROM provisioning_before b;
DROP TABLE provisioning_before;

-- What happened to a row and when, for people; the newest few of each.
CREATE TABLE provisioning_events (
  id ${identity},
  source text NOT NULL,
  source_id text NOT NULL,
  system text NOT NULL,
  at ${instant} NOT NULL,
  state text NOT NULL,
  what text
);
CREATE INDEX provisioning_events_row ON provisioning_events (source, source_id, system, id);

-- How fast a system may be worked on: a token bucket, and a pause that the system itself asked for.
CREATE TABLE provisioning_systems (
  system text NOT NULL CONSTRAINT provisioning_systems_pkey PRIMARY KEY,
  paused_until ${instant},
  millitokens bigint NOT NULL,
  refilled_at ${instant} NOT NULL
);
