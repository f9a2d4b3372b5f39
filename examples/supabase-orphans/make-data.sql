-- A Supabase project whose sign-ups half failed. For an EMPTY trial project, such as `supabase start` makes. Run with: psql "$DATABASE_URL" -f make-data.sql
DROP TABLE IF EXISTS public.orders, public.users CASCADE;
CREATE TABLE public.users (
  id uuid PRIMARY KEY,
  username text UNIQUE,
  email text UNIQUE,
  full_name text,
  role text,
  is_active boolean NOT NULL DEFAULT true,
  email_verified boolean NOT NULL DEFAULT false,
  password_hash text
);
CREATE TABLE public.orders (id integer PRIMARY KEY, user_id uuid NOT NULL REFERENCES public.users (id), item text);

-- Everybody's password is their name and "'s own password", as bcrypt. ann is whole; bob signed up, but the trigger that makes his row failed; cy and dora stand under one id here and another there.
INSERT INTO auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
SELECT '00000000-0000-0000-0000-000000000000', id::uuid, 'authenticated', 'authenticated', email, password, now(),
  '{"provider": "email", "providers": ["email"], "role": "member"}', jsonb_build_object('full_name', full_name), now(), now()
FROM (VALUES
  ('a0000000-0000-4000-8000-000000000001', 'ann@example.org', 'Ann', ''),
  ('a0000000-0000-4000-8000-000000000002', 'bob@example.org', 'Bob', '$2b$10$BobBobBobBobBobBobBobO/1Ul3wRETA/3VE9l66n8IMOuU8Avblm'),
  ('a0000000-0000-4000-8000-000000000003', 'cy@example.org', 'Cy', '$2b$10$CyCyCyCyCyCyCyCyCyCyCuK1vKQ3i8hukyE/QrzOl/Qr3nI1.8KLS'),
  ('a0000000-0000-4000-8000-000000000004', 'dora@example.org', 'Dora', '')) people (id, email, full_name, password);

-- eve, Finn and gina have rows and no user: the provider refused them after the row was written. Nobody proved Finn's address; gina's hash is
-- Django's, which Supabase Auth does not take.
INSERT INTO public.users (id, username, email, full_name, role, is_active, email_verified, password_hash) VALUES
  ('a0000000-0000-4000-8000-000000000001', 'ann', 'ann@example.org', 'Ann', 'member', true, true, NULL),
  ('b0000000-0000-4000-8000-000000000003', 'cy', 'Cy@example.org', 'Cy', 'member', true, true, NULL),
  ('b0000000-0000-4000-8000-000000000004', 'dora', 'dora@example.org', 'Dora the elder', 'member', true, true, NULL),
  ('b0000000-0000-4000-8000-000000000005', 'eve', 'eve@example.org', 'Eve', 'editor', true, true, '$2b$10$EveEveEveEveEveEveEveOwfYar/4HT1iCB8uIDTuYt6LIRHjOIGS'),
  ('b0000000-0000-4000-8000-000000000006', 'finn', 'Finn@example.org', 'Finn', 'member', false, false, NULL),
  ('b0000000-0000-4000-8000-000000000007', 'gina', 'gina@example.org', 'Gina', 'member', true, true, 'pbkdf2_sha256$20000$salt$9HBvEZbs8tAN1nVOtt43kyPEnYGtRAKUC0iBDhbaUCk=');
INSERT INTO public.orders VALUES
  (1, 'a0000000-0000-4000-8000-000000000001', 'tea'), (2, 'b0000000-0000-4000-8000-000000000003', 'coffee'), (3, 'b0000000-0000-4000-8000-000000000003', 'milk'),
  (4, 'b0000000-0000-4000-8000-000000000005', 'bread');
