"""What people type about suppliers and purchase orders."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from portal.accounts.forms import country_choices
from portal.stock import queries
from portal.stock.purchasing.queries import supplier_choices
from portal.stock.purchasing.suppliers import LOCALES


class SupplierForm(FlaskForm):
    """A supplier."""

    name = StringField("Name of the business")
    contact_name = StringField("Contact person")
    email = StringField("E-mail for orders")
    phone = StringField("Phone")
    address = TextAreaField("Address", render_kw={"rows": 3})
    country_code = SelectField("Country", validate_choice=False)
    locale = SelectField(
        "Language of letters",
        choices=[SelectChoice(*each) for each in LOCALES.items()],
        validate_choice=False,
    )
    currency = StringField("Currency")
    lead_days = StringField("Lead time")
    version = HiddenField()
    base = HiddenField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.country_code.choices = [SelectChoice("", "Not said"), *country_choices()]


class ItemForm(FlaskForm):
    """How a supplier sells a variant."""

    code = StringField("SKU or barcode")
    supplier_sku = StringField("Their code")
    unit_cost = StringField("Cost of one")
    pack_size = StringField("Units in a pack")
    minimum_quantity = StringField("Smallest order")
    lead_days = StringField("Lead time")
    is_preferred = BooleanField("Order this variant here first")


class PurchaseForm(FlaskForm):
    """The head of a purchase order."""

    supplier_id = SelectField("Supplier", validate_choice=False)
    location_id = SelectField("For", validate_choice=False)
    expected_on = StringField("Expected on", render_kw={"type": "date"})
    reference = StringField("Their number")
    note = TextAreaField("Note to the supplier", render_kw={"rows": 3})
    version = HiddenField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.supplier_id.choices = [SelectChoice("", "Choose a supplier")] + [
            SelectChoice(*each) for each in supplier_choices()
        ]
        self.location_id.choices = [SelectChoice("", "Choose a location")] + [
            SelectChoice(str(place.id), place.name) for place in queries.locations() if place.is_active
        ]
