"""Names and labels are legal whatever they are made from, the same on every run, and different for different things."""

import re
import string
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aimlib.naming import TRACKS, child_name, label_value, model_label, short_digest, track_name, track_value

DNS_1035 = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

parts = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,70}[a-z0-9])?\Z")
endpoints = st.lists(parts, min_size=1, max_size=4).map(".".join).filter(lambda name: len(name) <= 253)
"""What the API server takes as the name of a custom object."""
models = st.text(f"{string.ascii_letters}{string.digits}._/-", min_size=1, max_size=256)
suffixes = st.sampled_from(["", "-cache", "-dashboard"])


@given(endpoints, suffixes)
def test_a_childs_name_is_a_dns_label(endpoint, suffix):
    name = child_name(endpoint, suffix)
    assert DNS_1035.fullmatch(name)
    assert name.endswith(suffix)


@given(endpoints, endpoints, suffixes)
def test_children_of_different_endpoints_have_different_names(one, other, suffix):
    assume(one != other)
    assert child_name(one, suffix) != child_name(other, suffix)


@given(st.text(max_size=300))
def test_a_label_is_legal_whatever_it_is_made_from(text):
    assert LABEL.fullmatch(label_value(text))


@given(models, models)
def test_different_models_have_different_labels(one, other):
    assume(one != other)
    assert model_label(one) != model_label(other)


@given(st.from_regex(r"\A[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z"))
def test_a_text_that_is_a_label_stays_as_it_is(text):
    assert label_value(text) == text


@pytest.mark.parametrize(
    ("endpoint", "suffix", "name"),
    [
        ("qwen", "", "qwen"),
        ("qwen", "-cache", "qwen-cache"),
        ("a" * 63, "", "a" * 63),
        ("a" * 57, "-cache", "a" * 57 + "-cache"),
        ("a" * 58, "-cache", "a" * 48 + "-f59bed3d-cache"),
        ("llama-3.1", "", "llama-3-1-e3475cf2"),
        ("llama-3.1", "-cache", "llama-3-1-e3475cf2-cache"),
        ("3-llamas", "", "aim-3-llamas-7d4c60ef"),
        ("a." * 126 + "a", "", "a-" * 26 + "a-a7807919"),
    ],
)
def test_a_name_is_kept_where_it_can_be(endpoint, suffix, name):
    assert child_name(endpoint, suffix) == name


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ("gpt2", "gpt2"),
        ("Qwen/Qwen3-32B", "Qwen_Qwen3-32B-054d8a5e"),
        ("Qwen_Qwen3-32B", "Qwen_Qwen3-32B"),
        ("///", "x-0f28cf8b"),
        ("", ""),
    ],
)
def test_a_model_is_found_by_this_label(model, label):
    """Labels are stored in clusters: a change here would lose recipes until they are labelled anew."""
    assert model_label(model) == label


@pytest.mark.parametrize("length", [63, 64, 100, 256])
def test_a_long_label_fills_what_a_label_may_have(length):
    model = f"a/{'b' * (length - 2)}"
    assert len(model_label(model)) == 63
    assert model_label(model)[:54] == f"a_{'b' * 52}"


def test_a_digest_sees_values_and_not_the_order_of_keys():
    assert short_digest({"a": 1, "b": 2}) == short_digest({"b": 2, "a": 1})
    assert short_digest({"a": 1}) != short_digest({"a": 2}) != short_digest({"a": "2"})
    assert short_digest("ab", "c") != short_digest("a", "bc")
    assert len(short_digest("x", length=12)) == 12


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_names_do_not_depend_on_the_hash_seed(seed):
    program = "from aimlib import naming; print(naming.child_name('a.b'), naming.short_digest({'x': [1], 'a': None}))"
    environment = {"PYTHONHASHSEED": seed}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == [child_name("a.b"), short_digest({"x": [1], "a": None})]


@given(endpoints)
def test_the_pods_of_two_tracks_have_valid_labels_that_no_endpoint_has(name):
    first, second = (track_value(name, track) for track in TRACKS)
    assert first == label_value(name)
    assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", second)
    assert second.endswith("_b")
    assert track_name(name, "a") == child_name(name)
    assert track_name(name, "b") != track_name(name, "a")
