-- The newest conflicts of a tenant, for administrators.

CREATE INDEX identifier_conflicts_at ON identifier_conflicts (tenant, at);
