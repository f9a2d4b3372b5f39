-- A Supabase project whose sign-ups half failed. For an EMPTY trial project, such as `supabase start` makes. Run with: psql "$DATABASE_URL" -f make-data.sql
DROP TABLE IF EXISTS public.orders, public.users CASCADE;
CREATE TABLE public.users (
  id uuid PRIMARY KEY,
  username text UNIQUE,
  email text UNIQUE,
  full_name text,
  role text,
  is_active boolean NOT NULL DEFAULT true,
  email_verified boolean NOT NULL DEFAULT false
);
CREATE TABLE public.orders (id integer PRIMARY KEY, user_id uuid NOT NULL REFERENCES public.users (id), item text);

-- ann is whole; bob signed up, but the trigger that makes his row failed; cy and dora stand under one id here and another there.
INSERT INTO auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
SELECT '00000000-0000-0000-0000-000000000000', id::uuid, 'authenticated', 'authenticated', email, '', now(),
  '{"provider": "email", "providers": ["email"], "role": "member"}', jsonb_build_object('full_name', full_name), now(), now()
FROM (VALUES
  ('a0000000-0000-4000-8000-000000000001', 'ann@example.org', 'Ann'),
  ('a0000000-0000-4000-8000-000000000002', 'bob@example.org', 'Bob'),
  ('a0000000-0000-4000-8000-000000000003', 'cy@example.org', 'Cy'),
  ('a0000000-0000-4000-8000-000000000004', 'dora@example.org', 'Dora')) people (id, email, full_name);

-- eve and Finn have rows and no user: the provider refused them after the row was written. Nobody proved Finn's address.
INSERT INTO public.users (id, username, email, full_name, role, is_active, email_verified) VALUES
  ('a0000000-0000-4000-8000-000000000001', 'ann', 'ann@example.org', 'Ann', 'member', true, true),
  ('b0000000-0000-4000-8000-000000000003', 'cy', 'Cy@example.org', 'Cy', 'member', true, true),
  ('b0000000-0000-4000-8000-000000000004', 'dora', 'dora@example.org', 'Dora the elder', 'member', true, true),
  ('b0000000-0000-4000-8000-000000000005', 'eve', 'eve@example.org', 'Eve', 'editor', true, true),
  ('b0000000-0000-4000-8000-000000000006', 'finn', 'Finn@example.org', 'Finn', 'member', false, false);
INSERT INTO public.orders VALUES
  (1, 'a0000000-0000-4000-8000-000000000001', 'tea'), (2, 'b0000000-0000-4000-8000-000000000003', 'coffee'), (3, 'b0000000-0000-4000-8000-000000000003', 'milk'),
  (4, 'b0000000-0000-4000-8000-000000000005', 'bread');
