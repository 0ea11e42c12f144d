-- memberships_of: which merchants a user works for, and in which role.
-- Why it crosses merchants: at sign-in and in the merchant switcher no merchant is in scope yet, and row-level security
-- rightly shows no membership then. It returns ids only; names of merchants are platform rows, and names of roles are
-- read merchant by merchant under row-level security.
CREATE OR REPLACE FUNCTION memberships_of(sought_user_id bigint)
RETURNS TABLE (merchant_id integer, role_id bigint)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT m.merchant_id, m.role_id
    FROM public.membership AS m
    JOIN public.merchant AS shop ON shop.id = m.merchant_id
    WHERE m.user_id = sought_user_id AND m.state = 'active' AND shop.state = 'active'
    ORDER BY m.merchant_id
$$;

REVOKE ALL ON FUNCTION memberships_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION memberships_of(bigint) TO portal_app;
