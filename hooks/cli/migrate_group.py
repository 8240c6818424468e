"""The command group `aim migrate`: what people have elsewhere as AIMEndpoints, and what became of each part."""

import shlex
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from hooks.cli.endpoint_group import NAMESPACE_OPTIONS, connect
from hooks.cli.errors import NOTHING_FITS_CODE
from hooks.cli.options import PATH, WholeNumber, invalid_input_ends, join_options, output_option

if TYPE_CHECKING:
    from aimlib.migration.draft import Answers, Translation

MIGRATE_EXIT_CODES = """Exit codes: 0; 1 when the cluster cannot be reached, or has none; 2 for what serves no model;
3 when anything was dropped, or needs you."""
RUNNERS = frozenset({"docker", "podman", "nerdctl"})
"""Programs with whose name a `docker run` begins."""
MIGRATION_HEAD = ("PART", "OUTCOME", "WHY")
ANSWER_OPTIONS = join_options(
    click.option("--model", metavar="ID", help="The id that clients request, where nothing states it."),
    click.option("--gpus", type=WholeNumber(0, 64), metavar="N", help="GPUs per replica, where nothing states it."),
    click.option("--name", metavar="NAME", help="Name of the AIMEndpoint."),
    output_option("yaml", "json", "table"),
)
NAMESPACE_OPTION = click.option("-n", "--namespace", metavar="NAME", help="Namespace of the AIMEndpoint.")
SYSTEMS = {
    "kserve": "InferenceService or LLMInferenceService of KServe",
    "kubeai": "Model of KubeAI",
    "kaito": "Workspace or InferenceSet of KAITO",
    "aimservice": "AIMService of AMD's AIM engine",
    "nim": "NIMService of the NIM operator",
    "vllmruntime": "VLLMRuntime of the vLLM production stack",
    "deployment": "Deployment, StatefulSet or LeaderWorkerSet of vLLM or SGLang, with what is beside it",
}
"""Other systems, and the objects of theirs that are read."""


@click.group(short_help="Translate what you have elsewhere to AIMEndpoints.")
def migrate() -> None:
    """Translate what you have elsewhere to AIMEndpoints, for `kubectl apply -f -`.

    On standard error is a table of what was kept, changed, dropped, and needs you. Values of secrets are never printed.
    """


def _print(translate: Callable[["Answers"], Iterable["Translation"]], options: dict[str, Any]) -> None:
    """Prints the objects and the table, and ends the program."""
    from aimlib.errors import InvalidInputError  # noqa: PLC0415 - when a command runs
    from aimlib.migration.draft import Answers  # noqa: PLC0415
    from aimlib.migration.forms import refusal_text  # noqa: PLC0415
    from hooks.cli.formats import json_text, one_or_list, yaml_document  # noqa: PLC0415
    from hooks.cli.printing import Table, print_table, print_text  # noqa: PLC0415
    from hooks.cli.terminal import WARNING  # noqa: PLC0415

    with invalid_input_ends():
        try:
            found = list(translate(Answers(**{key: options[key] for key in Answers._fields})))
        except InvalidInputError as error:
            raise InvalidInputError(refusal_text(error)) from error
    objects = [one for translation in found for one in translation.objects]
    if options["output"] == "json":
        print_text(json_text(one_or_list(objects)))
    elif options["output"] == "yaml":
        print_text("".join(map(yaml_document, objects)))
    parts = [part for translation in found for part in translation.parts]
    styles = [WARNING if part.outcome in {"dropped", "needs you"} else None for part in parts]
    print_table(Table(MIGRATION_HEAD, parts, styles=styles), err=options["output"] != "table")
    sys.exit(0 if all(one.complete for one in found) else NOTHING_FITS_CODE)


def _objects(path: str) -> list[Any]:
    """The documents of a file."""
    from aimlib.schema.manifests import parse_yaml  # noqa: PLC0415 - when a command runs
    from hooks.cli.files import read_sources  # noqa: PLC0415

    found = [raw for source, content in read_sources([path]) for raw, _ in parse_yaml(source, content)]
    return [one for raw in found if isinstance(raw, dict) for one in _unlisted(raw)]


def _unlisted(raw: dict[str, Any]) -> list[Any]:
    """An object, or those of a List, which is what kubectl prints of several."""
    items = raw.get("items") if str(raw.get("kind")).endswith("List") else None
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else [raw]


