"""What prepares the folder for what an engine compiles, run as a container runs it, by the shells of this machine."""

import os
import shutil
import subprocess

import pytest

from aimlib.api.endpoint import EndpointSpec
from aimlib.selection.steps import decided_for
from hooks.endpoint.children.compile_cache import MOST_FOLDERS, SCRIPT, STARTS_FILE
from tests.cases import merged
from tests.playing import complete, made_by, play

KEY = "0123456789abcdef"
SHELLS = [shell for shell in ("sh", "bash", "busybox") if shutil.which(shell)]
FREE, FULL = "f 100 10 90 10% /", "f 100 90 10 90% /"


class Container:
    """A container that is started again and again: its pod's volumes stay, and what is in it does not."""

    def __init__(self, folder, shell):
        self.cache, self.link, self.starts = folder / "volume", folder / "tmp" / "compiled", folder / "starts"
        self.cache.mkdir()
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.shell = (shell, "sh") if shell == "busybox" else (shell,)
        self.name = f"{KEY}-{os.getuid()}-0"
        self.has(FREE)

    def has(self, *lines):
        """What df says of the volume, one line after the other."""
        told = self.programs / "told"
        told.write_text("".join(f"{line}\n" for line in lines))
        program = self.programs / "df"
        # The last line is what it says from then on.
        program.write_text(
            f'#!/bin/sh\necho header\nhead -n 1 {told}\n[ "$(wc -l <{told})" -eq 1 ] || sed -i 1d {told}\n'
        )
        program.chmod(0o755)

    def start(self, *command, name=KEY):
        """What the engine and what prepares for it have written."""
        shutil.rmtree(self.link.parent, ignore_errors=True)
        words = (str(self.cache), str(self.link), str(self.starts), name, str(MOST_FOLDERS))
        environment = {"PATH": f"{self.programs}:{os.environ['PATH']}"}
        return subprocess.run(
            [*self.shell, "-c", SCRIPT, "sh", *words, *(command or ("echo", "$HOME is literal", "a b"))],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )

    def in_another_pod(self):
        self.starts.unlink(missing_ok=True)
        return self

    def uses(self, name=KEY, at=0):
        return self.link.is_symlink() and self.link.resolve() == self.cache / f"{name}-{os.getuid()}-{at}"

    @property
    def folders(self):
        return {one.name.partition("-")[0] for one in self.cache.iterdir()}


@pytest.fixture(params=SHELLS)
def container(request, tmp_path):
    return Container(tmp_path, request.param)


def test_the_engine_starts_with_its_own_words_and_finds_the_volume(container):
    done = container.start()
    assert (done.stdout, done.stderr) == ("$HOME is literal a b\n", "")
    assert container.uses()


def test_the_engine_takes_the_place_of_what_prepares_for_it(container):
    done = container.start("sh", "-c", "exit 0")
    assert done.returncode == 0
    with pytest.raises(subprocess.CalledProcessError) as error:
        container.start("sh", "-c", "exit 7")
    assert error.value.returncode == 7


def test_another_pod_finds_what_was_compiled(container):
    container.start("sh", "-c", f"echo compiled >{container.link}/vllm")
    assert container.in_another_pod().start("cat", f"{container.link}/vllm").stdout == "compiled\n"


def test_a_container_that_ended_uses_another_folder_and_the_third_does_without(container):
    """What was read may be damaged, and no start may fail for ever by that."""
    container.start("sh", "-c", f"echo damaged >{container.link}/vllm")
    assert container.start("ls", container.link).stdout == ""
    assert container.uses(at=1)
    done = container.start()
    assert done.stderr == "the engine has ended with it twice\nthe compile cache is not used\n"
    assert not container.link.exists()
    container.in_another_pod().start()
    assert container.uses(at=1)


def test_who_runs_with_a_folder_keeps_it_when_another_container_ends(container):
    container.start("sh", "-c", f"echo compiled >{container.link}/vllm")
    container.start()
    assert (container.cache / container.name / "vllm").read_text() == "compiled\n"


