-- The application's store after these sign-ups failed. For an EMPTY trial database. Run with: psql "$DATABASE_URL" -f make-data.sql
DROP TABLE IF EXISTS users, verifications, "@handles";
CREATE TABLE users (id text PRIMARY KEY, email text UNIQUE, verified boolean, active boolean, code text);
CREATE TABLE verifications (sub text PRIMARY KEY, count bigint);
CREATE TABLE "@handles" (sub text PRIMARY KEY, handle text);

-- Somebody made the index by hand once, under a name of their own.
CREATE UNIQUE INDEX one_code ON users (code);
-- The handles that they chose came through; a PDS takes none as short as cy's.
INSERT INTO "@handles" SELECT 'auth0|of-' || name, name FROM unnest(ARRAY['ann', 'bob', 'cy', 'dora', 'eve']) name;

-- The application's own webhook: it names its index when it writes, and its error is only logged.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['ann', 'bob', 'cy', 'dora', 'eve'] LOOP
    BEGIN
      INSERT INTO users (id, email) VALUES ('auth0|of-' || name, name || '@example.org') ON CONFLICT ON CONSTRAINT users_code_key DO NOTHING;
    EXCEPTION WHEN undefined_object THEN
      RAISE NOTICE 'sign-up of % failed: %', name, SQLERRM;
    END;
  END LOOP;
END $$;
