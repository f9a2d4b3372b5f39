-- ASP.NET Core Identity 10 with Entity Framework on PostgreSQL (dotnet/aspnetcore, src/Identity/EntityFrameworkCore/src/IdentityUserContext.cs
-- and IdentityDbContext.cs): the index on NormalizedUserName is unique, the one on NormalizedEmail is not.
CREATE TABLE "AspNetRoles" ("Id" text NOT NULL PRIMARY KEY, "Name" varchar(256), "NormalizedName" varchar(256), "ConcurrencyStamp" text);
CREATE TABLE "AspNetUsers" (
    "Id" text NOT NULL PRIMARY KEY, "UserName" varchar(256), "NormalizedUserName" varchar(256), "Email" varchar(256), "NormalizedEmail" varchar(256),
    "EmailConfirmed" boolean NOT NULL, "PasswordHash" text, "SecurityStamp" text, "ConcurrencyStamp" text, "PhoneNumber" text,
    "PhoneNumberConfirmed" boolean NOT NULL, "TwoFactorEnabled" boolean NOT NULL, "LockoutEnd" timestamp with time zone, "LockoutEnabled" boolean NOT NULL,
    "AccessFailedCount" integer NOT NULL);
CREATE UNIQUE INDEX "UserNameIndex" ON "AspNetUsers" ("NormalizedUserName");
CREATE INDEX "EmailIndex" ON "AspNetUsers" ("NormalizedEmail");
CREATE TABLE "AspNetUserClaims" (
    "Id" integer NOT NULL PRIMARY KEY, "UserId" text NOT NULL REFERENCES "AspNetUsers" ("Id") ON DELETE CASCADE, "ClaimType" text, "ClaimValue" text);
CREATE TABLE "AspNetUserLogins" (
    "LoginProvider" text NOT NULL, "ProviderKey" text NOT NULL, "ProviderDisplayName" text,
    "UserId" text NOT NULL REFERENCES "AspNetUsers" ("Id") ON DELETE CASCADE, PRIMARY KEY ("LoginProvider", "ProviderKey"));
CREATE TABLE "AspNetUserRoles" (
    "UserId" text NOT NULL REFERENCES "AspNetUsers" ("Id") ON DELETE CASCADE, "RoleId" text NOT NULL REFERENCES "AspNetRoles" ("Id") ON DELETE CASCADE,
    PRIMARY KEY ("UserId", "RoleId"));
CREATE TABLE "AspNetUserTokens" (
    "UserId" text NOT NULL REFERENCES "AspNetUsers" ("Id") ON DELETE CASCADE, "LoginProvider" text NOT NULL, "Name" text NOT NULL, "Value" text,
    PRIMARY KEY ("UserId", "LoginProvider", "Name"));
CREATE TABLE "Orders" ("Id" integer NOT NULL PRIMARY KEY, "OwnerId" text NOT NULL, "Note" text);
INSERT INTO "AspNetUsers" ("Id", "UserName", "NormalizedUserName", "Email", "NormalizedEmail", "EmailConfirmed", "PhoneNumberConfirmed", "TwoFactorEnabled", "LockoutEnabled", "AccessFailedCount") VALUES
    ('a', 'ada', 'ADA', 'ada@example.org', 'ADA@EXAMPLE.ORG', true, false, false, true, 0), ('b', 'ada2', 'ADA2', 'Ada@example.org', 'ADA@EXAMPLE.ORG', true, false, false, true, 0);
