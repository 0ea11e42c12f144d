-- order_waits_due: the merchants with something that comes due by time: a hold that may end, a collection nobody came for.
-- Why it crosses merchants: one scheduler serves all merchants; asking each would cost a query per merchant and minute.
-- It returns ids only. Each merchant is asked through its own index, so a big one does not slow the others.
CREATE OR REPLACE FUNCTION order_waits_due()
RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.id
    FROM public.merchant AS m
    WHERE EXISTS (
        SELECT FROM public.order_hold AS h
        WHERE h.merchant_id = m.id AND h.ended_at IS NULL AND h.rule <> 'by_hand' AND (h.until IS NULL OR h.until <= now())
    ) OR EXISTS (
        SELECT FROM public.order_fulfilment AS f
        WHERE f.merchant_id = m.id AND f.state = 'ready' AND f.collect_by <= now()
    )
    ORDER BY m.id
$$;

REVOKE ALL ON FUNCTION order_waits_due() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION order_waits_due() TO portal_app;
