"""Flags are read out of a wheel's source alone, through imports, aliases and inheritance."""

import ast
import zipfile

import pytest
import sglang_flags
import vllm_flags
from annotations import hints
from wheel_source import UnreadableError, WheelSource

VLLM = {
    "vllm/config/__init__.py": "from vllm.config.model import ModelConfig, SpecConfig",
    "vllm/config/model.py": """
from typing import TYPE_CHECKING, Literal
from pydantic import Field
Kind = Literal["b", "a"]
Extended = Literal["auto", Kind]
if TYPE_CHECKING:
    from elsewhere import Methods
else:
    Methods = str
@config
class SpecConfig:
    depth: int = 1
@config
class ModelConfig:
    name: Methods | None = None
    kind: Extended = "auto"
    open_kind: Kind | str = "a"
    cache_dtype: Kind | str = "a"
    fast: bool | None = None
    share: float = Field(default=0.5, gt=0)
    max_model_len: int = Field(default=None)
    tokens: int = 2**4
    pair: tuple[int, int] = (1, 2)
    many: list[str] | None = None
    spec: SpecConfig = Field(default_factory=SpecConfig)
    token: bool | str | None = None
    extra: dict[str, str] = Field(default_factory=dict)
""",
    "vllm/engine/arg_utils.py": """
from vllm.config import ModelConfig
GONE = "b"
def _compute_kwargs(cls):
    human_readable_int_args = {"tokens"}
class EngineArgs:
    @staticmethod
    def add_cli_args(parser):
        kwargs = get_kwargs(ModelConfig)
        group = parser.add_argument_group(title="x")
        group.add_argument("--name", "-n", "--called", **kwargs["name"])
        kwargs["kind"]["choices"].remove(GONE)
        group.add_argument("--kind", **{**kwargs["kind"], "default": None})
        group.add_argument("--open-kind", **kwargs["open_kind"])
        group.add_argument("--cache-dtype", **kwargs["cache_dtype"])
        if not ("serve" in sys.argv):
            group.add_argument("--fast", **kwargs["fast"])
        group.add_argument("--share", **kwargs["share"])
        group.add_argument("--max-model-len", **kwargs["max_model_len"])
        group.add_argument("--tokens", **kwargs["tokens"])
        group.add_argument("--pair", **kwargs["pair"])
        group.add_argument("--many", **kwargs["many"])
        kwargs["spec"]["type"] = optional_type(json.loads)
        group.add_argument("--spec", **kwargs["spec"])
        group.add_argument("--token", **kwargs["token"])
        group.add_argument("--extra", **kwargs["extra"])
        parser.add_argument("--quiet", action="store_true", help="no text of this is kept")
class AsyncEngineArgs(EngineArgs):
    log: bool = True
    @staticmethod
    def add_cli_args(parser):
        parser.add_argument("--log", action=argparse.BooleanOptionalAction, default=AsyncEngineArgs.log)
""",
    "vllm/entrypoints/common/cli_args.py": """
from .defaults import *
class BaseFrontendArgs:
    origins: list[str] | None = None
    @classmethod
    def _customize_cli_kwargs(cls, frontend_kwargs):
        frontend_kwargs["origins"]["type"] = json.loads
        del frontend_kwargs["origins"]["nargs"]
        return frontend_kwargs
class FrontendArgs(BaseFrontendArgs):
    port: int = PORT
    @classmethod
    def _customize_cli_kwargs(cls, frontend_kwargs):
        frontend_kwargs = super()._customize_cli_kwargs(frontend_kwargs)
        return frontend_kwargs
def make_arg_parser(parser):
    parser.add_argument("model_tag", nargs="?")
    parser.add_argument("--headless", action="store_true", default=False)
""",
    "vllm/entrypoints/common/defaults.py": "PORT = 8000",
}

