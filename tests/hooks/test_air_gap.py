"""With imageRegistry, and models from a mirror, nothing that the hooks make names a host outside."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cases import Case, cases, merged, pod_template
from tests.playing import made_by, play

INSIDE = "registry.example.com"
SETTINGS = {"imageRegistry": f"{INSIDE}/aim"}
URL = re.compile(r"\b[a-z][a-z0-9+]*://([^/\s\"',:@]+)")
OURS = re.compile(r"^$|(^|\.)(example|example\.com|svc|svc\.cluster\.local|localhost)$")
"""Hosts inside, and those that the users of the cases name themselves."""


def pods(children: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the pods of children are made of."""
    yield from (template["spec"] for child in children if (template := pod_template(child)))


def images(children: list[dict[str, Any]]) -> set[str]:
    """The images of all containers."""
    specs = list(pods(children))
    found = (one for spec in specs for part in ("containers", "initContainers") for one in spec.get(part, ()))
    return {one["image"] for one in found}


def states_image(world: dict[str, Any]) -> bool:
    """Whether the user, or what an earlier decision pinned, names an image."""
    spec = (world.get("endpoint") or {}).get("spec") or {}
    return "image" in spec or "resolved" in str(world.get("written")) or "resolved" in str(world.get("endpoint"))


def chosen() -> list[Case]:
    """One case for every set of images."""
    found = {}
    for case in cases(hook="sync"):
        said = case.said
        answered = "children" in said or "attachments" in said
        used = frozenset(images(said.get("children") or said.get("attachments") or [])) if answered else frozenset()
        if used and not states_image(case.world):
            found.setdefault(used, case)
    return [*found.values()]


CHOSEN = chosen()


def test_there_are_cases_of_every_program():
    used = {image for case in CHOSEN for image in images(case.said.get("children") or case.said["attachments"])}
    programs = {image.rpartition(":")[0].rpartition("/")[2] for image in used}
    assert {
        "vllm-openai-rocm",
        "vllm-openai",
        "vllm-openai-cpu",
        "sglang",
        "aim-downloader",
        "aim-hooks",
        "envoy",
    } <= programs


@pytest.mark.parametrize("case", CHOSEN, ids=str)
def test_every_image_is_pulled_from_the_one_registry(case):
    world = merged(case.world, {"settings": SETTINGS})
    children = made_by(play(case.kind, case.hook, world).answer)
    found = images(children)
    assert found
    assert {image for image in found if not image.startswith(f"{INSIDE}/")} == set()
    assert {host for spec in pods(children) for host in URL.findall(str(spec)) if not OURS.search(host)} == set()
