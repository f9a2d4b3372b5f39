-- Devise 4.9 on Rails: lib/generators/active_record/templates/migration.rb with trackable, confirmable and lockable switched on.
CREATE TABLE "users" (
    "id" bigint NOT NULL PRIMARY KEY, "email" character varying DEFAULT '' NOT NULL, "encrypted_password" character varying DEFAULT '' NOT NULL,
    "reset_password_token" character varying, "reset_password_sent_at" timestamp, "remember_created_at" timestamp, "sign_in_count" integer DEFAULT 0 NOT NULL,
    "current_sign_in_at" timestamp, "last_sign_in_at" timestamp, "current_sign_in_ip" character varying, "last_sign_in_ip" character varying,
    "confirmation_token" character varying, "confirmed_at" timestamp, "confirmation_sent_at" timestamp, "unconfirmed_email" character varying,
    "failed_attempts" integer DEFAULT 0 NOT NULL, "unlock_token" character varying, "locked_at" timestamp, "created_at" timestamp NOT NULL,
    "updated_at" timestamp NOT NULL);
CREATE UNIQUE INDEX "index_users_on_email" ON "users" ("email");
CREATE UNIQUE INDEX "index_users_on_reset_password_token" ON "users" ("reset_password_token");
CREATE UNIQUE INDEX "index_users_on_confirmation_token" ON "users" ("confirmation_token");
CREATE TABLE "posts" ("id" bigint NOT NULL PRIMARY KEY, "user_id" bigint NOT NULL REFERENCES "users" ("id"), "title" character varying);
CREATE TABLE "comments" ("id" bigint NOT NULL PRIMARY KEY, "user_id" bigint, "post_id" bigint, "body" text);
CREATE TABLE "schema_migrations" ("version" character varying NOT NULL PRIMARY KEY);
INSERT INTO "users" ("id", "email", "created_at", "updated_at") VALUES (1, 'ada@example.org', '2024-01-01', '2024-01-01'), (2, 'ADA@example.org', '2024-01-02', '2024-01-02');
