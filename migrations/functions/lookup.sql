-- Looking things up in tables that are cut by time. These run as the caller, behind row-level security. They are functions because
-- PostgreSQL keeps their plans for the length of a connection: a question to a table of three dozen partitions takes ten times
-- as long to plan as to answer. A key is met exactly where `beyond` is NULL, else from `lowest` on and before `beyond`.

-- guest_orders: orders by what is known of their buyer or recipient. Exact keys give the newest orders, beginnings the first by key:
-- each is the order of its index, so that no plan reads more than it gives.
CREATE OR REPLACE FUNCTION guest_orders(merchant integer, field text, lowest text, beyond text, most integer)
RETURNS TABLE (found_id bigint, found_name text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF field = 'email' AND beyond IS NULL THEN
        RETURN QUERY SELECT c.order_id, c.name FROM order_contact AS c
        WHERE c.merchant_id = merchant AND c.email_key = lowest ORDER BY c.order_id DESC LIMIT most;
    ELSIF field = 'email' THEN
        RETURN QUERY SELECT c.order_id, c.name FROM order_contact AS c
        WHERE c.merchant_id = merchant AND c.email_key >= lowest AND c.email_key < beyond ORDER BY c.email_key, c.order_id LIMIT most;
    ELSIF field = 'phone' THEN
        RETURN QUERY SELECT c.order_id, c.name FROM order_contact AS c
        WHERE c.merchant_id = merchant AND c.phone_key = lowest ORDER BY c.order_id DESC LIMIT most;
    ELSIF field = 'phone_tail' THEN
        RETURN QUERY SELECT c.order_id, c.name FROM order_contact AS c
        WHERE c.merchant_id = merchant AND c.phone_tail >= lowest AND c.phone_tail < beyond ORDER BY c.phone_tail, c.order_id LIMIT most;
    ELSIF field = 'name' AND beyond IS NULL THEN
        RETURN QUERY SELECT c.order_id, c.name FROM order_contact AS c
        WHERE c.merchant_id = merchant AND c.name_key = lowest ORDER BY c.order_id DESC LIMIT most;
    ELSIF field = 'name' THEN
        RETURN QUERY SELECT c.order_id, c.name FROM order_contact AS c
        WHERE c.merchant_id = merchant AND c.name_key >= lowest AND c.name_key < beyond ORDER BY c.name_key, c.order_id LIMIT most;
    ELSE
        RAISE EXCEPTION 'order_contact has no key of the kind %', field;
    END IF;
END
$$;

-- guest_orders_at: orders that went to a postcode under a surname. Few rows share a postcode, so the surname is a plain filter.
CREATE OR REPLACE FUNCTION guest_orders_at(merchant integer, sought_postcode text, surname text, most integer)
RETURNS TABLE (found_id bigint, found_name text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT c.order_id, c.name FROM order_contact AS c
    WHERE c.merchant_id = merchant AND c.postcode_key = sought_postcode
      AND (starts_with(c.name_key, surname) OR position(' ' || surname IN c.name_key) > 0)
    ORDER BY c.order_id DESC LIMIT most;
END
$$;

-- parcels_by_tracking: orders by the tracking number of a parcel.
CREATE OR REPLACE FUNCTION parcels_by_tracking(merchant integer, lowest text, beyond text, most integer)
RETURNS TABLE (found_id bigint, found_tracking text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF beyond IS NULL THEN
        RETURN QUERY SELECT f.order_id, f.tracking_number FROM order_fulfilment AS f
        WHERE f.merchant_id = merchant AND f.tracking_key = lowest ORDER BY f.order_id LIMIT most;
    ELSE
        RETURN QUERY SELECT f.order_id, f.tracking_number FROM order_fulfilment AS f
        WHERE f.merchant_id = merchant AND f.tracking_key >= lowest AND f.tracking_key < beyond ORDER BY f.tracking_key, f.order_id LIMIT most;
    END IF;
END
$$;
