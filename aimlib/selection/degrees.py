"""Reads from the arguments how a replica is divided, and what of that the engine would refuse or wait for."""

from collections.abc import Iterator

from aimlib.api.model_facts import ModelFacts
from aimlib.engines.catalogue import Engine, ParsedArgs
from aimlib.selection.parallel import Parallel


def parallel_degrees(
    parsed: ParsedArgs, backend: Engine, facts: ModelFacts | None, devices: int, nodes: int
) -> Parallel:
    """The parallel degrees as stated; the tensor parallel degree is the remaining factor by default."""
    flags = backend.flags
    pipeline, data, context = (
        max((flag and parsed.value(flag, int)) or 1, 1)
        for flag in (flags.pipeline_parallel, flags.data_parallel, flags.prefill_context_parallel)
    )
    within = bool(flags.data_attention and parsed.value(flags.data_attention, bool))
    stated = parsed.value(flags.tensor_parallel, int)
    tensor = max(stated // (data if within else 1) if stated else devices // (pipeline * data * context), 1)
    by_itself = flags.data_attention is None and (facts is None or facts.experts is not None)
    shares = data * context > 1 and (within or by_itself)
    ranks = tensor * data * context if shares else tensor
    whole = parsed.value(flags.expert_parallel, bool)
    parts = ranks if whole else max(parsed.value(flags.expert_parallel, int) or 1, 1)
    return Parallel(tensor, pipeline, data, parts, shares, nodes, context)


def engine_tensor(parallel: Parallel, backend: Engine) -> int:
    """The tensor parallel degree as the engine counts it: with the groups that are within it."""
    within = parallel.shares_experts and backend.flags.data_attention is not None
    return parallel.expert_ranks if within else parallel.tensor


def degree_problems(parsed: ParsedArgs, backend: Engine, parallel: Parallel, gpus: int) -> Iterator[str]:
    """What is wrong with the arguments about degrees, nodes and processes, in messages; `gpus` of a replica."""
    if parallel.devices != max(gpus, 1):
        yield f"{parallel} make {parallel.devices} ranks for {gpus} GPU{'s' * (gpus != 1)}"
    yield from _decode_context(parsed, backend, parallel)
    yield from _processes(parsed, backend, parallel)
    if parallel.nodes > 1:
        yield from _several_nodes(parsed, backend, parallel)


def _decode_context(parsed: ParsedArgs, backend: Engine, parallel: Parallel) -> Iterator[str]:
    """Decoding divides the context among ranks that there are (vLLM, config/parallel.py)."""
    flag = backend.flags.decode_context_parallel
    stated = parsed.value(flag, int) if flag else None
    if stated is None or stated == 1:
        return
    tensor, context = parallel.tensor, parallel.context
    if context == 1 and (stated < 1 or tensor % stated):
        yield f"{flag} {stated} does not divide the tensor parallel degree of {tensor}"
    elif context > 1 and stated not in {context, tensor * context}:
        allowed = f"1, {context} or {tensor * context}"
        yield f"{flag} {stated} is not {allowed}, with {tensor} tensor and {context} prefill context parallel ranks"


def _processes(parsed: ParsedArgs, backend: Engine, parallel: Parallel) -> Iterator[str]:
    """A replica has all of its ranks, and one address at which all of them answer."""
    group = backend.flags.group
    for one in parsed.arguments:
        if one.flag in group.balanced_outside and one.value is not False:
            yield f"{one.name} leaves requests to a load balancer over the engine's ranks; a replica has one address"
    local = parsed.value(group.local_data, int) if group.local_data else None
    there = max(parallel.data // parallel.nodes, 1)
    if local is not None and local != there:
        where = f"each of {parallel.nodes} nodes" if parallel.nodes > 1 else "the node"
        yield f"{group.local_data} {local}, but {where} has {there} of {parallel.data} data parallel ranks"
    servers = parsed.value(group.servers, int) if group.servers else None
    if servers is not None and servers < 1:
        yield f"{group.servers} {servers} starts no API server"


def _several_nodes(parsed: ParsedArgs, backend: Engine, parallel: Parallel) -> Iterator[str]:
    """The engine's processes on several nodes start each other by nothing else, and have equal parts.

    Sources: vLLM, config/parallel.py and entrypoints/cli/serve.py; SGLang, server_args.py (check_server_args).
    """
    group, nodes, data = backend.flags.group, parallel.nodes, parallel.data
    for one in parsed.arguments:
        allowed = group.executors.get(one.flag)
        if allowed and one.value not in {None, *allowed}:
            yield f"{one.name} {one.text} with nodes: {nodes}, which takes {', '.join(allowed)} only"
    if group.servers and (parsed.value(group.servers, int) or 0) > 0:
        yield f"{group.servers} with nodes: {nodes}, whose workers have {group.worker}, which refuses it"
    attention = backend.flags.data_attention
    if attention and data > 1 and not parallel.shares_experts:
        yield f"{backend.flags.data_parallel} {data} with nodes: {nodes}, which needs {attention}"
    if not attention and data % nodes and nodes % data:
        yield f"{backend.flags.data_parallel} {data} with nodes: {nodes}; one is a multiple of the other"
