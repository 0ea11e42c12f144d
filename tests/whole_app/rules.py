"""Rules of the house that hold for every route, template, model and job. A rule gives its findings, one line each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import jinja2
import jinja2.nodes
from flask import Flask
from werkzeug.routing import Rule

from portal.accounts.access import declared_access
from portal.core.database import Base
from portal.core.jobs.registry import kinds
from portal.core.navigation import _entries as nav_entries
from portal.core.personal_data import MAP_KEY, NotPersonalData, PersonalData
from portal.core.slots import registered_slots
from portal.core.tenancy import Platform, Shared, Tenant
from portal.paths import ROOT, TEMPLATES

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SEGMENT: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)?")
PARAMETER: Final = re.compile(r"<[a-z_]+(\([^)]*\))?:[a-z_]+>")
KINDS: Final = (Tenant, Shared, Platform)
# What a view is called that makes something: a row, a mail, a job, a payment.
MAKING: Final = re.compile(
    r"(add|begin|combine|connect|create|draft|export|generate|hold|invite|issue|log|mail|make|new|pay|place|record|"
    r"renew|request|resend|retry|send|settle|ship|spread|start|take|upload)(_|$)"
)

# Attributes that htmx 4 inherits only when told so; on an element without a verb they would silently do nothing.
NEEDS_VERB: Final = frozenset({"hx-target", "hx-swap", "hx-headers", "hx-confirm", "hx-boost"})
VERBS: Final = frozenset(
    {"hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "hx-action", "hx-sse:connect"}
)


def routes(app: Flask) -> Iterator[Rule]:
    """Every route but the files."""
    return (rule for rule in app.url_map.iter_rules() if rule.endpoint != "static")


def undeclared_routes(app: Flask) -> list[str]:
    """Routes that say neither whom they are for nor that they are for everybody."""
    return [
        f"{rule} ({rule.endpoint})" for rule in routes(app) if declared_access(app, rule.endpoint) is None
    ]


def unsafe_reads_by_everybody(app: Flask) -> list[str]:
    """Public routes; each is listed in the test, so that a new one is a decision."""
    return sorted(
        {
            rule.endpoint
            for rule in routes(app)
            if (access := declared_access(app, rule.endpoint)) is not None and access.is_public
        }
    )


def misplaced_scopes(app: Flask) -> list[str]:
    """Addresses for programs outside ``/api/``, where cookies count, and addresses below it that take no key."""
    return [
        rule.rule
        for rule in routes(app)
        if (access := declared_access(app, rule.endpoint)) is not None
        and not access.is_public
        and bool(access.scope) != rule.rule.startswith("/api/")
    ]


def odd_addresses(app: Flask) -> list[str]:
    """Addresses that are not kebab-case, or whose parameters have no type."""
    return [
        str(rule)
        for rule in routes(app)
        for part in str(rule).strip("/").split("/")
        if part and not SEGMENT.fullmatch(part) and not PARAMETER.fullmatch(part)
    ]


def making_two(app: Flask) -> list[str]:
    """Forms that make something, by the names of their views, and make two when they are sent twice."""
    return sorted(
        {
            rule.endpoint
            for rule in routes(app)
            if "POST" in (rule.methods or ())
            and (access := declared_access(app, rule.endpoint)) is not None
            and not access.scope
            and MAKING.match(app.view_functions[rule.endpoint].__name__)
            and not hasattr(app.view_functions[rule.endpoint], "is_sent_once")
        }
    )


def dead_ends(app: Flask) -> list[str]:
    """Navigation and slots that lead to no endpoint, or that are shown for a permission of another area than it asks for."""
    found = []
    for entry in [*nav_entries.values(), *registered_slots()]:
        access = declared_access(app, entry.endpoint)
        if access is None:
            found.append(f"{entry.endpoint} is no endpoint")
        elif (
            entry.permission is not None
            and access.permissions
            and not _same_area(entry.permission, access.permissions)
        ):
            found.append(
                f"{entry.endpoint} is shown for {entry.permission} and asks for {access.permissions}"
            )
        elif entry.permission is None and access.permissions:
            found.append(f"{entry.endpoint} is shown to every member and asks for {access.permissions}")
    return found


def mapped_classes() -> list[type]:
    """All models of the schema. One that a test made and took back may live on until it is collected."""
    return [
        mapper.class_
        for mapper in Base.registry.mappers
        if mapper.local_table.name in Base.metadata.tables  # type: ignore[attr-defined]
    ]


def unmapped_columns(models: Iterable[type] = ()) -> list[str]:
    """Columns that say neither what they hold of a person nor that they hold nothing."""
    classes = list(models) or mapped_classes()
    return [
        f"{model.__table__.name}.{column.name}"
        for model in classes
        for column in model.__table__.columns
        if not isinstance(column.info.get(MAP_KEY), (PersonalData, NotPersonalData))
    ]


def unkinded_tables(models: Iterable[type] = ()) -> list[str]:
    """Models that are not exactly one of tenant, shared and platform."""
    classes = list(models) or mapped_classes()
    return [model.__name__ for model in classes if sum(issubclass(model, kind) for kind in KINDS) != 1]


def unknown_jobs(sources: Iterable[str] = ()) -> list[str]:
    """Names given to ``enqueue`` that no handler registered."""
    texts = list(sources) or [
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "portal").rglob("*.py"))
    ]
    return [name for text in texts for name in _enqueued(text) if name not in kinds()]


def template_files() -> list[Path]:
    return sorted(path for path in TEMPLATES.rglob("*") if path.suffix in {".html", ".txt"})


def uncompilable_templates(environment: jinja2.Environment, names: Iterable[str]) -> list[str]:
    """Templates with a syntax error, or that name a template that is not there."""
    found = []
    for name in names:
        try:
            source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
            tree = environment.parse(source, name)
            environment.get_template(name)
        except jinja2.TemplateError as error:
            found.append(f"{name}: {error.message}")
            continue
        found += [f"{name} names {other}, which is not there" for other in _absent(environment, tree)]
    return found


def unsafe_markup(sources: Iterable[tuple[str, str]]) -> list[str]:
    """Inline script and style, handlers in attributes, and htmx attributes that would silently do nothing."""
    found = []
    for name, source in sources:
        page = _Markup()
        page.feed(re.sub(r"{#.*?#}", "", source, flags=re.DOTALL))
        page.close()
        found += [f"{name}: {finding}" for finding in page.findings]
    return found


def template_sources() -> list[tuple[str, str]]:
    # Mail programs know no style sheets of ours, and htmx least of all: their rules are others.
    return [
        (str(path.relative_to(TEMPLATES)), path.read_text(encoding="utf-8"))
        for path in template_files()
        if path.suffix == ".html" and path.relative_to(TEMPLATES).parts[0] != "emails"
    ]


def _same_area(shown_for: str, asked: Iterable[str]) -> bool:
    return shown_for.partition(".")[0] in {each.partition(".")[0] for each in asked}


def _enqueued(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name == "enqueue" and isinstance(node.args[0].value, str) and "." in node.args[0].value:
                yield node.args[0].value


def _absent(environment: jinja2.Environment, tree: jinja2.nodes.Template) -> Iterator[str]:
    kinds_of_reference = (
        jinja2.nodes.Extends,
        jinja2.nodes.Include,
        jinja2.nodes.Import,
        jinja2.nodes.FromImport,
    )
    for node in tree.find_all(kinds_of_reference):
        if isinstance(node.template, jinja2.nodes.Const) and isinstance(node.template.value, str):
            try:
                environment.get_template(node.template.value)
            except jinja2.TemplateNotFound:
                yield node.template.value
            except jinja2.TemplateError:
                continue


class _Markup(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.findings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        for name, value in attrs:
            text = (value or "").strip().lower()
            if name == "style" or tag == "style":
                self.findings.append(f"<{tag}> has a style of its own")
            elif re.fullmatch(r"on[a-z]+", name):
                self.findings.append(f"<{tag}> has the handler {name}")
            elif name.startswith("hx-on") or text.startswith(("js:", "javascript:")):
                self.findings.append(f"<{tag}> runs script from {name}")
            elif name in NEEDS_VERB and not names & VERBS:
                self.findings.append(f"<{tag}> has {name} and no verb; it needs {name}:inherited")
        if tag == "style":
            self.findings.append("an inline <style>")
        if tag == "script" and "src" not in names:
            self.findings.append("an inline <script>")
