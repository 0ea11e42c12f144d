"""How a person works a page: with a mouse, or with the keyboard alone."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect


class Mouse:
    """Clicks, and types into what was clicked."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        """A link or a button."""
        target.click()

    def fill(self, field: Locator, text: str) -> None:
        """Replace what stands in a field."""
        field.fill(text)

    def choose(self, field: Locator, label: str) -> None:
        """An option of a select, by its words."""
        field.select_option(label=label)


class Keyboard(Mouse):
    """Tab, Enter and letters; nothing is ever clicked."""

    def press(self, target: Locator) -> None:
        tab_to(self.page, target)
        self.page.keyboard.press("Enter")

    def fill(self, field: Locator, text: str) -> None:
        tab_to(self.page, field)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, field: Locator, label: str) -> None:
        tab_to(self.page, field)
        self.page.keyboard.type(label[:30])


def tab_to(page: Page, target: Any) -> None:
    """Press Tab until the element has the focus, as a person without a mouse does."""
    expect(target).to_be_visible()
    for _ in range(200):
        if target.evaluate(
            "element => element === document.activeElement || element.contains(document.activeElement)"
        ):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {target}")
