"""What the agent makes of its mounted files; whatever is in them, the last good ones stay, and no key is shown."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.gateway.table import ModelTable
from hooks.gateway_agent.inputs import (
    MAX_CLIENTS,
    InputError,
    LastGood,
    check_certificate,
    load_keys,
    load_table,
)
from hooks.jobs.certificates.issuing import issue_ca, issue_server
from tests.cluster import mounts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "table.json does not exist"),
        ("{", "the table is no JSON"),
        ("[" * 100_000, "the table is no JSON"),
        ("\ud800".encode("utf-8", "surrogatepass"), "the table is no JSON"),
        ('{"models": 1}', "models"),
        ('{"no-such-field": 1}', "no-such-field"),
        ("[]", "the table"),
    ],
)
def test_a_table_that_is_none_is_refused_with_a_reason(tmp_path, text, words):
    if text is not None:
        (tmp_path / "table.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=words):
        load_table(tmp_path)


def test_the_table_of_a_mount_is_read(tmp_path):
    mounts.write(tmp_path, {"table.json": json.dumps({"replicas": 3}).encode()})
    assert load_table(tmp_path) == ModelTable(replicas=3)


def test_each_file_is_a_client_and_each_line_a_key(tmp_path):
    files = {"red": b"one\n\n  two \n", "blue": b"", "green": b"has blanks\n\xff\xfe\nthree"}
    mounts.write(tmp_path, {**files, "gone": b"key"})
    mounts.write(tmp_path, files)
    found = load_keys(tmp_path)
    assert found.of == {"red": ("one", "two"), "blue": (), "green": ("three",)}
    assert found.ignored == 2


def test_a_name_that_can_be_no_client_is_left_out(tmp_path):
    (tmp_path / "red team").write_text("key")
    (tmp_path / "red").write_text("key")
    found = load_keys(tmp_path)
    assert (found.of, found.ignored) == ({"red": ("key",)}, 1)


@pytest.mark.parametrize("there", [True, False])
def test_no_client_at_all_is_a_secret_that_is_gone(tmp_path, there):
    with pytest.raises(InputError, match="there are no clients"):
        load_keys(tmp_path if there else tmp_path / "nothing")


def test_more_clients_than_metrics_can_have_are_refused(tmp_path):
    for at in range(MAX_CLIENTS + 1):
        (tmp_path / f"client-{at}").touch()
    with pytest.raises(InputError, match="1001 clients, and a gateway has at most 1000"):
        load_keys(tmp_path)


def test_a_certificate_needs_its_own_key(tmp_path):
    now = datetime.now(UTC)
    authority = issue_ca(now)
    one, other = (issue_server(authority, frozenset(["gateway"]), now) for _ in range(2))
    with pytest.raises(InputError, match=r"tls\.crt does not exist"):
        check_certificate(tmp_path)
    (tmp_path / "tls.crt").write_text(one.certificate.text)
    (tmp_path / "tls.key").write_text(other.key)
    with pytest.raises(InputError, match="cannot be used: KEY_VALUES_MISMATCH"):
        check_certificate(tmp_path)
    (tmp_path / "tls.key").write_text(one.key)
    assert check_certificate(tmp_path)


def test_the_last_good_one_stays_and_each_problem_is_logged_once(lines):
    answers = iter([1, InputError("bad"), InputError("bad"), OSError("worse"), 2, InputError("bad")])

    def load():
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    seen = LastGood("clients", load)
    values = []
    for _ in range(6):
        seen.read()
        values.append((seen.value, seen.problem))
    assert values == [(1, ""), (1, "bad"), (1, "bad"), (1, "worse"), (2, ""), (2, "bad")]
    assert [one["why"] for one in lines()] == ["bad", "worse", "bad"]


@given(st.dictionaries(st.from_regex(r"[-._a-zA-Z0-9]{1,20}", fullmatch=True), st.binary(max_size=60), min_size=1))
def test_whatever_a_secret_has_is_read(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("clients")
    for name, content in files.items():
        (folder / f"a{name}").write_bytes(content)
    found = load_keys(folder)
    assert found.of.keys() == {f"a{name}" for name in files}
