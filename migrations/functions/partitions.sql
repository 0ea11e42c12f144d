-- Partitions. portal_app may not create tables, yet an import of old orders needs their year, and the scheduled job
-- needs the months ahead: so these run as the owner. They take an instant, nothing else, and return names.
-- A partition does not inherit row-level security: it is enabled here, without a policy and without a grant, so a
-- partition read directly gives nothing; rows are reached through the parent only.

-- The bounds of the partitions a table has, read from the catalogue.
CREATE OR REPLACE FUNCTION partition_bounds(parent regclass)
RETURNS TABLE (name text, lower bigint, upper bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
    SELECT c.relname::text, (m[1])::bigint, (m[2])::bigint
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \('(-?\d+)'\) TO \('(-?\d+)'\)$re$) AS m
    WHERE i.inhparent = parent
$$;

-- Make one partition that covers an instant: a month within the last 24 months or ahead, a year before that, cut to
-- what its neighbours leave free. Does nothing where one stands. All partitioned tables get the same bounds.
CREATE OR REPLACE FUNCTION ensure_partitions_for(at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    parent record;
    wanted bigint := id_floor(at);
    lower_at timestamptz;
    upper_at timestamptz;
    lower_id bigint;
    upper_id bigint;
    child text;
    made integer := 0;
BEGIN
    IF at < timestamptz '1990-01-01' OR at > now() + interval '13 months' THEN
        RAISE EXCEPTION 'No partition is made for %: it is before 1990 or more than 13 months ahead', at
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- One maker at a time; the others find its work done.
    PERFORM pg_advisory_xact_lock(727001);
    IF at >= date_trunc('month', now()) - interval '23 months' THEN
        lower_at := date_trunc('month', at);
        upper_at := lower_at + interval '1 month';
    ELSE
        lower_at := date_trunc('year', at);
        upper_at := lower_at + interval '1 year';
    END IF;
    FOR parent IN
        SELECT c.oid::regclass AS relation, c.relname
        FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
        WHERE c.relnamespace = 'public'::regnamespace
        -- Orders first: their children point at them.
        ORDER BY c.relname <> 'sales_order', c.relname
    LOOP
        CONTINUE WHEN EXISTS (
            SELECT FROM partition_bounds(parent.relation) b WHERE b.lower <= wanted AND wanted < b.upper
        );
        SELECT greatest(id_floor(lower_at), coalesce(max(b.upper) FILTER (WHERE b.upper <= wanted), 0)),
               least(id_floor(upper_at), coalesce(min(b.lower) FILTER (WHERE b.lower > wanted), 9223372036854775807))
        INTO lower_id, upper_id
        FROM partition_bounds(parent.relation) b;
        child := CASE WHEN upper_at - lower_at > interval '32 days'
                      THEN format('%s_y%s', parent.relname, to_char(lower_at, 'YYYY'))
                      ELSE format('%s_m%s', parent.relname, to_char(lower_at, 'YYYYMM')) END;
        IF to_regclass(format('public.%I', child)) IS NOT NULL THEN
            child := format('%s_%s', child, to_char(id_time(lower_id), 'MMDD'));
        END IF;
        -- Made apart and then attached, because attaching locks the parent far less than creating in place.
        EXECUTE format('CREATE TABLE public.%I (LIKE %s INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING INDEXES)',
                       child, parent.relation);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', child);
        EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, portal_app, portal_upkeep', child);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION public.%I FOR VALUES FROM (%s) TO (%s)',
                       parent.relation, child, lower_id, upper_id);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- What the scheduled job calls: this month and the three after it.
CREATE OR REPLACE FUNCTION ensure_partitions_ahead() RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT sum(ensure_partitions_for(date_trunc('month', now()) + make_interval(months => ahead)))::integer
    FROM generate_series(-1, 3) AS ahead
$$;

REVOKE ALL ON FUNCTION ensure_partitions_for(timestamptz), ensure_partitions_ahead() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_partitions_for(timestamptz), ensure_partitions_ahead() TO portal_app, portal_upkeep;
