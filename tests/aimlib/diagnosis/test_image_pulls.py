"""Why an image cannot be pulled: the words of runtimes and registries, from threads about them, and what is told."""

import pytest

from aimlib.diagnosis.image_pulls import pull_failure
from tests.files import TESTDATA, read

IMAGE = "docker.io/vllm/vllm-openai-rocm:v0.33.0"
PULL = f'rpc error: code = Unknown desc = failed to pull and unpack image "{IMAGE}": '
THREADS = read(TESTDATA / "image_pulls.yaml")


@pytest.mark.parametrize("thread", THREADS, ids=[thread["source"] for thread in THREADS])
def test_what_a_registry_tells_is_told_with_what_it_means(thread):
    assert pull_failure(thread["message"], IMAGE) == thread["told"]
    backed_off = f'Back-off pulling image "{IMAGE}": ErrImagePull: {thread["message"]}'
    assert pull_failure(backed_off, IMAGE) == thread["told"]


@pytest.mark.parametrize(
    "words",
    [
        'failed to extract layer sha256:{digest} to overlayfs as "extract-{one}-a sha256:{digest}": odd',
        "write /var/lib/containerd/tmpmounts/containerd-mount{one}/b: odd",
        "read tcp 10.1.1.1:4321{one}->1.2.3.4:443: odd",
    ],
)
def test_another_attempt_is_told_alike(words):
    """Which layer fails, from which port, and into which folder, differs."""
    assert len({pull_failure(PULL + words.format(one=one, digest=one * 64), IMAGE) for one in "12"}) == 1


def test_of_a_long_message_the_end_is_told():
    told = pull_failure(f"{'a ' * 400}the cause", "")
    assert told.endswith(" a the cause")
    assert len(told) == 300
