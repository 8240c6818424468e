"""Any catalogue, any cluster and any wish, weighted so that about half of the wishes are fulfilled."""

from hypothesis import strategies as st

from tests.aimlib.make import FACTS, MODEL, amd, configuration, endpoint, listed, node, nvidia

TAINTS = [
    {"key": "team", "value": "a", "effect": "NoSchedule"},
    {"key": "amd.com/gpu", "effect": "NoSchedule"},
    {"key": "old", "effect": "PreferNoSchedule"},
]


def mostly(usual, *others):
    """The usual value in half of the cases."""
    return st.one_of(st.just(usual), st.sampled_from([usual, *others]))


figures = st.fixed_dictionaries(
    {"workload": st.sampled_from(["w", "x"]), "source": st.just("example.com")},
    optional={"tokensPerSecond": st.integers(1, 9), "latencyMs": st.integers(1, 9)},
)
ways = st.builds(
    lambda count, enabled, measurements, args: configuration(
        count, enabled=enabled, measurements=measurements, args=args
    ),
    st.sampled_from([1, 2, 4, 8]),
    mostly(True, True, False),
    st.lists(figures, max_size=2),
    mostly([], [], ["--max-model-len=8192"], ["--nope"], ["--gpu-memory-utilization=0.5"]),
)
several_ways = st.lists(ways, min_size=1, max_size=4, unique_by=lambda one: one["gpuCount"])
no_gpu = ways.map(lambda one: [{**one, "gpuCount": 0}])
weights = [{"facts": {**FACTS, "weightsGiB": gib}} for gib in (61, 1, 200, 900)]
hardware = mostly("MI300X", "MI300X", "MI325X", "MI210", "H100", "CPU")
recipes = hardware.flatmap(
    lambda product: st.builds(
        lambda name, ways, fields, facts: listed(name, *ways, **fields, **facts, hardware=product),
        st.sampled_from("abcdef"),
        no_gpu if product == "CPU" else several_ways,
        st.fixed_dictionaries(
            {
                "precision": mostly("bf16", "fp8", "int4"),
                "backend": mostly("vllm", "sglang"),
                "modelId": mostly(MODEL, MODEL, "a/b"),
            }
        ),
        mostly(*weights, {"facts": None}),
    )
)
catalogues = st.lists(recipes, min_size=1, max_size=6, unique_by=lambda one: one.name)
nodes = st.one_of(
    st.builds(amd, mostly("74a1", "74a5", "740f"), mostly(8, 1, 4)),
    st.builds(amd, taints=st.lists(st.sampled_from(TAINTS), max_size=2, unique_by=str)),
    st.builds(nvidia, mostly("NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-80GB-HBM3-SHARED")),
    st.builds(node),
    st.just(amd(unschedulable=True)),
    st.just(node({"amd.com/gpu.device-id": "74a1"}, {"amd.com/cpx_nps4": "64"})),
)
fleets = st.builds(
    lambda first, more: [*first, *more],
    mostly([amd()], [], [amd(taints=TAINTS[:1])], [amd(count=1)]),
    st.lists(nodes, max_size=4),
)
wishes = {
    "gpuCount": st.sampled_from([0, 1, 2, 3, 4, 8]),
    "precision": st.sampled_from(["auto", "bf16", "fp8", "fp4"]),
    "backend": st.sampled_from(["auto", "vllm", "sglang"]),
}
wish = st.just({}) | st.fixed_dictionaries({}, optional=wishes)
steps = st.just({"gpuCount": 1, "precision": "auto", "backend": "auto"}) | wish.filter(bool)
specs = st.builds(
    lambda asked, goal, fallback, custom: endpoint(
        **asked, recipe={"goal": goal, "fallback": fallback, "customRecipe": {"name": custom} if custom else None}
    ),
    st.just({}) | wish,
    mostly(None, "latency", "throughput", "cost"),
    st.lists(steps, max_size=2),
    mostly(None, None, None, None, "a"),
)
