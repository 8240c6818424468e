"""The bills of materials: complete against the locks, reproducible, and with licences that are allowed."""

import json
import re

import pytest
import sbom

LOCKED = re.compile(
    r"^([a-z0-9-]+)==([^ ]+)(?: ; (.*?))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


@pytest.fixture(scope="module")
def bills(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bills")
    assert sbom.main([str(folder)]) == 0
    return {image: (folder / f"{image}.cdx.json").read_text() for image in sbom.IMAGES}


@pytest.mark.slow
@pytest.mark.parametrize("image", sbom.IMAGES)
def test_a_bill_has_every_package_that_is_installed_with_its_version_hashes_and_licence(bills, image):
    made = json.loads(bills[image])
    found = {
        one["name"]: (one["version"], {each["content"] for each in one["externalReferences"][0]["hashes"]})
        for one in made["components"]
    }
    entries = LOCKED.findall((sbom.ROOT / sbom.IMAGES[image]).read_text())
    assert len(entries) > 40
    elsewhere = {name for name, _, marker, _ in entries if re.search(r"sys_platform == '(win32|emscripten)'", marker)}
    assert found == {
        name: (version, set(re.findall(r"[0-9a-f]{64}", hashes)))
        for name, version, _, hashes in entries
        if name not in elsewhere
    }
    assert all(one["licenses"][0]["expression"] for one in made["components"])
    assert made["metadata"]["component"]["name"] == "aim-engine-operator"


@pytest.mark.slow
def test_equal_locks_give_equal_bytes_that_name_no_machine(bills, tmp_path):
    assert sbom.main([str(tmp_path), "--image=aim-hooks"]) == 0
    assert [one.name for one in tmp_path.iterdir()] == ["aim-hooks.cdx.json"]
    assert (tmp_path / "aim-hooks.cdx.json").read_text() == bills["aim-hooks"]
    assert str(sbom.ROOT) not in bills["aim-hooks"]
    assert "timestamp" not in json.loads(bills["aim-hooks"])["metadata"]


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("MIT", None),
        ("GPL-3.0-only OR MIT", None),
        ("GPL-3.0-only AND MIT", "x: GPL-3.0-only AND MIT is not among "),
        ("Apache-2.0 AND (BSD-3-Clause OR GPL-2.0-only)", None),
        (None, "x: its metadata name no licence that is known; say in licenses.yaml which it is"),
    ],
)
def test_a_licence_is_allowed_or_named(licence, said):
    assert (sbom.objection("x", licence) or "").startswith(said or "")
    assert (sbom.objection("x", licence) is None) == (said is None)


def test_a_licence_is_what_is_stated_or_what_the_metadata_say():
    assert sbom.licence("cronsim") == "BSD-3-Clause"
    assert sbom.licence("flask") == "BSD-3-Clause"
    assert sbom.licence("requests") == "Apache-2.0"
    assert sbom.licence("sortedcontainers") is None, "its metadata say Apache 2.0, which is no identifier"
    assert sbom.licence("not-installed-anywhere") is None


def test_what_is_stated_is_needed_and_has_a_source():
    locked = {name for name, *_ in LOCKED.findall((sbom.ROOT / "requirements-download.lock").read_text())}
    stated = sbom._policy()["stated"]
    assert stated.keys() <= locked
    assert all(one.keys() == {"license", "source"} and one["source"] for one in stated.values())
    assert [one["license"] for one in stated.values() if sbom.objection("x", one["license"])] == []


def test_what_is_not_allowed_is_named_and_nothing_is_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sbom, "_policy", lambda: {"allowed": ["MIT"], "stated": {}})
    assert sbom.main([str(tmp_path), "--image=aim-hooks"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("requirements.lock:\n")
    assert "flask: BSD-3-Clause is not among MIT\n" in said
    assert "cronsim: its metadata name no licence that is known" in said
    assert [*tmp_path.iterdir()] == []


def test_what_is_no_lock_is_said(tmp_path):
    with pytest.raises(sbom.BillError, match=r"cyclonedx-py read no .*none\.lock"):
        sbom.bill(tmp_path / "none.lock")
