"""The data files: the quick way in which they are read has the values that YAML gives them."""

from pathlib import Path

import pytest
import yaml

import aimlib.data

FOLDER = Path(aimlib.data.__file__).parent
NAMES = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_what_yaml_makes_of_it(name):
    expected = yaml.safe_load((FOLDER / f"{name}.yaml").read_bytes())
    assert aimlib.data.load_data(name) == expected
    assert "<<" not in repr(expected), "merge keys are not resolved"


def test_every_kind_of_value():
    text = "{text: a, number: 1, part: 0.5, yes: true, nothing: null, list: [1, b], quoted: '1'}"
    expected = {"text": "a", "number": 1, "part": 0.5, True: True, "nothing": None, "list": [1, "b"], "quoted": "1"}
    assert aimlib.data._parsed(text) == expected
