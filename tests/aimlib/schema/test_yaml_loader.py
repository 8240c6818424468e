"""YAML is read as kubectl reads it, and what would take the program down is refused with its line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.schema.manifests import InvalidManifestError, parse_yaml
from aimlib.schema.yaml_loader import MAX_DEPTH, yaml_values

SCALARS = [
    ("1:30", "1:30"),
    ("190:20:30", "190:20:30"),
    ("0o17", 15),
    ("017", 15),
    ("08", 8.0),
    ("1_000", 1000),
    ("-0x1f", -31),
    ("0b101", 5),
    ("1e3", 1000.0),
    ("1e999", "1e999"),
    ("9223372036854775808", 2**63),
    ("18446744073709551616", 2.0**64),
    ("9" * 70, float("9" * 70)),
    ("64Gi", "64Gi"),
    ("1.2.3", "1.2.3"),
    ("y", True),
    ("Off", False),
    ("yEs", "yEs"),
    ("2026-01-01", "2026-01-01"),
    ("=", "="),
    ("._5", "._5"),
    ("~", None),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_a_scalar_is_what_kubectl_reads(text, value):
    """Expected values are what sigs.k8s.io/yaml 1.6 answers; 20,000 others were compared once."""
    ((found, _),) = yaml_values(f"a: {text}\n".encode())
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


def anchors(count, first, written):
    """Lists or objects with an anchor each, of which each consists of the one before."""
    later = (f"b{level}: &a{level} {written(f'*a{level - 1}')}" for level in range(1, count))
    return "\n".join([f"b0: &a0 {first}", *later]).encode()


BOMB = anchors(25, "[x]", lambda before: f"[{before}, {before}]")
MERGES = anchors(10, "{x: 1}", lambda before: f"{{<<: [{', '.join([before] * 9)}]}}")
CHAIN = anchors(200, "[]", lambda before: f"[{before}]")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000, "made.yaml:1:101: it is nested more than 100 levels deep"),
        (b"a: " + b"{a: " * 100_000, "it is nested more than 100 levels deep"),
        (b"- " * 100_000, "it is nested more than 100 levels deep"),
        (b"? " * 100_000, "it is nested more than 100 levels deep"),
        (BOMB, r"made.yaml:\d+:\d+: its aliases stand for more than 1,000,000 values"),
        (MERGES, "its aliases stand for more than 1,000,000 values"),
        (CHAIN, "or 100 levels"),
        (b"a: &a\n  b: *a\n", "made.yaml:1:4: an alias makes it contain itself"),
        (b"a: .inf", "made.yaml:1:4: .inf is not a number in JSON"),
        (b"a: 1\na: 2", "made.yaml:2:1: duplicate key 'a'"),
        (b"a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        (b"a: \x00", "made.yaml"),
        (b"\xff\xfe\xff", "made.yaml"),
        (b"*a", "undefined alias"),
    ],
    ids=lambda value: None if isinstance(value, str) else value[:8].decode(errors="replace"),
)
def test_what_would_take_the_program_down_is_refused_with_its_line(content, message):
    with pytest.raises(InvalidManifestError, match=message):
        list(parse_yaml("made.yaml", content))


def test_a_depth_that_people_use_is_read():
    content = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert len(list(parse_yaml("made.yaml", content))) == 1


def test_aliases_that_people_use_are_read():
    ((found, _),) = yaml_values(b"a: &a {x: 1, y: [2]}\nb: *a\nc: {<<: *a, x: 3}\n")
    assert found == {"a": {"x": 1, "y": [2]}, "b": {"x": 1, "y": [2]}, "c": {"x": 3, "y": [2]}}


PIECES = [*"ab:-[]{}&*!<>|'\"\n #,?0.", "<<: *a", "&a ", "*a"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join).map(str.encode) | st.binary(max_size=30))
def test_any_text_is_read_or_refused(content):
    with suppress(InvalidManifestError):
        list(parse_yaml("made.yaml", content))
