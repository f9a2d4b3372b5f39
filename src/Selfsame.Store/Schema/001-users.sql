-- Users and the identifiers that decide who is who. One text for both dialects: ${…} stands for a type's name.

CREATE TABLE users (
  id ${identity},
  uuid ${uuid} NOT NULL CONSTRAINT users_uuid_key UNIQUE,
  tenant text NOT NULL,
  username text,
  email text,
  email_verified_at ${instant},
  phone text,
  phone_verified_at ${instant},
  handle text,
  user_code text NOT NULL,
  password_hash text,
  first_name text,
  last_name text,
  locale text NOT NULL,
  role text NOT NULL,
  is_active ${boolean} NOT NULL,
  is_staff ${boolean} NOT NULL,
  is_superuser ${boolean} NOT NULL,
  version bigint NOT NULL,
  last_sign_in_at ${instant},
  created_at ${instant} NOT NULL,
  updated_at ${instant} NOT NULL,
  deleted_at ${instant}
);
CREATE INDEX users_tenant_created ON users (tenant, created_at, id);

-- Promise 1: the primary key is what makes a duplicate impossible. kinds names the fields that share the row.
CREATE TABLE identifiers (
  tenant text NOT NULL,
  space text NOT NULL CHECK (space IN ('login', 'handle', 'phone', 'mailbox', 'skeleton')),
  key text NOT NULL,
  kinds text NOT NULL,
  rule_version text NOT NULL,
  user_id bigint NOT NULL REFERENCES users (id),
  CONSTRAINT identifiers_pkey PRIMARY KEY (tenant, space, key)
);
CREATE INDEX identifiers_user ON identifiers (user_id);

-- Lookalike and mailbox keys that are flagged, not refused.
CREATE TABLE lookalikes (
  tenant text NOT NULL,
  space text NOT NULL CHECK (space IN ('mailbox', 'skeleton')),
  key text NOT NULL,
  user_id bigint NOT NULL REFERENCES users (id),
  CONSTRAINT lookalikes_pkey PRIMARY KEY (tenant, space, key, user_id)
);
CREATE INDEX lookalikes_user ON lookalikes (user_id);

CREATE TABLE user_groups (
  id ${identity},
  uuid ${uuid} NOT NULL CONSTRAINT user_groups_uuid_key UNIQUE,
  tenant text NOT NULL,
  name text NOT NULL,
  created_at ${instant} NOT NULL,
  CONSTRAINT user_groups_name_key UNIQUE (tenant, name)
);
CREATE TABLE user_group_members (
  group_id bigint NOT NULL REFERENCES user_groups (id),
  user_id bigint NOT NULL REFERENCES users (id),
  CONSTRAINT user_group_members_pkey PRIMARY KEY (group_id, user_id)
);
CREATE INDEX user_group_members_user ON user_group_members (user_id);

-- Promise 2: the answer of a creating call, kept for repeats of it.
CREATE TABLE idempotency_records (
  tenant text NOT NULL,
  caller text NOT NULL,
  route text NOT NULL,
  key text NOT NULL,
  fingerprint ${bytes} NOT NULL,
  answer text,
  created_at ${instant} NOT NULL,
  CONSTRAINT idempotency_records_pkey PRIMARY KEY (tenant, caller, route, key)
);
CREATE INDEX idempotency_records_created ON idempotency_records (created_at);

CREATE TABLE rate_limits (
  tenant text NOT NULL,
  name text NOT NULL,
  subject text NOT NULL,
  window_started_at ${instant} NOT NULL,
  used bigint NOT NULL,
  CONSTRAINT rate_limits_pkey PRIMARY KEY (tenant, name, subject)
);
CREATE INDEX rate_limits_window ON rate_limits (window_started_at);

-- Back-off of sign-in attempts; bucket is a keyed hash, so that the table names nobody.
CREATE TABLE sign_in_attempts (
  tenant text NOT NULL,
  bucket ${bytes} NOT NULL,
  failures bigint NOT NULL,
  not_before ${instant} NOT NULL,
  updated_at ${instant} NOT NULL,
  CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (tenant, bucket)
);
CREATE INDEX sign_in_attempts_updated ON sign_in_attempts (updated_at);

