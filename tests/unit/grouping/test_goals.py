"""The goals on exceptions: made from templates, with neighbours that differ by a code, a version or an identifier."""

import json
from pathlib import Path

from atlas_core.grouping.normalized import parameterised
from benchmarks.exception_messages import labelled_messages
from benchmarks.measures import scores

SAMPLE = Path(__file__).parents[3] / "data" / "samples" / "exceptions_bench.json"


def test_exceptions_of_the_sample_are_grouped_without_a_wrong_merge():
    events = json.loads(SAMPLE.read_text())["events"]
    found = scores([parameterised(event["message"]) for event in events], [event["template"] for event in events])
    assert found.merged == 0
    assert found.accuracy >= 0.95


def test_exceptions_of_common_stacks_are_grouped_without_a_wrong_merge():
    messages, templates = labelled_messages(each=30, seed=11)
    found = scores([parameterised(message) for message in messages], templates)
    assert found.merged == 0
    assert found.accuracy >= 0.95


def test_scores_count_groups_and_pairs():
    found = scores(["a", "a", "b", "c", "c"], [1, 1, 2, 2, 3])
    assert (found.accuracy, found.f1, found.precision, found.merged) == (0.4, 2 / 6, 0.5, 1)
