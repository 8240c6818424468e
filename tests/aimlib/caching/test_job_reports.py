"""What Jobs report is read back as it was written; anything else is unreadable, and harms nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.cache import DUPLICATE_FILES
from aimlib.caching.job_reports import (
    CLEANUP_KEY,
    VOLUME_KEY,
    CleanupReport,
    ModelReport,
    RemovedModel,
    Reports,
    VolumeReport,
    model_key,
    patterns_key,
    read_reports,
    report_text,
)
from aimlib.naming import LABEL_LENGTH

MODEL = ModelReport(id="a/b", revision="v1", state="Ready", done=3, total=3, files=2, cached_at="2026-11-23T12:00:00Z")
VOLUMES = VolumeReport(total=10, used=3, available=7)
CLEANED = CleanupReport(
    ended="2026-11-23T02:00:00Z", removed=(RemovedModel(id="c/d", revision="main", bytes=1, why="old"),), message="x"
)


def test_what_is_written_is_read_back():
    data = {
        model_key("a/b", "v1"): report_text(MODEL),
        VOLUME_KEY: report_text(VOLUMES),
        CLEANUP_KEY: report_text(CLEANED),
    }
    assert read_reports(data) == Reports(models={model_key("a/b", "v1"): MODEL}, volume=VOLUMES, cleanup=CLEANED)


def test_equal_reports_are_written_as_equal_texts():
    assert report_text(VOLUMES) == '{"available": 7, "total": 10, "used": 3}'


def test_fields_of_a_newer_release_are_passed_over():
    later = json.dumps({**json.loads(report_text(VOLUMES)), "inodes": 5})
    assert read_reports({VOLUME_KEY: later}).volume == VOLUMES


KEY = model_key("a/b", None)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (KEY, ""),
        (KEY, "null"),
        (KEY, "[]"),
        (KEY, '{"id": "a/b"}'),
        (KEY, '{"id": "a/b", "state": "Somewhere"}'),
        (KEY, '{"id": "a/b", "state": "Ready", "done": NaN}'),
        (KEY, '{"id": "a/b", "state": "Ready", "message": "\\ud800"}'),
        (KEY, "[" * 100_000),
        (KEY, "1" * 10_000),
        (KEY, json.dumps({"id": "a/b", "state": "Ready", "later": "x" * (128 << 10)})),
        (KEY, None),
        (KEY, '{"id": "c/d", "state": "Ready"}'),
        (KEY, '{"id": "a/b", "revision": "v1", "state": "Ready"}'),
        (VOLUME_KEY, '{"total": 1, "used": 1}'),
        (VOLUME_KEY, '{"total": -1, "used": 1, "available": 1}'),
        (CLEANUP_KEY, '{"ended": "2026-11-31T00:00:00Z"}'),
        (
            CLEANUP_KEY,
            '{"ended": "2026-11-23T00:00:00Z", "removed": [{"id": "?", "revision": "", "bytes": 1, "why": ""}]}',
        ),
    ],
    ids=lambda text: str(text)[:40],
)
def test_what_is_no_report_is_unreadable_and_the_others_are_read(key, text):
    found = read_reports({key: text, model_key("a/b", "v1"): report_text(MODEL)})
    assert found == Reports(models={model_key("a/b", "v1"): MODEL}, unreadable=(key,))


@given(st.dictionaries(st.text(), st.none() | st.text()))
def test_any_data_can_be_read(data):
    found = read_reports(data)
    assert set(found.unreadable) <= set(data)


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,255}", fullmatch=True)


@given(one=st.tuples(names, names), other=st.tuples(names, names))
def test_every_model_at_every_revision_has_a_key_of_its_own_that_is_legal(one, other):
    assert (model_key(*one) == model_key(*other)) == (one == other)
    assert len(model_key(*one)) <= LABEL_LENGTH
    assert set(model_key(*one)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_a_choice_of_files_goes_by_what_it_chooses():
    usual = patterns_key((), None)
    assert usual == patterns_key((), DUPLICATE_FILES) == patterns_key(("",), tuple(reversed(DUPLICATE_FILES)))
    assert patterns_key((), ()) == patterns_key((), ("",)) != usual
    assert patterns_key(("*.json",), None) != patterns_key((), ("*.json",))


def test_of_too_many_reports_those_that_matter_are_read():
    texts = {model_key(f"a/{place}", None): report_text(MODEL) for place in range(400)}
    wanted = model_key("zz/listed", None)
    texts[wanted] = report_text(ModelReport(id="zz/listed", state="Ready"))
    found = read_reports({**texts, VOLUME_KEY: report_text(VOLUMES)}, [wanted])
    assert found.models[wanted].state == "Ready"
    assert found.volume == VOLUMES
    assert found.unread == 402 - 256
    assert len(found.unreadable) == 256 - 2


def test_the_first_removals_of_a_clean_up_are_read():
    removed = tuple(RemovedModel(id=f"a/{place}", revision="main", bytes=1, why="old") for place in range(300))
    data = {CLEANUP_KEY: report_text(CLEANED.model_copy(update={"removed": removed}))}
    assert read_reports(data).cleanup.removed == removed[:200]


def test_a_message_of_a_report_has_no_control_characters():
    assert ModelReport(id="a/b", state="Failed", message="a\x1b[31m\nb\x9b").message == "a[31m b"
