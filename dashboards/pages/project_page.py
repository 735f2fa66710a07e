"""What every page about a project does: choose it, keep the address right, say what fails."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar

import ipywidgets

from dashboards.client import ApiError, Client, ServiceUrls, SessionEndedError
from dashboards.markup import escaped, muted
from dashboards.pages import hints
from dashboards.polling import Sleep, Tasks, poll
from dashboards.records import Project
from dashboards.visit import log_to_server, take_visit
from dashboards.widgets.address import Address


@dataclass(frozen=True)
class Surroundings:
    """What a page needs of the place where it runs; `ingestion_url` is what its hints tell applications."""

    urls: ServiceUrls = field(default_factory=ServiceUrls)
    ingestion_url: str = "http://127.0.0.1:8081"
    sleep: Sleep = asyncio.sleep


HERE: Final = Surroundings()
Page = TypeVar("Page", bound="ProjectPage")


class ProjectPage(ipywidgets.VBox):
    """A page about one project; a page of its own fills `__init__`, `open_project`, `params` and `restore`.

    `silent` is true while the page itself sets what a visitor can set: nobody chose anything then.
    """

    def __init__(self, client: Client, query: Mapping[str, str], surroundings: Surroundings = HERE) -> None:
        self.client, self.surroundings, self.sleep = client, surroundings, surroundings.sleep
        self.silent = False
        self.tasks, self.of_project = Tasks(self.failed), Tasks(self.failed)
        self.address = Address(params=dict(query))
        self.projects = ipywidgets.Dropdown(description="Project", options=[], disabled=True)
        self.notice = ipywidgets.HTML(muted("Loading your projects…"))
        super().__init__()
        self.projects.observe(self._project_chosen, "value")
        self.address.observe(self._address_changed, "params")

    def lay_out(self, title: str, head: Iterable[ipywidgets.Widget], body: Iterable[ipywidgets.Widget]) -> None:
        """Put the page together: a line with the title, the project and `head`; the notice; `body`."""
        line = [ipywidgets.HTML(f"<h1>{escaped(title)}</h1>"), self.projects, *head]
        self.children = [ipywidgets.HBox(line).add_class("atlas-head"), self.notice, *body, self.address]

    def start(self) -> Self:
        """Start loading; to be called once, on the kernel's loop."""
        self.tasks.start(poll(self._load_projects, self.say, self.sleep))
        return self

    def stop(self) -> None:
        """End every task of the page."""
        self.tasks.cancel()
        self.of_project.cancel()

    def open_project(self, project_id: str, *, same: bool) -> None:
        """Show this project; `same` says that the rest of the address is about it too. Tasks of the last have ended."""
        raise NotImplementedError

    def params(self) -> dict[str, str]:
        """Return what the address says beside the project."""
        return {}

    def restore(self, wanted: Mapping[str, str]) -> None:
        """Show what an address says beside the project."""

    def write_address(self) -> None:
        """Say in the address what the page shows."""
        if not self.silent:
            found = {"project": self.projects.value, **self.params()}
            self.address.params = {name: value for name, value in found.items() if value}

    def say(self, error: ApiError, wait_s: float) -> None:
        """Say that what the page shows may be old, and when it asks again."""
        self._notice("error", f"{error} Trying again in {wait_s:.0f} s; what you see may be old.")

    def failed(self, error: BaseException) -> None:
        """Say that a task has failed; without a session everything ends."""
        if isinstance(error, SessionEndedError):
            self.stop()
            self.notice.value = hints.session_ended()
            return
        known = isinstance(error, ApiError)
        self._notice("error", str(error) if known else "A part of this page stopped working: reload it.")

    def _notice(self, state: str, words: str) -> None:
        self.notice.value = f'<div class="atlas-notice" role="alert" data-state="{state}">{escaped(words)}</div>'

    async def _load_projects(self) -> None:
        projects = await self.client.projects()
        options = [(project.project_name, project.id) for project in projects]
        if not projects:
            self.notice.value = hints.first_project(self.surroundings.urls.identity)
        if options == list(self.projects.options):
            return
        self.notice.value = ""
        self.projects.disabled = False
        before = self.projects.value
        self.silent = True  # new options make the widget choose the first one; that is nobody's choice
        self.projects.options = options
        self.projects.value = chosen(projects, before or self.address.params.get("project", ""))
        self.silent = False
        if self.projects.value != before:
            self._open()

    def _project_chosen(self, _change: object) -> None:
        if not self.silent:
            self._open()

    def _open(self) -> None:
        self.of_project.cancel()
        project_id = self.projects.value
        if project_id is not None:
            self.notice.value = ""
            self.open_project(project_id, same=self.address.params.get("project", project_id) == project_id)

    def _address_changed(self, change: Mapping[str, Any]) -> None:
        wanted: dict[str, str] = change["new"]
        before = self.projects.value
        self.silent = True  # the address is right already; writing it again would break Back
        if wanted.get("project") in [project_id for _name, project_id in self.projects.options]:
            self.projects.value = wanted["project"]
        if self.projects.value != before:
            self._open()
        self.restore(wanted)
        self.silent = False


def chosen(projects: list[Project], wanted: str) -> str | None:
    """Return the id of the wanted project if the visitor has it, of the first one otherwise."""
    ids = [project.id for project in projects]
    return wanted if wanted in ids else next(iter(ids), None)


def live(kind: type[Page]) -> Page:
    """Return the live page of the visitor whom this kernel serves."""
    log_to_server()
    urls = ServiceUrls.from_environment(os.environ)
    surroundings = Surroundings(urls, os.environ.get("ATLAS_INGESTION_URL", HERE.ingestion_url))
    visit = take_visit(os.environ)
    return kind(Client(urls, visit.token), visit.query, surroundings).start()
