-- Supabase Auth beside an application's own "users" table without a foreign key, as many projects make it.
CREATE SCHEMA auth;
CREATE TABLE auth.users (
    id uuid NOT NULL PRIMARY KEY, aud varchar(255), role varchar(255), email varchar(255), encrypted_password varchar(255), email_confirmed_at timestamptz,
    last_sign_in_at timestamptz, raw_user_meta_data jsonb, created_at timestamptz, updated_at timestamptz, phone text UNIQUE, is_sso_user boolean NOT NULL DEFAULT false);
CREATE UNIQUE INDEX users_email_partial_key ON auth.users (email) WHERE is_sso_user = false;
CREATE TABLE public.users (
    id uuid NOT NULL PRIMARY KEY, username text, email text NOT NULL, full_name text, role text, is_active boolean NOT NULL DEFAULT true, email_verified boolean NOT NULL DEFAULT false);
CREATE TABLE public.tickets (id uuid NOT NULL PRIMARY KEY, user_id uuid, assignee uuid, title text);
INSERT INTO auth.users (id, email, email_confirmed_at) VALUES ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f01', 'ada@example.org', now());
INSERT INTO public.users (id, email) VALUES ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f09', 'lost@example.org');
