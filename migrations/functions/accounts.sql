-- memberships_of: which merchants a user works for, and in which role.
-- Why it crosses merchants: at sign-in and in the merchant switcher no merchant is in scope yet, and row-level security
-- rightly shows no membership then. It returns ids only; names of merchants are platform rows, and names of roles are
-- read merchant by merchant under row-level security.
CREATE OR REPLACE FUNCTION memberships_of(sought_user_id bigint)
RETURNS TABLE (merchant_id integer, role_id bigint)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT m.merchant_id, m.role_id
    FROM public.membership AS m
    JOIN public.merchant AS shop ON shop.id = m.merchant_id
    WHERE m.user_id = sought_user_id AND m.state = 'active' AND shop.state = 'active'
    ORDER BY m.merchant_id;
END
$$;

REVOKE ALL ON FUNCTION memberships_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION memberships_of(bigint) TO portal_app;

-- identity_of: the person behind a session token, whom they work for there and what they may do, and their other desks.
-- Runs as the caller, behind row-level security: membership and role come only for the merchant in scope. Every request of
-- every signed-in person asks this; as a function its plan is kept for the length of a connection, where planning the
-- joins anew took three times as long as running them.
CREATE OR REPLACE FUNCTION identity_of(sought_hash bytea, at timestamptz)
RETURNS TABLE (
    session_id bigint, active_merchant_id integer, last_seen_at timestamptz, confirmed_at timestamptz, user_id bigint, user_name text,
    email text, theme text, is_operator boolean, user_locale text, user_time_zone text, merchant_id integer, merchant_name text, slug text,
    country text, currency text, merchant_locale text, merchant_time_zone text, prices_include_tax boolean, settings jsonb, role_id bigint,
    role_name text, role_key text, permissions text[], desks jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT
        session.id, session.active_merchant_id, session.last_seen_at, session.confirmed_at, person.id, person.name,
        person.email::text, person.theme, person.is_operator, person.locale, person.time_zone, shop.id, shop.name, shop.slug::text,
        shop.country::text, shop.currency::text, shop.locale, shop.time_zone, shop.prices_include_tax, shop.settings, role.id,
        role.name, role.key,
        ARRAY(SELECT granted.permission FROM role_permission AS granted
              WHERE granted.merchant_id = role.merchant_id AND granted.role_id = role.id),
        (SELECT jsonb_agg(jsonb_build_object('id', desk.id, 'name', desk.name) ORDER BY lower(desk.name))
         FROM memberships_of(person.id) AS works_for JOIN merchant AS desk ON desk.id = works_for.merchant_id)
    FROM user_session AS session
    JOIN user_account AS person ON person.id = session.user_id AND person.state = 'active'
    LEFT JOIN merchant AS shop ON shop.id = session.active_merchant_id AND shop.state = 'active'
    LEFT JOIN membership AS member ON member.merchant_id = shop.id AND member.user_id = person.id AND member.state = 'active'
    LEFT JOIN role ON role.merchant_id = member.merchant_id AND role.id = member.role_id
    WHERE session.token_hash = sought_hash AND session.revoked_at IS NULL AND session.expires_at > at;
END
$$;
