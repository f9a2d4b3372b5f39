-- A custom user of Django with AbstractUser and the e-mail as the name to sign in with (docs.djangoproject.com/en/5.1/topics/auth/customizing),
-- in an app called "accounts".
CREATE TABLE "accounts_customuser" (
    "id" uuid NOT NULL PRIMARY KEY, "password" varchar(128) NOT NULL, "last_login" timestamp with time zone NULL, "is_superuser" boolean NOT NULL,
    "email" varchar(254) NOT NULL UNIQUE, "phone_number" varchar(20) NOT NULL, "is_staff" boolean NOT NULL, "is_active" boolean NOT NULL,
    "date_joined" timestamp with time zone NOT NULL);
CREATE TABLE "accounts_membership" (
    "id" bigint NOT NULL PRIMARY KEY, "user_id" uuid NOT NULL REFERENCES "accounts_customuser" ("id") DEFERRABLE INITIALLY DEFERRED, "invited_email" varchar(254));
CREATE TABLE "account_emailaddress" (
    "id" integer NOT NULL PRIMARY KEY, "email" varchar(254) NOT NULL, "verified" boolean NOT NULL, "primary" boolean NOT NULL,
    "user_id" uuid NOT NULL REFERENCES "accounts_customuser" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "accounts_customuser" VALUES ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f01', 'hash', NULL, false, 'ada@example.org', '', false, true, '2024-01-01 00:00:00+00');
