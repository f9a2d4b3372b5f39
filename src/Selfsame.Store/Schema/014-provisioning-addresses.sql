-- Promise 3 and 5: of the rows from one source into one system that share a verified e-mail address one holds it, and the index decides which.
-- The others wait for it. Of the address only a hash is kept: the users of other systems are not copied.

CREATE TABLE provisioning_addresses (
  source text NOT NULL,
  source_id text NOT NULL,
  system text NOT NULL,
  address_hash text NOT NULL,
  holds ${boolean} NOT NULL,
  CONSTRAINT provisioning_addresses_pkey PRIMARY KEY (source, source_id, system, address_hash)
);
CREATE UNIQUE INDEX provisioning_addresses_held ON provisioning_addresses (source, system, address_hash) WHERE holds;
CREATE INDEX provisioning_addresses_waiting ON provisioning_addresses (source, system, address_hash) WHERE NOT holds;
