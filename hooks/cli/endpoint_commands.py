"""The commands that change endpoints of a cluster, and wait for them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aimlib.api import API_VERSION
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.naming import endpoint_name
from aimlib.schema.validation import validate_object
from aimlib.selection.candidates import format_gpus
from hooks.cli import clock
from hooks.cli.cluster import LiveCluster
from hooks.cli.commands import explain_in
from hooks.cli.conversation import Chat
from hooks.cli.download_rate import DownloadRate
from hooks.cli.endpoint_progress import (
    EndpointProgress,
    change_of,
    patched,
    read_progress,
    requested_spec,
    scaling_text,
)
from hooks.cli.errors import CLUSTER_ERROR_CODE, NOTHING_FITS_CODE, TIMEOUT_CODE, CommandError
from hooks.cli.formats import data_text
from hooks.cli.printing import print_note, print_text, printed_as_data
from hooks.cli.terminal import CHOSEN, DATA_OUTPUTS, WARNING, show_sentence
from hooks.planning.explanation import Explanation

LOOK_SECONDS = 2.0
"""Time between two looks at an endpoint that is waited for."""


class Manner(NamedTuple):
    """How a command changes an endpoint: whether it does, how long it waits for it, and what it prints of it."""

    output: str = "table"
    detach: bool = False
    timeout: int | None = None
    """Seconds; None waits as long as it takes."""
    dry_run: bool = False


def manner_of(options: Mapping[str, Any]) -> Manner:
    """By the options that these commands share."""
    return Manner(*(options[field] for field in Manner._fields))


def wait_and_print(cluster: LiveCluster, name: str, manner: Manner) -> int:
    """Waits for an endpoint, unless nobody wants to, and prints it to programs as it is then; returns the exit code."""
    code = 0 if manner.detach else wait_until_ready(cluster, name, manner.timeout)
    printed_as_data(manner.output, lambda: cluster.endpoint(name))
    return code


def wait_until_ready(cluster: LiveCluster, name: str, seconds: int | None) -> int:
    """Prints what an endpoint waits for, until it is ready or will not be; returns the exit code."""
    began = clock.seconds()
    shown: EndpointProgress | None = None
    rate = DownloadRate()
    while True:
        progress = read_progress(cluster.endpoint(name))
        passed = clock.seconds() - began
        if progress != shown:
            style = {None: None, 0: CHOSEN}.get(progress.code, WARNING)
            line = f"{int(passed // 60):02}:{int(passed % 60):02} {progress.phase}: {progress.message}".rstrip(": ")
            show_sentence(line + rate.text(progress.message, passed), err=True, style=style)
            shown = progress
        if progress.code is not None:
            _print_advice(name, progress)
            return progress.code
        if seconds is not None and passed >= seconds:
            _print_advice(name, progress)
            print_note(f"{name} is not ready after {seconds} seconds; it goes on, and `aim wait {name}` waits again")
            return TIMEOUT_CODE
        clock.pause(LOOK_SECONDS)


def _print_advice(name: str, progress: EndpointProgress) -> None:
    """Prints what to do about an endpoint that is not as requested, and what shows more."""
    remedy, command = progress.advice(name)
    for label, text in (("to do", remedy), ("look at", command)):
        if text:
            print_note(f"{label}: {text}")


def run_model(cluster: LiveCluster, model: str, options: Mapping[str, Any]) -> int:
    """Creates an endpoint for a model, waits for it, and opens a chat; what cannot fit is not created."""
    name = options["name"] or endpoint_name(model)
    endpoint = _new_endpoint(name, cluster.namespace, requested_spec(model, options))
    existing = next((one for one in cluster.endpoints() if one["metadata"]["name"] == name), None)
    if existing:
        _check_same(existing, endpoint)
    explained = _explain(cluster, existing or endpoint)
    if explained and not explained.fits and explained.any_considered:
        return NOTHING_FITS_CODE
    manner = manner_of(options)
    if manner.dry_run:
        print_text(data_text(_request(name, endpoint["spec"]), manner.output))
        return 0
    if existing:
        print_note(f"AIMEndpoint {name} is there already")
    else:
        cluster.create_endpoint(_request(name, requested_spec(model, options)))
        waits = f"`aim wait {name}` waits for it, and " if manner.detach else ""
        print_note(f"AIMEndpoint {name} created; {waits}`aim stop {name}` frees its GPUs")
    code = wait_and_print(cluster, name, manner)
    if code == 0 and not (manner.detach or manner.output in DATA_OUTPUTS):
        Chat(cluster, name).converse()
    return code


def switch_endpoint(cluster: LiveCluster, name: str, model: str | None, options: Mapping[str, Any]) -> int:
    """Makes an endpoint serve another model, or the same otherwise; what cannot fit is not applied."""
    endpoint = cluster.endpoint(name)
    change = change_of(endpoint, requested_spec(model, options))
    changed = patched(endpoint, change)
    _check_valid(changed)
    explained = _explain(cluster, changed)
    if explained and not explained.fits and explained.any_considered:
        return NOTHING_FITS_CODE
    _note_meaning(endpoint, explained)
    return _apply(cluster, endpoint, change, manner_of(options))


def scale_endpoint(cluster: LiveCluster, name: str, replicas: int, manner: Manner) -> int:
    """Changes the number of replicas, 0 to stop; where 0 is the autoscaler's, stops by spec.suspend."""
    endpoint = cluster.endpoint(name)
    show_sentence(scaling_text(endpoint, replicas))
    spec = endpoint["spec"]
    by_suspend = replicas == 0 and (spec.get("scaling") or {}).get("minReplicas") == 0
    change: Raw = {"suspend": True} if by_suspend else {"replicas": replicas}
    if replicas and spec.get("suspend"):
        change["suspend"] = False
    return _apply(cluster, endpoint, {"spec": change}, manner)


