"""Objects in text: as kubectl reads them, with their lines."""

import pytest

from aimlib.schema.manifests import InvalidManifestError, documents

POD = b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


def read(content):
    return list(documents("here", content))


def test_several_documents_and_empty_ones():
    found = read(b"# a comment\n---\n" + POD + b"---\n---\n" + POD)
    assert [one.place() for one in found] == ["here:3", "here:8"]
    assert [(one.kind, one.name) for one in found] == [("Pod", "a")] * 2


def test_lists_are_taken_apart_each_item_with_its_line():
    found = read(b"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n")
    [one] = found
    assert one.place() == "here:4"
    assert one.place(("metadata", "name")) == "here:7"
    assert one.place(("metadata", "missing")) == "here:6"


def test_the_items_of_a_list_of_one_kind_need_not_say_it():
    [one] = read(b"apiVersion: v1\nkind: NodeList\nitems:\n- metadata: {name: a}\n")
    assert (one.raw["apiVersion"], one.kind) == ("v1", "Node")


def test_an_object_that_only_sounds_like_a_list_is_itself():
    [one] = read(POD.replace(b"Pod", b"AllowList"))
    assert one.kind == "AllowList"


def test_json_is_read_and_has_no_lines():
    [one] = read(
        b'{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}}]}'
    )
    assert (one.kind, one.place()) == ("A", "here")


def test_yaml_may_begin_like_json():
    [one] = read(b"{apiVersion: v1, kind: Pod, metadata: {name: a}}\n")
    assert one.place() == "here:1"


def test_dates_and_keys_are_text_as_the_api_server_has_them():
    [one] = read(POD + b"spec: {day: 2026-11-01, 8: eight, yes: it is, list: [on, 010]}\n")
    assert one.raw["spec"] == {"day": "2026-11-01", "8": "eight", "yes": "it is", "list": [True, 8]}


def test_keys_may_be_merged_again_and_again():
    [one] = read(POD + b"spec:\n  a: &a {x: 1, y: 1}\n  b: &b {<<: *a, y: 2}\n  c: {<<: *b, z: 3}\n  d: {<<: *b}\n")
    spec = one.raw["spec"]
    assert spec["c"] == {"x": 1, "y": 2, "z": 3}
    assert spec["d"] == spec["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("again", [b"kind: Pod\n", b"'kind': Pod\n", b"spec: {a: {x: 1, x: 2}}\n"])
def test_a_key_that_stands_twice_is_refused_with_its_line(again):
    with pytest.raises(InvalidManifestError, match=r"^here:4:\d+: duplicate key '(kind|x)'$"):
        read(POD + again)


def test_a_number_that_json_does_not_have_is_refused():
    with pytest.raises(InvalidManifestError):
        [*documents("a file", b'{"kind": "AIMEndpoint", "apiVersion": "x", "metadata": {"name": NaN}}')]


def test_a_text_has_a_bound(monkeypatch):
    monkeypatch.setattr("aimlib.schema.manifests.MAX_TEXT_BYTES", 2**20)
    with pytest.raises(InvalidManifestError, match="a file: more than 1 MiB"):
        [*documents("a file", b"a: " + b"b" * 2**20)]
