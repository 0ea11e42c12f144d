"""The mail of a decided return: once, in the buyer's language and the merchant's words, and left out when staff untick it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.core.mail import Message, read_letter
from portal.orders import services as orders
from portal.orders.documents.services import return_slip
from portal.orders.documents.settings import document_settings
from portal.orders.models import LetterTemplate, OrderContactLog
from portal.orders.placement import PlacedOrder
from portal.orders.returns import services as desk
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, open_shop

GERMAN = "UPDATE merchant SET locale = 'de_DE' WHERE id = :merchant"


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 20, "PLATE": 5})


@pytest.fixture
def placed(shop: Shop) -> PlacedOrder:
    made = shop.order(("MUG", 3, "4.50"), paid="13.50")
    orders.ship_lines(made.order_id, {1: 3}, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()
    return made


@pytest.fixture
def support(login: Callable[[Person], HouseClient], member: Callable[..., Person]) -> HouseClient:
    return login(member("support"))


def ask(placed: PlacedOrder, kind: str = "return") -> int:
    n = desk.request_return(placed.order_id, {1: 2}, kind=kind, reason_code="changed_mind", by=SYSTEM)
    db.session.commit()
    return n


def own_address() -> None:
    settings = document_settings()
    settings.company, settings.line1, settings.postcode, settings.city = (
        "Lantern",
        "1 Quay",
        "BS1 1AA",
        "Bristol",
    )
    db.session.add(settings)
    db.session.flush()


def letters() -> list[tuple[str, str]]:
    found = [read_letter(each) for each in db.session.scalars(sa.select(Message).order_by(Message.id))]
    return [(each.subject, each.text) for each in found if each is not None]


def titles(order_id: int) -> list[str]:
    return list(
        db.session.scalars(sa.select(OrderContactLog.title).where(OrderContactLog.order_id == order_id))
    )


def test_an_approval_says_what_to_do_next(placed: PlacedOrder) -> None:
    own_address()
    n = ask(placed)
    desk.approve_return(placed.order_id, n, tells_buyer=True, by=SYSTEM)
    db.session.commit()
    ((subject, text),) = letters()
    assert subject == f"Your return of order {placed.number}"
    assert "2 × " in text and "Please send it to:\n\nLantern\n1 Quay\nBristol BS1 1AA" in text
    assert "{" not in text and "\n\n\n" not in text and "withdrew" not in text
    assert titles(placed.order_id)[-1] == "A return is approved"
    message = db.session.scalars(sa.select(Message)).one()
    assert message.attachments and message.subject_id is not None
    assert return_slip(placed.order_id, n).startswith(b"%PDF")


def test_a_withdrawal_names_its_dates(placed: PlacedOrder) -> None:
    n = ask(placed, "withdrawal")
    desk.approve_return(placed.order_id, n, tells_buyer=True, by=SYSTEM)
    ((_, text),) = letters()
    assert "You withdrew on" in text and "at the latest" in text
    assert "We will tell you where to send it." in text, "no address is written down"


def test_it_is_written_in_the_buyers_language(scope: int, placed: PlacedOrder) -> None:
    db.session.execute(sa.text(GERMAN), {"merchant": scope})
    n = ask(placed, "withdrawal")
    desk.approve_return(placed.order_id, n, tells_buyer=True, by=SYSTEM)
    desk.reject(placed.order_id, n, reason_code="used", tells_buyer=True, by=SYSTEM)
    (_, approved), (_, rejected) = letters()
    assert "widerrufen" in approved and "Guten Tag" in approved
    assert "mehr als zur Prüfung benutzt" in rejected


def test_the_merchants_own_text_goes_out(placed: PlacedOrder) -> None:
    text = {"subject": "No, {number}", "body": "Sorry {name}.\n\n{reason}", "moment": "return_rejected"}
    db.session.add(LetterTemplate(name="Ours", locale="en", **text))
    db.session.add(
        LetterTemplate(name="Off", locale="de", is_active=False, **{**text, "body": "Nie gesandt"})
    )
    n = ask(placed)
    desk.reject(
        placed.order_id, n, reason_code="too_late", tells_buyer=True, message="It came in May.", by=SYSTEM
    )
    ((subject, words),) = letters()
    assert subject == f"No, {placed.number}"
    assert words.endswith("The reason: it was sent back too late.\n\nIt came in May.\n")


def test_a_reason_of_no_list_needs_words(placed: PlacedOrder) -> None:
    n = ask(placed)
    for message in (None, " \0 ", "x" * 1001):
        with pytest.raises(DomainError) as refused:
            desk.reject(placed.order_id, n, tells_buyer=True, message=message, by=SYSTEM)
        assert refused.value.field == "message"
    desk.reject(placed.order_id, n, tells_buyer=True, message="We agreed on a new one.", by=SYSTEM)
    assert "We agreed on a new one." in letters()[0][1]


def test_a_second_decision_writes_nothing(placed: PlacedOrder) -> None:
    n = ask(placed)
    desk.approve_return(placed.order_id, n, tells_buyer=True, by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError):
        desk.approve_return(placed.order_id, n, tells_buyer=True, by=SYSTEM)
    db.session.rollback()
    assert len(letters()) == 1


def test_without_an_address_nothing_is_decided_half(shop: Shop) -> None:
    made = shop.order(("MUG", 3, "4.50"), paid="13.50", contacts=())
    orders.ship_lines(made.order_id, {1: 3}, carrier=None, tracking_number=None, by=SYSTEM)
    n = ask(made)
    with pytest.raises(DomainError, match="no e-mail address"):
        desk.approve_return(made.order_id, n, tells_buyer=True, by=SYSTEM)
    db.session.rollback()
    desk.approve_return(made.order_id, n, by=SYSTEM)
    assert letters() == []


@pytest.mark.parametrize("is_ticked", [True, False])
def test_staff_may_leave_the_mail_out(support: HouseClient, placed: PlacedOrder, is_ticked: bool) -> None:
    n = ask(placed)
    here = f"/orders/{placed.number}/returns/{n}"
    page = support.get(here).text
    assert 'id="approve-tell" name="tell" value="1" checked' in page
    sent = {"version": "1"} | ({"tell": "1"} if is_ticked else {})
    assert support.post(f"{here}/approval", data=sent).status_code == 303
    assert support.post(f"{here}/approval", data=sent).status_code == 409
    db.session.rollback()
    assert len(letters()) == is_ticked
    assert ("the buyer is written to" in support.get(f"/orders/{placed.number}").text) == is_ticked


def test_a_rejection_that_is_refused_keeps_what_was_typed(support: HouseClient, placed: PlacedOrder) -> None:
    n = ask(placed)
    here = f"/orders/{placed.number}/returns/{n}"
    sent = {"version": "1", "rejection": "other", "tell": "1", "message": "y" * 1001}
    answer = support.post(f"{here}/rejection", data=sent)
    assert answer.status_code == 422 and "y" * 1001 in answer.text and "Keep it under 1,000" in answer.text
    assert opened(answer.text) == ["reject-return"] and answer.text.count("Keep it under 1,000") == 1
    assert re.search(r'name="message"[^>]*aria-describedby="message-error message-help"', answer.text)
    assert 'id="reject-tell" name="tell" value="1" checked' in answer.text
    assert support.post(f"{here}/rejection", data={**sent, "message": "So it is."}).status_code == 303
    db.session.rollback()
    assert titles(placed.order_id)[-1] == "A return is rejected"


@pytest.mark.parametrize(("act", "dialog"), [("approval", "approve-return"), ("rejection", "reject-return")])
def test_a_dialog_that_is_refused_opens_again_as_it_was(
    support: HouseClient, placed: PlacedOrder, act: str, dialog: str
) -> None:
    here = f"/orders/{placed.number}/returns/{ask(placed)}"
    assert opened(support.get(here).text) == []
    sent = {"version": "0", "rejection": "used", "message": "Both are worn."}
    stale = support.post(f"{here}/{act}", data=sent)
    assert stale.status_code == 409 and opened(stale.text) == [dialog]
    inside = stale.text.partition(f'id="{dialog}" ')[2].partition("</dialog>")[0]
    assert "changed after the page was opened" in inside and "checked" not in inside, (
        "the tick was taken away"
    )
    assert stale.text.count("changed after the page was opened") == 1
    assert ("Both are worn." in inside and 'value="used" selected' in inside) == (act == "rejection")
    assert support.post(f"{here}/{act}", data={**sent, "version": "1"}).status_code == 303
    over = support.post(f"{here}/rejection", data={**sent, "version": "9"})
    assert over.status_code == 409 and "changed after the page was opened" in over.text
    assert opened(over.text) == ([] if act == "rejection" else ["reject-return"])


def opened(page: str) -> list[str]:
    """The dialogs that open by themselves."""
    return re.findall(r'<dialog[^>]* id="([\w-]+)"[^>]* data-open-again', page)


def test_a_text_of_a_moment_is_kept_once_per_language(
    login: Callable[[Person], HouseClient], member: Callable[..., Person]
) -> None:
    client = login(member("owner"))
    begun = client.get("/settings/letters/new?moment=return_approved&locale=de").text
    assert "Guten Tag {name}" in begun and "{clock}" in begun
    text = {
        "name": "Yes", "locale": "de", "moment": "return_approved", "subject": "Ja", "body": "{where}", "is_active": "y", "version": "0",
    }  # fmt: skip
    assert client.post("/settings/letters", data=text).status_code == 303
    again = client.post("/settings/letters", data={**text, "name": "Yes too"})
    assert again.status_code == 409 and "There is a text for this moment in this language." in again.text
    assert client.post("/settings/letters", data={**text, "name": "Z", "moment": ""}).status_code == 422
    assert client.post("/settings/letters", data={**text, "name": "Z", "moment": "never"}).status_code == 422
    page = client.get("/settings/letters").text
    assert "A return is approved" in page
