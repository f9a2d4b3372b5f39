-- An application of several tenants, as Rails with acts_as_tenant and paranoia makes it: an address is one person's within a tenant, among those who are not deleted.
CREATE TABLE "users" (
    "id" bigint NOT NULL PRIMARY KEY, "tenant_id" bigint NOT NULL, "username" character varying NOT NULL, "email" character varying NOT NULL, "encrypted_password" character varying NOT NULL,
    "created_at" timestamp NOT NULL, "deleted_at" timestamp);
CREATE UNIQUE INDEX "index_users_on_tenant_id_and_email" ON "users" ("tenant_id", lower("email")) WHERE "deleted_at" IS NULL;
CREATE UNIQUE INDEX "index_users_on_tenant_id_and_username" ON "users" ("tenant_id", "username");
