-- Provisioning looks whose account a phone number may be; only verified ones stand in identifiers.

CREATE INDEX users_phone ON users (tenant, phone) WHERE phone IS NOT NULL;