def test_a_container_that_ended_without_the_volume_marks_nothing(container):
    container.has(FULL)
    container.start()
    container.has(FREE)
    container.start()
    assert container.uses()


def test_a_volume_without_room_is_not_used(container):
    container.has(FULL)
    done = container.start()
    assert done.stderr == "less than a quarter of it is free\nthe compile cache is not used\n"
    assert not container.link.exists()
    assert done.stdout


def test_a_volume_that_cannot_be_written_to_is_not_used(container):
    shutil.rmtree(container.cache)
    container.cache.write_text("no folder")
    done = container.start()
    assert done.stderr.endswith("the compile cache is not used\n")
    assert done.stdout


def test_a_folder_that_cannot_be_made_is_not_used(container):
    (container.cache / container.name).write_text("no folder")
    done = container.start()
    assert done.stderr.endswith("the compile cache is not used\n")
    assert not container.link.exists()


def older(container, *names):
    for age, name in enumerate(reversed(names), 1):
        folder = container.cache / f"{name}-{os.getuid()}-0"
        folder.mkdir()
        (folder / ".used").touch()
        os.utime(folder / ".used", (1000 - age, 1000 - age))


def test_the_folders_that_were_not_used_for_the_longest_go_where_there_are_too_many(container):
    older(container, "a1", "a2", "a3", "a4", "a5")
    (container.cache / "lost+found").mkdir()
    container.start()
    assert container.folders == {"a3", "a4", "a5", KEY, "lost+found"}


def test_they_go_where_room_is_short_until_there_is_some(container):
    older(container, "a1", "a2", "a3")
    container.has(FULL, FULL, FREE)
    container.start()
    assert container.folders == {"a3", KEY}
    assert container.uses()


def test_a_folder_that_is_used_again_is_the_newest(container):
    older(container, KEY, "a2", "a3", "a4")
    container.start()
    container.in_another_pod().start(name="ffff")
    assert container.folders == {"a3", "a4", KEY, "ffff"}


def test_where_nothing_tells_the_room_the_volume_is_used(container):
    container.has("f - - - - /")
    container.start()
    assert container.uses()


ENDPOINT = {"modelId": "Qwen/Qwen3-32B", "engine": {"compileCache": {}}}


def folder(recipe="qwen3-32b-mi300x-bf16", **changes):
    """The name of the folder that an endpoint with these changes has."""
    world = {"recipes": [recipe], "inventory": "mi300x", "endpoint": {"spec": merged(ENDPOINT, changes)}}
    answer = complete("endpoint", "/endpoint/sync", play("endpoint", "/endpoint/sync", world), world).answer
    [deployment] = [child for child in made_by(answer) if child["kind"] == "Deployment"]
    command = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
    return command[command.index(STARTS_FILE) + 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"image": {"tag": "v0.33.1"}},
        {"engine": {"args": ["--max-num-seqs=8"]}},
        {"engine": {"env": [{"name": "NCCL_DEBUG", "value": "INFO"}]}},
    ],
    ids=str,
)
def test_what_is_compiled_for_something_else_is_in_another_folder(changes):
    assert folder(**changes) != folder()


@pytest.mark.parametrize(
    "changes",
    [
        {"replicas": 2},
        {"service": {"port": 80}},
        {"labels": {"team": "a"}},
        {"engine": {"compileCache": {"size": "1Gi"}}},
    ],
    ids=str,
)
def test_what_does_not_matter_leaves_the_folder(changes):
    assert folder(**changes) == folder()


def test_the_engine_and_the_number_of_gpus_matter():
    other = "qwen3-32b-mi300x-bf16-sglang"
    assert len({folder(), folder(other), folder(other, gpuCount=8)}) == 3


def test_it_is_of_no_matter_to_what_is_selected():
    without = {"modelId": "Qwen/Qwen3-32B"}
    assert decided_for(EndpointSpec.model_validate(ENDPOINT)) == decided_for(EndpointSpec.model_validate(without))
