-- analyze_table: renew the planner's statistics of one table.
-- Why it runs as the owner: before PostgreSQL 17 only the owner of a table may ANALYZE it, and after an erasure the
-- statistics still hold samples of the erased values. It takes the name of one of our own tables and returns no row of it.
CREATE OR REPLACE FUNCTION analyze_table(name text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found regclass;
BEGIN
    SELECT c.oid::regclass INTO found
    FROM pg_class c
    WHERE c.relname = name AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p');
    IF found IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('ANALYZE %s', found);
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION analyze_table(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_table(text) TO portal_upkeep;