def start_endpoint(cluster: LiveCluster, name: str, manner: Manner) -> int:
    """Starts an endpoint that is stopped, with as many replicas as its autoscaler has at least."""
    endpoint = cluster.endpoint(name)
    spec = endpoint["spec"]
    replicas = spec.get("replicas", 1)
    if replicas and not spec.get("suspend"):
        print_note(f"{name} is not stopped: it has {replicas} replica{'s' * (replicas > 1)}")
        printed_as_data(manner.output, lambda: endpoint)
        return 0
    least = replicas or max((spec.get("scaling") or {}).get("minReplicas", 1), 1)
    return scale_endpoint(cluster, name, least, manner)


def _apply(cluster: LiveCluster, endpoint: Raw, change: Raw, manner: Manner) -> int:
    """Changes an endpoint and waits for it; in a dry run programs get it as it would be."""
    name = endpoint["metadata"]["name"]
    if manner.dry_run:
        print_note("nothing was changed (--dry-run)")
        printed_as_data(manner.output, lambda: patched(endpoint, change))
        return 0
    cluster.patch_endpoint(name, change)
    return wait_and_print(cluster, name, manner)


def _request(name: str, spec: Raw) -> Raw:
    return {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": {"name": name}, "spec": spec}


def _new_endpoint(name: str, namespace: str, spec: Raw) -> Raw:
    """The endpoint as the API server would store it."""
    request = _request(name, spec)
    _check_valid(request)
    return {**request, "metadata": {"name": name, "namespace": namespace, "generation": 1}}


def _check_valid(endpoint: Raw) -> None:
    bare = {**endpoint, "metadata": {"name": endpoint["metadata"]["name"]}}
    bare.pop("status", None)
    if findings := validate_object(bare, "AIMEndpoint")[1]:
        raise CommandError("\n".join(map(str, findings)))


def _check_same(existing: Raw, requested: Raw) -> None:
    """Refuses a request for what is not what an endpoint of that name requests."""
    changed = patched(existing, change_of(existing, requested["spec"]))
    if EndpointSpec.model_validate(changed["spec"]) != EndpointSpec.model_validate(existing["spec"]):
        name = existing["metadata"]["name"]
        raise CommandError(
            f"AIMEndpoint {name} is there and requests something else: choose another --name, or `aim switch {name}`"
        )


def _explain(cluster: LiveCluster, endpoint: Raw) -> Explanation | None:
    """What the cluster would select, printed; None where the user may not read what that takes."""
    try:
        explained = explain_in(cluster, endpoint)
    except CommandError as error:
        if error.exit_code != CLUSTER_ERROR_CODE:
            raise
        print_note(f"what will be selected is not known here: {error}")
        return None
    show_sentence(explained.message, style=CHOSEN if explained.fits else WARNING)
    return explained


def _note_meaning(endpoint: Raw, explained: Explanation | None) -> None:
    """Prints what a change of the configuration means for requests."""
    before = (endpoint.get("status") or {}).get("resolved")
    after = explained.status.resolved.wire() if explained and explained.status.resolved else None
    if not before or not after:
        return
    what = ("modelId", "recipe", "gpuCount", "args", "image")
    name = endpoint["metadata"]["name"]
    if all(before.get(key) == after.get(key) for key in what):
        show_sentence(f"{name} keeps {before['recipe']}")
        return
    was, will = (f"{one['recipe']} with {format_gpus(one['gpuCount'])}" for one in (before, after))
    replicas = endpoint["spec"].get("replicas", 1)
    if replicas and ((endpoint["spec"].get("deployment") or {}).get("canary") or {}).get("enabled"):
        meaning = f"it is tried as a canary first, which `aim canary {name}` shows"
    elif replicas > 1:
        meaning = "its replicas are replaced"
    else:
        meaning = "its replicas are replaced; it does not serve until the new replica is ready"
    show_sentence(f"{name}: {will} instead of {was}; {meaning}")
