"""The command line as a program: its names, its help, its completion, its imports, and how it ends."""

import subprocess
import sys

import pytest

from hooks.cli import main as cli
from hooks.cli.main import cli as program
from tests.docs.test_transcripts import LEAVES
from tests.hooks.cli.commandline import EXAMPLES, aim
from tests.kustomize import ROOT


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_produced(shell):
    done = aim("completion", shell)
    assert done.exit_code == 0
    assert "_AIM_COMPLETE" in done.stdout
    assert f"{shell}_complete" in done.stdout


@pytest.mark.parametrize(
    ("words", "found", "directive"),
    [
        ([""], "plan\tPrint what endpoints and caches in files would become, for kubectl apply.", 4),
        (["pl"], "plan\t", 4),
        (["plan", "-o", ""], "table", 4),
        (["plan", "--recipes", ""], "", 0),
        ([], "explain\t", 4),
        (["plan", "--na"], "--namespace\t", 4),
    ],
)
def test_kubectl_gets_completions(words, found, directive, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-aim", *words])
    cli.complete_for_kubectl()
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == f":{directive}"
    assert found in "\n".join(lines)


@pytest.mark.parametrize(("called", "shown"), [("/usr/bin/kubectl-aim", "kubectl aim"), ("/usr/bin/aim", "aim")])
def test_usage_names_the_program_as_it_was_called(called, shown, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [called, "plan", "--help"])
    monkeypatch.setattr(cli, "gc", type("Collector", (), {"disable": staticmethod(lambda: None)}))
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    assert f"Usage: {shown} plan [OPTIONS]" in capsys.readouterr().out


def test_the_version_is_shown_installed_or_not(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda _: "1.2.3")
    assert aim("--version").stdout == "aim 1.2.3\n"
    monkeypatch.undo()
    monkeypatch.setattr("importlib.metadata.distribution", _not_installed)
    assert aim("--version").stdout == "aim, not installed: run from its sources\n"


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - {"completion"}))
def test_the_help_of_a_command_has_its_exit_codes(name):
    assert "Exit codes: 0" in aim(*name.split(), "--help").stdout


def _not_installed(name):
    from importlib.metadata import PackageNotFoundError  # noqa: PLC0415

    raise PackageNotFoundError(name)


def test_every_option_has_a_help_text():
    for command in program.commands.values():
        assert command.help
        assert all(
            option.help for option in command.params if option.param_type_name == "option" and option.name != "output"
        )


NOT_NEEDED = ("flask", "kubernetes", "prometheus_client", "urllib3", "jsonpatch", "cryptography", "aimlib.api.gateway")
"""What takes a while to import, and neither a plan nor an explanation needs."""


@pytest.mark.parametrize("words", [["plan"], ["explain", "--hardware", "MI300X"]], ids=lambda words: words[0])
def test_what_is_computed_here_imports_no_server_and_no_client(words):
    script = (
        "import sys; sys.argv = ['aim', *sys.argv[1:]]\n"
        "from hooks.cli.main import main\n"
        "try: main()\n"
        f"finally: print(sorted({set(NOT_NEEDED)} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words, "-f", str(EXAMPLES / "endpoint-short.yaml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_closed_pipe_ends_quietly():
    command = f"{sys.executable} -m hooks.cli.main recipes -o yaml | head -n 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S602
    assert done.stdout == "---\n"
    assert done.stderr == ""


def test_it_runs_as_a_module_and_ends_with_its_exit_code():
    command = [sys.executable, "-m", "hooks.cli.main", "plan", "-f", "missing.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "Error: missing.yaml: No such file or directory\n"