-- Browsers and networks from which a user has signed in before: other people's failures don't slow them down.
CREATE TABLE known_sources (
  user_id bigint NOT NULL REFERENCES users (id),
  source ${bytes} NOT NULL,
  last_success_at ${instant} NOT NULL,
  CONSTRAINT known_sources_pkey PRIMARY KEY (user_id, source)
);

CREATE TABLE sessions (
  id ${identity},
  uuid ${uuid} NOT NULL CONSTRAINT sessions_uuid_key UNIQUE,
  token_hash ${bytes} NOT NULL CONSTRAINT sessions_token_key UNIQUE,
  user_id bigint NOT NULL REFERENCES users (id),
  kind text NOT NULL CHECK (kind IN ('browser', 'bearer')),
  address text,
  user_agent text,
  created_at ${instant} NOT NULL,
  last_seen_at ${instant} NOT NULL,
  expires_at ${instant} NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- What a mail's link or a set-up link proves; the token itself is never stored.
CREATE TABLE link_tokens (
  token_hash ${bytes} NOT NULL CONSTRAINT link_tokens_pkey PRIMARY KEY,
  tenant text NOT NULL,
  purpose text NOT NULL,
  user_id bigint REFERENCES users (id),
  email text,
  browser ${bytes},
  created_at ${instant} NOT NULL,
  expires_at ${instant} NOT NULL,
  used_at ${instant}
);
CREATE INDEX link_tokens_user ON link_tokens (user_id);
CREATE INDEX link_tokens_expires ON link_tokens (expires_at);

-- Mails leave from here after the transaction that caused them (CASES 15).
CREATE TABLE mails (
  id ${identity},
  uuid ${uuid} NOT NULL CONSTRAINT mails_uuid_key UNIQUE,
  tenant text NOT NULL,
  user_id bigint REFERENCES users (id),
  recipient text NOT NULL,
  subject text NOT NULL,
  body ${bytes} NOT NULL,
  attempts bigint NOT NULL,
  not_before ${instant} NOT NULL,
  leased_until ${instant},
  last_error text,
  created_at ${instant} NOT NULL,
  sent_at ${instant},
  given_up_at ${instant}
);
CREATE INDEX mails_waiting ON mails (not_before) WHERE sent_at IS NULL AND given_up_at IS NULL;

CREATE TABLE audit_events (
  id ${identity},
  tenant text NOT NULL,
  user_id bigint REFERENCES users (id),
  actor text NOT NULL,
  event text NOT NULL,
  detail text,
  correlation_id text,
  at ${instant} NOT NULL
);
CREATE INDEX audit_events_user ON audit_events (user_id, id);

-- Conflicts at sign-up, by field and never by value; value_hash is keyed and only tells whether one repeats.
CREATE TABLE identifier_conflicts (
  id ${identity},
  tenant text NOT NULL,
  field text NOT NULL,
  value_hash ${bytes} NOT NULL,
  repeats_within_10s ${boolean} NOT NULL,
  at ${instant} NOT NULL
);
CREATE INDEX identifier_conflicts_value ON identifier_conflicts (tenant, value_hash, at);

CREATE TABLE service_tokens (
  id ${identity},
  uuid ${uuid} NOT NULL CONSTRAINT service_tokens_uuid_key UNIQUE,
  tenant text NOT NULL,
  name text NOT NULL,
  token_hash ${bytes} NOT NULL CONSTRAINT service_tokens_token_key UNIQUE,
  scopes text NOT NULL,
  created_at ${instant} NOT NULL,
  expires_at ${instant},
  last_used_at ${instant},
  revoked_at ${instant},
  CONSTRAINT service_tokens_name_key UNIQUE (tenant, name)
);

CREATE TABLE data_protection_keys (
  id ${identity},
  friendly_name text NOT NULL CONSTRAINT data_protection_keys_name_key UNIQUE,
  xml text NOT NULL
);

-- Keys that all nodes share: fingerprints and keyed hashes.
CREATE TABLE server_keys (
  name text NOT NULL CONSTRAINT server_keys_pkey PRIMARY KEY,
  value ${bytes} NOT NULL
);

-- The lookalike policy each tenant was last served under; a change to refuse is listed and grandfathered.
CREATE TABLE tenant_policies (
  tenant text NOT NULL,
  space text NOT NULL,
  policy text NOT NULL,
  changed_at ${instant} NOT NULL,
  CONSTRAINT tenant_policies_pkey PRIMARY KEY (tenant, space)
);