class TypedCommand(click.Command):
    """A command whose argument may be a `docker run` as it was typed: words of it are no options of this command."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Quotes what begins with the name of a program that runs containers."""
        parser = self.make_parser(context)
        parser.allow_interspersed_args = False
        stated, rest, _ = parser.parse_args([*args])
        if rest and stated.get("command") in RUNNERS:
            first = len(args) - len(rest) - 1
            args = [*args[:first], shlex.join(args[first:])]
        return super().parse_args(context, args)


@migrate.command("docker", cls=TypedCommand, short_help="A `docker run`.", epilog=MIGRATE_EXIT_CODES)
@click.argument("command", metavar="COMMAND|-")
@NAMESPACE_OPTION
@ANSWER_OPTIONS
def migrate_docker(command: str, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Translate a `docker run`.

    COMMAND is quoted as one argument, or as typed after the options of this command; - reads it from standard input,
    as of a systemd unit.
    """
    from aimlib.migration.docker import LONGEST_COMMAND, translate_docker  # noqa: PLC0415 - when the command runs

    text = sys.stdin.read(LONGEST_COMMAND + 1) if command == "-" else command
    _print(lambda answers: [translate_docker(text, answers)], options)


@migrate.command("compose", short_help="A compose file.", epilog=MIGRATE_EXIT_CODES)
@click.argument("file", type=PATH)
@NAMESPACE_OPTION
@ANSWER_OPTIONS
def migrate_compose(file: str, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Translate the services of a compose file that serve a model."""
    from aimlib.migration.docker import translate_compose  # noqa: PLC0415 - when the command runs

    _print(lambda answers: [one for raw in _objects(file) for one in translate_compose(raw, answers)], options)


@migrate.command("helm", short_help="Values of Helm charts.", epilog=MIGRATE_EXIT_CODES)
@click.option("-f", "--values", "paths", multiple=True, type=PATH, help="File with values; the last one wins.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A value, as for helm.")
@click.option("--set-string", "texts", multiple=True, metavar="KEY=VALUE", help="A value that is a text.")
@NAMESPACE_OPTION
@ANSWER_OPTIONS
def migrate_helm(paths: tuple[str, ...], settings: tuple[str, ...], texts: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Translate values of this project's earlier chart, of the vLLM production stack, or of llm-d's modelservice."""
    from aimlib.migration import fields, values  # noqa: PLC0415 - when the command runs

    def translate(answers: "Answers") -> list["Translation"]:
        merged: dict[str, Any] = {}
        for path in paths:
            for raw in _objects(path):
                merged = values.merge_values(merged, raw)
        merged = values.set_values(merged, settings)
        return fields.translate_values(values.set_values(merged, texts, as_text=True), answers)

    _print(translate, options)


def _migrate_objects(
    words: tuple[str, ...],
    *,
    system: str,
    cluster: bool,
    all_namespaces: bool,
    **options: Any,  # noqa: ANN401 - click's parameters
) -> None:
    from hooks.cli.foreign_objects import FoundObjects, read_foreign, translate_each  # noqa: PLC0415 - when the command runs

    if all_namespaces and not cluster:
        raise click.UsageError("--all-namespaces goes with --cluster")
    if not cluster and len(words) != 1:
        raise click.UsageError("name a FILE, or - (standard input); or take the objects of a cluster by --cluster")
    if cluster:
        live = connect(options)
        found = read_foreign(live, system, words, everywhere=all_namespaces)
    else:
        with invalid_input_ends():
            found = FoundObjects(_objects(words[0]))
    _print(lambda answers: translate_each(system, found, answers), options)


OBJECT_OPTIONS = join_options(
    click.argument("words", nargs=-1, type=PATH, metavar="[FILE|-|NAME...]"),
    click.option("--cluster", is_flag=True, help="Take the objects of the running cluster, those of NAME if stated."),
    click.option("-A", "--all-namespaces", is_flag=True, help="With --cluster: those of all namespaces."),
    NAMESPACE_OPTIONS,
    ANSWER_OPTIONS,
)
for _system, _what in SYSTEMS.items():
    migrate.command(
        _system,
        short_help=f"{_what}.",
        help=f"Translate each {_what}, of a file or of a cluster.",
        epilog=MIGRATE_EXIT_CODES,
    )(OBJECT_OPTIONS(partial(_migrate_objects, system=_system)))
