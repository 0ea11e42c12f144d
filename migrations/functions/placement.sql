-- Placing an order. These run as the caller, behind row-level security. They are functions because PostgreSQL keeps the
-- plans of a function for the length of a connection: sent as statements, parsing and planning them anew for every order
-- cost more than running them (docs/decisions/placing-orders.md has the figures). It keeps them only when it is told to:
-- an array whose length it does not know looks dearer to it than planning anew. And what was planned while a table was
-- small must not read all of it when it has grown, so no plan here may scan a table.

-- begin_order: the reference of a new order, and the person of a guest; the person of a customer is known. Gives nothing
-- when the channel's number is taken.
CREATE OR REPLACE FUNCTION begin_order(
    merchant integer, order_number text, channel bigint, external text, external_folded text, customer_id bigint,
    is_guest boolean, placed timestamptz)
RETURNS TABLE (made_id bigint, made_number text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    subject bigint;
BEGIN
    IF is_guest THEN
        INSERT INTO data_subject (merchant_id) VALUES (merchant) RETURNING id INTO subject;
    ELSIF begin_order.customer_id IS NOT NULL THEN
        SELECT c.subject_id INTO STRICT subject FROM customer AS c WHERE c.merchant_id = merchant AND c.id = begin_order.customer_id;
    END IF;
    RETURN QUERY
    INSERT INTO order_ref (merchant_id, order_id, number, channel_id, external_id, external_key, subject_id, placed_at)
    VALUES (merchant, new_id(placed), order_number, channel, external, external_folded, subject, placed)
    ON CONFLICT ON CONSTRAINT order_ref_merchant_id_channel_id_external_id_key DO NOTHING
    RETURNING order_id, number;
END
$$;

-- write_order: all rows of a new order, table by table, each once whatever their number; rows are named as their columns.
CREATE OR REPLACE FUNCTION write_order(merchant integer, rows jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO sales_order (merchant_id, id, number, channel_id, customer_id, placed_at, state, payment_state, fulfilment_state, hold_reason, due_at,
        delivery, delivery_location_id, country_code, currency, tax_inclusive, tax_treatment, tax_rounding, shipping_tax, items_total, charges_total, discount_total, tax_total,
        total, captured_total, refunded_total, base_currency, base_rate, base_total, line_count, unit_count, version)
    SELECT merchant, r.id, r.number, r.channel_id, r.customer_id, r.placed_at, r.state, r.payment_state, r.fulfilment_state, r.hold_reason, r.due_at,
        r.delivery, r.delivery_location_id, r.country_code, r.currency, r.tax_inclusive, r.tax_treatment, r.tax_rounding, r.shipping_tax, r.items_total, r.charges_total,
        r.discount_total, r.tax_total, r.total, r.captured_total, r.refunded_total, r.base_currency, r.base_rate, r.base_total, r.line_count,
        r.unit_count, r.version
    FROM jsonb_to_recordset(rows -> 'sales_order') AS r(id bigint, number text, channel_id bigint, customer_id bigint, placed_at timestamp with time
        zone, state text, payment_state text, fulfilment_state text, hold_reason text, due_at timestamp with time zone, delivery text, delivery_location_id bigint, country_code char(2), currency
        char(3), tax_inclusive boolean, tax_treatment text, tax_rounding text, shipping_tax text, items_total numeric(18, 4), charges_total
        numeric(18, 4), discount_total numeric(18, 4), tax_total numeric(18, 4), total numeric(18, 4), captured_total numeric(18, 4), refunded_total
        numeric(18, 4), base_currency char(3), base_rate numeric(20, 10), base_total numeric(18, 4), line_count integer, unit_count integer, version
        integer);
    INSERT INTO order_line (merchant_id, order_id, n, variant_id, sku, title, quantity, unit_price, discount, tax_rate, tax_amount, tax_class,
        list_price, shared_discount, line_total, location_id, allocated_quantity, promise_state)
    SELECT merchant, r.order_id, r.n, r.variant_id, r.sku, r.title, r.quantity, r.unit_price, r.discount, r.tax_rate, r.tax_amount, r.tax_class,
        r.list_price, r.shared_discount, r.line_total, r.location_id, r.allocated_quantity, r.promise_state
    FROM jsonb_to_recordset(rows -> 'order_line') AS r(order_id bigint, n integer, variant_id bigint, sku text, title text, quantity integer,
        unit_price numeric(20, 6), discount numeric(18, 4), tax_rate numeric(9, 6), tax_amount numeric(18, 4), tax_class text, list_price numeric(20,
        6), shared_discount numeric(18, 4), line_total numeric(18, 4), location_id bigint, allocated_quantity integer, promise_state text);
    IF rows ? 'order_allocation' THEN
        INSERT INTO order_allocation (merchant_id, order_id, line_n, variant_id, location_id, slot, quantity)
        SELECT merchant, r.order_id, r.line_n, r.variant_id, r.location_id, r.slot, r.quantity
        FROM jsonb_to_recordset(rows -> 'order_allocation') AS r(order_id bigint, line_n integer, variant_id bigint, location_id bigint,
            slot smallint, quantity integer);
    END IF;
    IF rows ? 'order_contact' THEN
        INSERT INTO order_contact (merchant_id, order_id, n, kind, name, company, email, phone, line1, line2, city, region, postcode, country_code,
            vat_id, name_key, email_key, phone_key, phone_tail, postcode_key)
        SELECT merchant, r.order_id, r.n, r.kind, r.name, r.company, r.email, r.phone, r.line1, r.line2, r.city, r.region, r.postcode, r.country_code,
            r.vat_id, r.name_key, r.email_key, r.phone_key, r.phone_tail, r.postcode_key
        FROM jsonb_to_recordset(rows -> 'order_contact') AS r(order_id bigint, n integer, kind text, name text, company text, email text, phone text,
            line1 text, line2 text, city text, region text, postcode text, country_code char(2), vat_id text, name_key text, email_key text, phone_key
            text, phone_tail text, postcode_key text);
    END IF;
    IF rows ? 'order_charge' THEN
        INSERT INTO order_charge (merchant_id, order_id, n, kind, label, amount, discount, tax_class, tax_rate, tax_amount, tax_by_rate)
        SELECT merchant, r.order_id, r.n, r.kind, r.label, r.amount, r.discount, r.tax_class, r.tax_rate, r.tax_amount, r.tax_by_rate
        FROM jsonb_to_recordset(rows -> 'order_charge') AS r(order_id bigint, n integer, kind text, label text, amount numeric(18, 4), discount
            numeric(18, 4), tax_class text, tax_rate numeric(9, 6), tax_amount numeric(18, 4), tax_by_rate jsonb);
    END IF;
    IF rows ? 'order_discount' THEN
        INSERT INTO order_discount (merchant_id, order_id, n, source, label, voucher_id, applies_to, percent, asked_amount, amount, reason)
        SELECT merchant, r.order_id, r.n, r.source, r.label, r.voucher_id, r.applies_to, r.percent, r.asked_amount, r.amount, r.reason
        FROM jsonb_to_recordset(rows -> 'order_discount') AS r(order_id bigint, n integer, source text, label text, voucher_id bigint, applies_to
            text, percent numeric(7, 4), asked_amount numeric(18, 4), amount numeric(18, 4), reason text);
    END IF;
    IF rows ? 'order_payment' THEN
        INSERT INTO order_payment (merchant_id, order_id, n, state, method, gateway, gateway_reference, amount, captured_amount, currency, card_brand,
            card_last_four, at)
        SELECT merchant, r.order_id, r.n, r.state, r.method, r.gateway, r.gateway_reference, r.amount, r.captured_amount, r.currency, r.card_brand,
            r.card_last_four, r.at
        FROM jsonb_to_recordset(rows -> 'order_payment') AS r(order_id bigint, n integer, state text, method text, gateway text, gateway_reference
            text, amount numeric(18, 4), captured_amount numeric(18, 4), currency char(3), card_brand text, card_last_four char(4), at timestamp with
            time zone);
    END IF;
    IF rows ? 'order_tag' THEN
        INSERT INTO order_tag (merchant_id, order_id, tag)
        SELECT merchant, r.order_id, r.tag
        FROM jsonb_to_recordset(rows -> 'order_tag') AS r(order_id bigint, tag text);
    END IF;
    INSERT INTO order_event (merchant_id, order_id, kind, actor_kind, actor_id, at, data)
    SELECT merchant, r.order_id, r.kind, r.actor_kind, r.actor_id, r.at, r.data
    FROM jsonb_to_recordset(rows -> 'order_event') AS r(order_id bigint, kind text, actor_kind text, actor_id bigint, at timestamp with time zone,
        data jsonb);
    INSERT INTO audit_entry (merchant_id, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, fields, changes, job_id, request_id)
    SELECT merchant, r.actor_kind, r.actor_id, r.actor_name, r.action, r.subject_kind, r.subject_id, r.fields, r.changes, r.job_id, r.request_id
    FROM jsonb_to_recordset(rows -> 'audit_entry') AS r(actor_kind text, actor_id bigint, actor_name text, action text, subject_kind text, subject_id
        text, fields text[], changes jsonb, job_id bigint, request_id text);
    INSERT INTO outbox_event (merchant_id, kind, key, payload)
    SELECT merchant, r.kind, r.key, r.payload
    FROM jsonb_to_recordset(rows -> 'outbox_event') AS r(kind text, key text, payload jsonb);
END
$$;

-- promise_facts: what promising units to an order asks first: its variants with what bundles are made of, the terms and
-- rules of promising, and whether anything is kept under one of the keys.
CREATE OR REPLACE FUNCTION promise_facts(merchant integer, variants bigint[], reservation_keys text[])
RETURNS TABLE (sold jsonb, setting jsonb, rules jsonb[], is_kept boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY SELECT
        (SELECT jsonb_agg(jsonb_build_object(
                    'id', v.id, 'is_stocked', v.is_stocked, 'stock_policy', v.stock_policy, 'backorder_limit', v.backorder_limit,
                    'preorder_until', v.preorder_until,
                    'parts', (SELECT jsonb_object_agg(c.component_id, CASE WHEN s.is_stocked THEN c.quantity ELSE 0 END)
                              FROM variant_component AS c
                              JOIN variant AS s ON s.merchant_id = c.merchant_id AND s.id = c.component_id
                              WHERE c.merchant_id = merchant AND c.bundle_id = v.id)))
         FROM variant AS v WHERE v.merchant_id = merchant AND v.id = ANY(variants)),
        (SELECT to_jsonb(t) FROM promise_setting AS t WHERE t.merchant_id = merchant),
        ARRAY(SELECT to_jsonb(r) FROM routing_rule AS r WHERE r.merchant_id = merchant AND r.is_active ORDER BY r.position, r.id),
        EXISTS (SELECT FROM stock_reservation AS k
                WHERE k.merchant_id = merchant AND k.key = ANY(reservation_keys) AND k.state = 'held');
END
$$;

-- tax_facts: the merchant's country and currency, rules of tax, the rates that hold there and in the countries asked about,
-- what a currency is worth, and whether a channel sells over the counter. The day is the one it is at the merchant's.
CREATE OR REPLACE FUNCTION tax_facts(
    merchant integer, countries text[], asked_currency text, at timestamptz, channel bigint)
RETURNS TABLE (
    country text, currency text, prices_include_tax boolean, tax_rules jsonb, tax_rates jsonb, worth numeric, is_counter boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    on_day date := (SELECT (at AT TIME ZONE m.time_zone)::date FROM merchant AS m WHERE m.id = tax_facts.merchant);
BEGIN
    RETURN QUERY SELECT
        m.country, m.currency, m.prices_include_tax,
        (SELECT to_jsonb(s) FROM tax_settings AS s WHERE s.merchant_id = merchant),
        (SELECT jsonb_agg(jsonb_build_array(r.country_code, r.region, r.tax_class, r.rate::text))
         FROM (SELECT DISTINCT ON (t.country_code, t.region, t.tax_class) t.country_code, t.region, t.tax_class, t.rate
               FROM tax_rate AS t
               WHERE t.merchant_id = merchant AND (t.country_code = ANY(countries) OR t.country_code = m.country)
                 AND t.valid_from <= on_day AND (t.valid_to IS NULL OR t.valid_to >= on_day)
               ORDER BY t.country_code, t.region, t.tax_class, t.valid_from DESC) AS r),
        (SELECT x.rate FROM exchange_rate AS x
         WHERE x.merchant_id = merchant AND x.currency = asked_currency AND x.valid_from <= on_day
         ORDER BY x.valid_from DESC LIMIT 1),
        EXISTS (SELECT FROM sales_channel AS c WHERE c.merchant_id = merchant AND c.id = channel AND c.kind = 'pos')
    FROM merchant AS m WHERE m.id = tax_facts.merchant;
END
$$;
