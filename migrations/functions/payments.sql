-- payments_to_tend: the merchants with something about payments that comes round: links that expired, attempts and notices
-- that no job brings on any more, payouts to fetch.
-- Why it crosses merchants: one scheduler serves all merchants; asking each would cost queries per merchant and minute.
-- It returns ids of merchants only.
CREATE OR REPLACE FUNCTION payments_to_tend() RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.merchant_id FROM public.payment_link AS l WHERE l.state = 'open' AND l.expires_at <= now()
    UNION
    SELECT a.merchant_id FROM public.payment_attempt AS a
    WHERE a.state IN ('started', 'unknown') AND coalesce(a.next_ask_at, a.created_at) < now() - interval '2 minutes'
      AND a.action <> 'checkout'
    UNION
    SELECT n.merchant_id FROM public.payment_notice AS n
    WHERE n.state IN ('received', 'failed') AND coalesce(n.next_try_at, n.received_at) < now() - interval '1 minute'
    UNION
    SELECT g.merchant_id FROM public.gateway_account AS g
    WHERE g.state <> 'draft' AND (g.payouts_seen_until IS NULL OR g.payouts_seen_until < now() - interval '1 hour')
$$;

REVOKE ALL ON FUNCTION payments_to_tend() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payments_to_tend() TO portal_app;
