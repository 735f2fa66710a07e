import msgspec
import pytest

from dashboards.markup import counted, escaped, moment, pill
from dashboards.pages.insight_card import insight_html, wait_html
from dashboards.pages.issue_head import events_html, head_html
from dashboards.records import Insight, InsightWait, Issue, RecentEvent
from dashboards.stack_trace import frames, stack_html
from tests.dashboards.fake_data import HOSTILE, TRACE

ATTACK = f"\"'>{HOSTILE}"
ATTACKED = Issue(
    **dict.fromkeys(["id", "project_id", "title", "level", "status", "fingerprint", "culprit", "priority"], ATTACK),
    **dict.fromkeys(["stack_trace", "first_seen", "last_seen", "first_release", "last_release"], ATTACK),
    **dict.fromkeys(["resolved_in", "regressed_at", "returned_at", "ignored_until", "assignee_id"], ATTACK),
    count=1,
    is_regressed=True,
)


def test_an_escaped_string_has_neither_tags_nor_quotes() -> None:
    assert not set(escaped(ATTACK)) & set("<>\"'")


@pytest.mark.parametrize(
    "html",
    [
        pill(ATTACK),
        moment(ATTACK),
        counted(2, ATTACK),
        stack_html(ATTACK),
        stack_html(TRACE.replace("KeyError", ATTACK).replace("in total", f"in {ATTACK}")),
        head_html(ATTACKED, {ATTACK: ATTACK}),
        head_html(msgspec.structs.replace(ATTACKED, status="ignored"), {}),
        head_html(msgspec.structs.replace(ATTACKED, status="resolved"), {}),
        events_html(ATTACKED, [RecentEvent(ATTACK, ATTACK, ATTACK, ATTACK, ATTACK, ATTACK, ATTACK, ATTACK)]),
        insight_html(Insight(ATTACK, ATTACK, ATTACK, [ATTACK], ATTACK, 1)),
        insight_html(Insight(ATTACK, evidence=ATTACK)),
        wait_html(InsightWait("failed", ATTACK, 2)),
        wait_html(InsightWait(ATTACK, ATTACK)),
    ],
)
def test_nothing_that_a_service_says_becomes_markup(html: str) -> None:
    assert "<script" not in html
    assert "<img" not in html


def test_python_frames_are_innermost_first_and_know_libraries() -> None:
    cut = frames(TRACE)
    assert [frame.function for frame in cut] == ["total", "checkout", "app"]
    assert [frame.in_library for frame in cut] == [False, False, True]
    assert cut[0].code == 'raise KeyError("price_cents")'


def test_javascript_frames_keep_their_order() -> None:
    trace = "TypeError: x\n    at pay (/srv/app.js:10:5)\n    at /srv/node_modules/express/index.js:3:1"
    assert [(frame.file, frame.line, frame.in_library) for frame in frames(trace)] == [
        ("/srv/app.js", "10", False),
        ("/srv/node_modules/express/index.js", "3", True),
    ]


def test_a_trace_of_an_unknown_language_is_shown_as_it_was_sent() -> None:
    assert stack_html("goroutine 1 [running]:\nmain.main()").startswith("<pre")


def test_the_first_frame_of_the_application_is_open() -> None:
    assert stack_html(TRACE).count("<details open>") == 1


def test_an_event_without_a_trace_says_so() -> None:
    assert "without a stack trace" in stack_html("  \n")


def test_numbers_are_words_with_their_unit() -> None:
    assert (counted(1, "event"), counted(12_408, "event")) == ("1 event", "12,408 events")