SGLANG = {
    "sglang/srt/choices.py": "KINDS = ['a', 'b']",
    "sglang/srt/arg_groups/fields/model.py": """
from sglang.srt.choices import KINDS
class Model(msgspec.Struct):
    path: A[str, Arg(help="x", aliases=["--model"])]
    kind: A[Optional[str], Arg(help="x", choices=KINDS + ["c"])] = None
    mode: A[Literal["x", "y"], "help"] = "x"
    trust: A[bool, "help"] = False
    fuse: A[Optional[bool], Arg(help="x", action=argparse.BooleanOptionalAction)] = None
    sizes: A[Optional[List[int]], "help"] = None
    length: A[Optional[int], Arg(type_parser=human_readable_int)] = None
    hidden: A[int, Arg(no_cli=True)] = 1
    unlisted: int = 1
""",
    "sglang/srt/server_args.py": """
class ServerArgs:
    @staticmethod
    def add_cli_args(parser):
        parser.add_argument("--reasoning-parser", type=str, choices=["auto"] + reasoning_parser_choices)
        parser.add_argument("--old", action=DeprecatedStoreTrueAction, new_flag="--new")
ServerArgs = msgspec.defstruct("ServerArgs", [])
""",
    "sglang/srt/parser/reasoning_parser_names.py": "REASONING_PARSER_NAMES = ['qwen3']",
}


def wheel(folder, files):
    path = folder / "package.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return WheelSource(path)


def test_vllm_declares_flags_through_its_configurations(tmp_path):
    assert vllm_flags.flags(wheel(tmp_path, VLLM)) == {
        "--origins": {"aliases": [], "type": "json"},
        "--port": {"aliases": [], "type": "int", "default": 8000},
        "--headless": {"aliases": [], "type": "bool", "style": "store_true", "default": False},
        "--name": {"aliases": ["-n", "--called"], "type": "str", "none": True},
        "--kind": {"aliases": [], "type": "str", "choices": ["a", "auto"]},
        "--open-kind": {"aliases": [], "type": "str", "default": "a"},
        "--cache-dtype": {"aliases": [], "type": "str", "choices": ["a", "b"], "default": "a"},
        "--fast": {"aliases": [], "type": "bool", "style": "optional"},
        "--share": {"aliases": [], "type": "float", "default": 0.5},
        "--max-model-len": {"aliases": [], "type": "size", "auto": True},
        "--tokens": {"aliases": [], "type": "size", "default": 16},
        "--pair": {"aliases": [], "type": "int", "nargs": 2},
        "--many": {"aliases": [], "type": "str", "nargs": "+", "none": True},
        "--spec": {"aliases": [], "type": "json"},
        "--token": {"aliases": [], "type": "str", "nargs": "?"},
        "--extra": {"aliases": [], "type": "json"},
        "--quiet": {"aliases": [], "type": "bool", "style": "store_true"},
        "--log": {"aliases": [], "type": "bool", "style": "optional", "default": True},
    }


def test_sglang_declares_flags_as_annotated_fields(tmp_path):
    assert sglang_flags.flags(wheel(tmp_path, SGLANG)) == {
        "--path": {"aliases": ["--model"], "type": "str"},
        "--kind": {"aliases": [], "type": "str", "choices": ["a", "b", "c"]},
        "--mode": {"aliases": [], "type": "str", "choices": ["x", "y"], "default": "x"},
        "--trust": {"aliases": [], "type": "bool", "style": "store_true", "default": False},
        "--fuse": {"aliases": [], "type": "bool", "style": "optional"},
        "--sizes": {"aliases": [], "type": "int", "nargs": "+"},
        "--length": {"aliases": [], "type": "size"},
        "--reasoning-parser": {"aliases": [], "type": "str", "choices": ["auto", "qwen3"]},
        "--old": {"aliases": [], "type": "bool", "style": "store_true"},
    }


@pytest.mark.parametrize("annotation", ["Nowhere", "print()", "Literal[f()]"])
def test_what_only_running_would_settle_is_an_error_not_a_guess(tmp_path, annotation):
    with pytest.raises(UnreadableError):
        hints(wheel(tmp_path, {"package/module.py": ""}), "package.module", ast.parse(annotation, mode="eval").body)
