"""Orders and all that belongs to one. The tables of an order are partitioned by the order's id."""

from __future__ import annotations

from portal.orders.models.allocations import PROMISE_STATES, OrderAllocation
from portal.orders.models.changes import (
    CHANGE_KINDS,
    DRAFT_STATES,
    OrderChange,
    OrderChangeDraft,
    OrderChangeLine,
)
from portal.orders.models.content import CHARGE_KINDS, CONTACT_KINDS, OrderCharge, OrderContact, OrderLine
from portal.orders.models.documents import (
    DOCUMENT_KINDS,
    DocumentCounter,
    DocumentSettings,
    InvoiceRef,
    OrderDocument,
)
from portal.orders.models.heads import (
    CHANNEL_KINDS,
    FULFILMENT_STATES,
    ORDER_STATES,
    PAYMENT_STATES,
    NumberSeries,
    Order,
    OrderRef,
    SalesChannel,
)
from portal.orders.models.history import OrderEvent, OrderNote, OrderTag
from portal.orders.models.money import (
    PAYMENT_STEPS,
    REFUND_STATES,
    OrderPayment,
    OrderRefund,
    OrderRefundLine,
)
from portal.orders.models.parcels import PARCEL_STATES, OrderFulfilment, OrderFulfilmentLine
from portal.orders.models.parts import CODE
from portal.orders.models.payments import (
    GatewayAccount,
    PaymentAttempt,
    PaymentDispute,
    PaymentDisputeFile,
    PaymentLink,
    PaymentNotice,
    PaymentPayout,
    PaymentPayoutLine,
    PaymentSettings,
)
from portal.orders.models.refund_rules import RefundDay, RefundLimit, RefundPolicy
from portal.orders.models.returns import RETURN_KINDS, RETURN_STATES, OrderReturn, OrderReturnLine
from portal.orders.models.store_credit import StoreCredit, StoreCreditEntry

__all__ = [
    "CHANGE_KINDS",
    "DRAFT_STATES",
    "OrderChange",
    "OrderChangeDraft",
    "OrderChangeLine",
    "RETURN_KINDS",
    "RefundDay",
    "RefundLimit",
    "RefundPolicy",
    "StoreCredit",
    "StoreCreditEntry",
    "CHANNEL_KINDS",
    "CHARGE_KINDS",
    "CODE",
    "CONTACT_KINDS",
    "DOCUMENT_KINDS",
    "DocumentCounter",
    "DocumentSettings",
    "FULFILMENT_STATES",
    "GatewayAccount",
    "InvoiceRef",
    "NumberSeries",
    "ORDER_STATES",
    "Order",
    "OrderAllocation",
    "OrderCharge",
    "OrderContact",
    "OrderDocument",
    "OrderEvent",
    "OrderFulfilment",
    "OrderFulfilmentLine",
    "OrderLine",
    "OrderNote",
    "OrderPayment",
    "OrderRef",
    "OrderRefund",
    "OrderRefundLine",
    "OrderReturn",
    "OrderReturnLine",
    "OrderTag",
    "PARCEL_STATES",
    "PAYMENT_STATES",
    "PAYMENT_STEPS",
    "PROMISE_STATES",
    "PaymentAttempt",
    "PaymentDispute",
    "PaymentDisputeFile",
    "PaymentLink",
    "PaymentNotice",
    "PaymentPayout",
    "PaymentPayoutLine",
    "PaymentSettings",
    "REFUND_STATES",
    "RETURN_STATES",
    "SalesChannel",
]
