"""Make and change customers, their addresses and consents. Every change is audited under the person's own key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core import audit, normalise
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.merging import merged
from portal.core.subjects import DataSubject, RestrictedError, restricted_since
from portal.customers.models import CONSENT_CHANNELS, Consent, Customer, CustomerAddress

CUSTOMER_FIELDS: Final = ("name", "company", "email", "phone", "country_code", "locale", "note")
ADDRESS_FIELDS: Final = (
    "name",
    "company",
    "line1",
    "line2",
    "city",
    "region",
    "postcode",
    "country_code",
    "phone",
)
MOST_ADDRESSES: Final = 50


class CustomerErasedError(ConflictError):
    """The person was erased; nothing may be written about them again."""

    def __init__(self) -> None:
        super().__init__(
            "This customer was erased at their own request. Nothing can be added to an erased customer."
        )


@dataclass(frozen=True, slots=True)
class ChannelCustomer:
    """A customer as a channel knows them."""

    external_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    country_code: str | None = None


def create_customer(values: Mapping[str, str | None], *, by: Actor, source: str = "portal") -> Customer:
    """A new customer, flushed.

    Raises:
        DomainError: there is neither name, company, e-mail nor phone.
    """
    cleaned = _cleaned(values, CUSTOMER_FIELDS)
    _require_something(cleaned)
    subject = DataSubject()
    db.session.add(subject)
    db.session.flush()
    customer = Customer(subject_id=subject.id, source=source, **cleaned)
    _fold(customer)
    db.session.add(customer)
    db.session.flush()
    _record(customer, "customer.created", before={}, after=cleaned, by=by)
    return customer


def change_customer(
    customer: Customer, values: Mapping[str, str | None], *, base: Mapping[str, Any], version: int, by: Actor
) -> None:
    """Save what a person typed over what stands, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        CustomerErasedError: the customer was erased meanwhile.
        DomainError: nothing would be left to know the customer by.
    """
    _require_alive(customer)
    now = customer_values(customer)
    mine = _cleaned(values, CUSTOMER_FIELDS)
    wanted = (
        mine
        if customer.version == version
        else merged(now, _cleaned(base, CUSTOMER_FIELDS), mine, version=customer.version)
    )
    _require_something(wanted)
    changed = {name for name in wanted if wanted[name] != now[name]}
    if not changed:
        return
    for name in changed:
        setattr(customer, name, wanted[name])
    _fold(customer)
    db.session.flush()
    _record(
        customer,
        "customer.changed",
        {name: now[name] for name in changed},
        {name: wanted[name] for name in changed},
        by,
    )


def customer_values(customer: Customer) -> dict[str, str | None]:
    """What the form shows, by field."""
    return {name: getattr(customer, name) for name in CUSTOMER_FIELDS}


def save_address(
    customer: Customer, values: Mapping[str, str | None], *, address: CustomerAddress | None = None,
    base: Mapping[str, Any] | None = None, by: Actor,
) -> CustomerAddress:  # fmt: skip
    """Add an address, or change *address*. The first one becomes the default.

    Args:
        base: what the form showed of *address*; edits that someone else saved since are kept, or clash.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: the address is empty, or the customer has fifty.
        CustomerErasedError: the customer was erased.
    """
    _require_alive(customer)
    cleaned = _cleaned(values, ADDRESS_FIELDS)
    if address is not None and base is not None:
        now = address_values(address)
        cleaned = merged(now, _cleaned(base, ADDRESS_FIELDS), cleaned, version=0)
    if not (cleaned["line1"] or cleaned["postcode"] or cleaned["city"]):
        raise DomainError("Enter at least a street, a postcode or a town.", field="line1")
    if address is None:
        if len(customer.addresses) >= MOST_ADDRESSES:
            raise DomainError(
                f"A customer can have {MOST_ADDRESSES} addresses. Change or remove one.", field="line1"
            )
        address = CustomerAddress(customer_id=customer.id, is_default=not customer.addresses)
        db.session.add(address)
    before = address_values(address)
    for name, value in cleaned.items():
        setattr(address, name, value)
    address.postcode_key = normalise.postcode_key(cleaned["postcode"])
    db.session.flush()
    _record(customer, "customer.address_saved", before, cleaned, by)
    return address


def address_values(address: CustomerAddress) -> dict[str, str | None]:
    """What the form of an address shows, by field."""
    return {name: getattr(address, name) for name in ADDRESS_FIELDS}


def remove_address(customer: Customer, address: CustomerAddress, *, by: Actor) -> None:
    """Take an address away; orders keep their own copy.

    Raises:
        CustomerErasedError: the customer was erased.
    """
    _require_alive(customer)
    before = address_values(address)
    db.session.delete(address)
    db.session.flush()
    _record(customer, "customer.address_removed", before, {}, by)


def record_consent(customer: Customer, channel: str, *, granted: bool, source: str, by: Actor) -> None:
    """Write down that the customer agreed, or no longer does. The log keeps every change.

    Raises:
        DomainError: the channel is not one consent is asked for.
        CustomerErasedError: the customer was erased.
    """
    _require_alive(customer)
    if channel not in CONSENT_CHANNELS:
        raise DomainError("Choose e-mail, text message, phone or post.", field="channel")
    source = " ".join(source.replace("\0", "").split())
    _write_consent(customer, channel, "granted" if granted else "withdrawn", source, by)


def withdraw_consents(subject_ids: Sequence[int], by: Actor) -> None:
    """Withdraw every consent of people who object to marketing, asked for or not."""
    customers = sa.select(Customer).where(Customer.subject_id.in_(subject_ids), Customer.state == "active")
    for customer in db.session.scalars(customers).all():
        for channel in CONSENT_CHANNELS:
            _write_consent(customer, channel, "withdrawn", "Objection under privacy law", by)


def _write_consent(customer: Customer, channel: str, state: str, source: str, by: Actor) -> None:
    db.session.add(Consent(customer_id=customer.id, channel=channel, state=state, source=source))
    db.session.flush()
    audit.record(
        action=f"consent.{state}",
        by=by,
        subject=("customer", customer.id),
        after={"channel": channel, "source": source},
    )


def customer_of_channel(known: ChannelCustomer, *, by: Actor, source: str) -> int:
    """The id of the customer with this number in the channel, made when there is none; two callers get the same one.

    The number decides, in the database: whoever comes second finds the first one's row.
    """
    table = Customer.__table__
    merchant_id = current_merchant_id()
    found = sa.select(table.c.id).where(
        table.c.merchant_id == merchant_id, table.c.external_id == known.external_id
    )
    existing = db.session.execute(found).scalar_one_or_none()
    if existing is not None:
        return int(existing)
    subject_id = db.session.execute(
        sa.insert(DataSubject.__table__).values(merchant_id=merchant_id).returning(DataSubject.__table__.c.id)
    ).scalar_one()
    customer = Customer(
        subject_id=subject_id,
        name=known.name,
        company=known.company,
        email=known.email,
        phone=known.phone,
        country_code=known.country_code,
    )
    _fold(customer)
    values = {
        name: getattr(customer, name)
        for name in (
            "name",
            "name_key",
            "company",
            "email",
            "email_key",
            "phone",
            "phone_key",
            "phone_tail",
            "country_code",
        )
    }
    made = db.session.execute(
        postgresql.insert(table)
        .values(
            merchant_id=merchant_id,
            subject_id=subject_id,
            external_id=known.external_id,
            source=source,
            **values,
        )
        .on_conflict_do_nothing(index_elements=["merchant_id", "external_id"])
        .returning(table.c.id)
    ).scalar_one_or_none()
    if made is None:
        return int(db.session.execute(found).scalar_one())
    audit.record(
        action="customer.created",
        by=by,
        subject=("customer", made),
        after={"source": source},
        data_subject_id=subject_id,
    )
    return int(made)


def _cleaned(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: (str(values.get(name) or "").replace("\0", "").strip() or None) for name in names}


def _require_something(values: Mapping[str, str | None]) -> None:
    if not any(values[name] for name in ("name", "company", "email", "phone")):
        raise DomainError("Enter a name, a company, an e-mail address or a phone number.", field="name")


def _require_alive(customer: Customer) -> None:
    if customer.state == "erased":
        raise CustomerErasedError
    if restricted_since(customer.subject_id):
        raise RestrictedError


def _fold(customer: Customer) -> None:
    customer.name_key = normalise.full_name_key(customer.name or customer.company)
    customer.email_key = normalise.email_key(customer.email)
    customer.phone_key = normalise.phone_key(customer.phone, customer.country_code)
    customer.phone_tail = normalise.phone_tail_key(customer.phone_key)


def _record(
    customer: Customer, action: str, before: Mapping[str, Any], after: Mapping[str, Any], by: Actor
) -> None:
    announce(
        action,
        by=by,
        subject=("customer", customer.id),
        before=dict(before),
        after=dict(after),
        data_subject_id=customer.subject_id,
        event="customer.changed",
        key=f"customer:{customer.id}",
        payload={"customer_id": customer.id},
    )
