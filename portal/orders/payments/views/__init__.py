"""The screens of payments; each module adds its addresses to one blueprint."""

from __future__ import annotations

from portal.orders.payments.views import acts, disputes, notices, payouts, public, settings
from portal.orders.payments.views.blueprint import bp

__all__ = ["acts", "bp", "disputes", "notices", "payouts", "public", "settings"]
