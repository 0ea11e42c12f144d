-- channels_to_sync: the accounts whose next turn has come.
-- Why it crosses merchants: one scheduler serves all merchants; asking each would cost a query per merchant and minute.
-- It returns ids only.
CREATE OR REPLACE FUNCTION channels_to_sync()
RETURNS TABLE (merchant_id integer, account_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.merchant_id, a.id
    FROM public.channel_account AS a
    JOIN public.channel_sync AS s ON s.merchant_id = a.merchant_id AND s.account_id = a.id
    WHERE a.state IN ('active', 'failing') AND (s.next_try_at IS NULL OR s.next_try_at <= now())
    ORDER BY a.merchant_id, a.id
$$;

REVOKE ALL ON FUNCTION channels_to_sync() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION channels_to_sync() TO portal_app;
