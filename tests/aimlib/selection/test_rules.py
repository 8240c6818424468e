"""Each rule objects to what it is about, says what was asked and what was found, and comes in its order."""

from functools import partial

import pytest

from aimlib.api.endpoint_parts import Resources
from aimlib.config import Config
from aimlib.selection.candidates import Case, Requirements, engine_image, format_gpus
from aimlib.selection.launch import launch
from aimlib.selection.node_rules import NO_GPUS
from aimlib.selection.rules import KNOWN_PRODUCT, RECIPE_RULE_NAMES, RULE_ORDER, SELECTION_RULES, apply_rules
from tests.aimlib.make import FACTS, MODEL, amd, configuration, inventory, node, nvidia, recipe

TEAM = {"key": "team", "value": "a", "effect": "NoSchedule"}


def case(spec=None, *nodes, config=None, name="r", derived_from="", **ask):
    spec = spec or recipe()
    one = spec.configurations[0]
    resources, downloads = Resources(**ask.pop("resources", {})), ask.pop("downloads", False)
    asked = Requirements(**{"model_id": MODEL, **ask})
    found = inventory(*nodes or (amd(),))
    cluster = (found.classes, found.left_out, resources, downloads)
    return Case(asked, config or Config(), name, spec, one, launch(spec, one), *cluster, derived_from=derived_from)


def verdict(*args, **ask):
    _, rule, rejection = apply_rules(case(*args, **ask))
    return (rule, rejection.requested, rejection.available) if rejection else ()


def later(*args, **ask):
    """The verdict, once a test asks for it."""
    return partial(verdict, *args, **ask)


def fits(*args, **ask):
    return verdict(*args, **ask) == ()


ARM = {"architecture": "arm64"}
SETTING = "toleratedTaints.amd of the settings, or the endpoint's tolerations, have what is tolerated"
TOLERATED = "nodes without taints that it does not tolerate"


def small(**allocatable):
    """A Node with MI300X and less of something else."""
    return amd(allocatable=allocatable)


H100 = {"hardware": "H100", "facts": {**FACTS, "weightsGiB": 20}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            later(recipe(hardware="MI999X")),
            ("valid", KNOWN_PRODUCT, "hardware 'MI999X', which is unknown; did you mean MI"),
        ),
        (
            later(recipe(configuration(1, args=["--swap-space=4"]))),
            ("valid", "arguments that vLLM 0.33.0 accepts", "arguments with errors: --swap-space is not a flag of"),
        ),
        (
            later(recipe(configuration(0))),
            ("valid", "gpuCount: 0 with hardware CPU only", "gpuCount: 0 on MI300X"),
        ),
        (
            later(recipe(configuration(2), hardware="cpu")),
            ("valid", "gpuCount: 0 with hardware CPU only", "gpuCount: 2 on CPU"),
        ),
        (later(model_id="microsoft/phi-4"), ("model", "model microsoft/phi-4", MODEL)),
        (later(recipe="mine"), ("recipe", "recipe mine", "r")),
        (later(backend="sglang"), ("backend", "engine sglang", "vllm")),
        (later(precision="fp8"), ("precision", "precision fp8", "bf16")),
        (
            later(recipe(checkpoint="amd/Qwen3-32B-FP8"), revision="v2"),
            ("revision", f"revision v2 of {MODEL}", "checkpoint amd/Qwen3-32B-FP8"),
        ),
        (later(gpu_count=2), ("gpuCount", "2 GPUs", "1 GPU")),
        (later(gpu_count=0), ("gpuCount", "CPUs only", "1 GPU")),
        (
            later(recipe(configuration(0), hardware="CPU")),
            ("gpuCount", "GPUs, since gpuCount is not 0", "CPUs only"),
        ),
        (
            later(recipe(configuration(1, enabled=False))),
            ("enabled", "an enabled configuration", "enabled: false"),
        ),
        (later(None, nvidia(), amd("74a5")), ("hardware", "MI300X", "H100, MI325X")),
        (later(None, node()), ("hardware", "MI300X", "no GPUs (a pool of nodes that is scaled to zero counts")),
        (
            later(None, amd(unschedulable=True)),
            ("hardware", "MI300X", "none that can be used: 8 on 1 node left out (cordoned)"),
        ),
        (
            later(None, amd(unschedulable=True), amd("74a5")),
            ("hardware", "MI300X", "MI325X: 8 on 1 node left out (cordoned)"),
        ),
        (
            later(None, node({}, {"amd.com/gpu": "8"})),
            (
                "hardware",
                "MI300X",
                "none that can be used: 8 amd.com/gpu on 1 node left out (no label amd.com/gpu.device-id says",
            ),
        ),
        (
            later(None, nvidia(unschedulable=True)),
            ("hardware", "MI300X", "no GPUs that can be used: 8 H100 on 1 node left out (cordoned)"),
        ),
        (
            later(recipe(configuration(0), hardware="CPU"), node(unschedulable=True), gpu_count=0),
            ("hardware", "CPU", "no node that can be used: 1 node left out (cordoned)"),
        ),
        (
            later(recipe(hardware="MI300X", backend="sglang"), amd(**ARM)),
            ("architecture", "MI300X on amd64, as its image is", "them on arm64"),
        ),
        (
            later(recipe(**H100), nvidia("NVIDIA-H100-80GB-HBM3-SHARED")),
            ("hardware", "H100 that are not time-sliced", "shared GPUs only"),
        ),
        (
            later(recipe(configuration(2), **H100), nvidia("NVIDIA-H100-80GB-HBM3-MIG-3g.40gb", 16, 40448)),
            ("hardware", "H100 that one replica can combine", "MIG devices only"),
        ),
        (
            later(recipe(backend="sglang", hardware="MI210", facts=None), amd("740f")),
            ("image", "an image of sglang for MI210", "none; set spec.image"),
        ),
        (
            later(recipe(configuration(1, env=[{"name": "HF_ENDPOINT", "value": "https://huggingface.co.example"}]))),
            (
                "tokenHub",
                "a hub that gets a token (https://huggingface.co, by tokenHubs of the settings)",
                "HF_ENDPOINT https://huggingface.co.example; HF_TOKEN '' in the recipe's env uses it without one",
            ),
        ),
        (
            later(recipe(precision="fp8", hardware="MI210"), amd("740f")),
            ("supported", "fp8 weights", "MI210, which supports bf16, fp16, int8, int4, fp4"),
        ),
        (
            later(recipe(facts={**FACTS, "architecture": "Qwen33ForCausalLM"}), derived_from="AIMModel m"),
            (
                "modelArchitecture",
                "a model architecture that vLLM 0.33.0 loads",
                "Qwen33ForCausalLM; the nearest that it loads is Qwen3ForCausalLM",
            ),
        ),
        (
            later(recipe(configuration(4), facts={**FACTS, "attentionHeads": 40, "keyValueHeads": 10})),
            ("tensorParallel", "tensor parallel 4", "10 key-value heads, neither a multiple nor a divisor of 4"),
        ),
        (
            later(recipe(facts={**FACTS, "weightsGiB": 200})),
            (
                "memory",
                "213.4 GiB per device (weights 200.0, KV cache 10.0, overhead 3.4) for 40960 tokens",
                "176.6 GiB usable of 192 GiB on MI300X",
            ),
        ),
        (later(recipe(configuration(8)), amd(count=4)), ("oneNode", "8 GPUs on one node", "at most 4")),
        (
            later(recipe(configuration(1)), amd(count=0), amd("74a1", 8, taints=[TEAM])),
            (
                "taints",
                TOLERATED,
                f"1 node tainted team=a:NoSchedule ({SETTING})",
            ),
        ),
        (
            later(None, amd(taints=[{"key": "amd.com/gpu", "effect": "NoExecute"}])),
            (
                "taints",
                TOLERATED,
                f"1 node tainted amd.com/gpu:NoExecute ({SETTING}; NoExecute only by the endpoint's)",
            ),
        ),
        (
            later(recipe(configuration(0, resources={"requests": {"cpu": "97"}}), hardware="CPU"), node(), gpu_count=0),
            ("oneNode", "97 CPUs and 32 GiB on one node", "at most 96 CPUs and 1024 GiB"),
        ),
        (
            later(None, small(cpu="64", memory="16Gi"), small(cpu="2", memory="256Gi"), small(cpu="1", memory="8Gi")),
            (
                "oneNode",
                "1 GPU with 4 CPUs and 32 GiB on one node",
                "at most 64 CPUs and 16 GiB or 2 CPUs and 256 GiB",
            ),
        ),
        (
            later(None, small(cpu="3920m", memory="30310Mi")),
            ("oneNode", "1 GPU with 4 CPUs and 32 GiB on one node", "at most 3.92 CPUs and 29.6 GiB"),
        ),
        (
            later(recipe(configuration(0), hardware="CPU"), node({}, {"memory": "40Gi"}), gpu_count=0),
            (
                "memory",
                "73.4 GiB per device (weights 61.0, KV cache 10.0, overhead 2.4) for 40960 tokens",
                "36.8 GiB usable of 40 GiB on CPU",
            ),
        ),
        (
            later(
                recipe(configuration(0), hardware="CPU"),
                node({}, {"memory": "16Gi"}),
                node({}, {"cpu": "2"}),
                gpu_count=0,
            ),
            ("oneNode", "4 CPUs and 32 GiB on one node", "at most 96 CPUs and 16 GiB or 2 CPUs and 1024 GiB"),
        ),
        (
            later(None, small(**{"ephemeral-storage": "40Gi"}), downloads=True),
            (
                "oneNode",
                "61 GiB of ephemeral storage on one node, where the model is downloaded",
                "at most 40 GiB; a cache (cache.enabled: true, or an AIMCache) is a volume",
            ),
        ),
        (
            later(
                recipe(configuration(1, resources={"requests": {"ephemeral-storage": "50Gi"}})),
                small(**{"ephemeral-storage": "40Gi"}),
            ),
            ("oneNode", "50 GiB of ephemeral storage on one node", "at most 40 GiB"),
        ),
        (
            later(None, small(cpu="16"), resources={"cpu": "20", "memory": "8Gi"}),
            ("oneNode", "1 GPU with 20 CPUs and 8 GiB on one node", "at most 16 CPUs and 1024 GiB"),
        ),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_a_rule_objects_with_what_was_asked_and_what_was_found(found, expected):
    rule, asked, what = found()
    assert (rule, asked) == expected[:2]
    assert what.startswith(expected[2])


@pytest.mark.parametrize(
    "accepted",
    [
        later(),
        later(recipe="r", backend="vllm", precision="bf16", gpu_count=1),
        later(revision="v2"),
        later(recipe(facts=None)),
        later(recipe(facts=None, checkpoint="amd/Qwen3-32B")),
        later(recipe(hardware="mi300x")),
        later(recipe(configuration(8))),
        later(None, small(**{"ephemeral-storage": "61Gi"}), downloads=True),
        later(recipe(facts=None), small(**{"ephemeral-storage": "1Gi"}), downloads=True),
        later(None, small(**{"ephemeral-storage": "40Gi"})),
        later(None, small(cpu="2"), resources={"cpu": "2"}),
        later(None, amd(**ARM), own_image=True),
        later(recipe(image={"repository": "a", "tag": "1"}), amd(**ARM)),
        later(recipe(**H100), nvidia(**ARM)),
        later(None, amd(), nvidia(), node()),
        later(None, amd(taints=[{"key": "amd.com/gpu", "effect": "NoSchedule"}])),
        later(None, amd(taints=[{**TEAM, "effect": "PreferNoSchedule"}])),
        later(recipe(**H100), nvidia("NVIDIA-H100-80GB-HBM3-MIG-3g.40gb", 16, 40448)),
        later(recipe(configuration(2), **H100), nvidia()),
        later(recipe(configuration(2), hardware="MI300X"), amd()),
        later(recipe(backend="sglang", hardware="MI210", facts=None), amd("740f"), own_image=True),
        later(
            recipe(backend="sglang", hardware="MI210", facts=None, image={"repository": "a", "tag": "1"}), amd("740f")
        ),
        later(recipe(configuration(0), hardware="CPU"), node(), gpu_count=0),
        later(recipe(configuration(0), hardware="CPU"), amd(), gpu_count=0),
        later(recipe(configuration(0, resources={"requests": {"cpu": "96"}}), hardware="CPU"), node(), gpu_count=0),
    ],
)
def test_this_fits(accepted):
    assert accepted() == ()


def test_partitions_of_amd_work_together():
    labels = {"amd.com/gpu.device-id": "74a1", "amd.com/gpu.compute-memory-partition": "cpx_nps4"}
    parts = node(labels, {"amd.com/gpu": "64"})
    assert fits(recipe(configuration(8), facts={**FACTS, "weightsGiB": 15}), parts)
    assert verdict(recipe(configuration(1)), parts)[0] == "memory"


CORDONED = amd(name="cordoned", unschedulable=True)
H100_CORDONED = nvidia(unschedulable=True)
CPUS = recipe(configuration(0), hardware="CPU")
PARTITION = {"amd.com/gpu.device-id": "74a1", "amd.com/gpu.compute-memory-partition": "cpx_nps4"}
MIG = nvidia("NVIDIA-H100-80GB-HBM3-MIG-3g.40gb", 16, 40448)


@pytest.mark.parametrize(
    ("rejected", "rule"),
    [
        (later(recipe(configuration(2), **H100), MIG, H100_CORDONED), "hardware"),
        (later(recipe(**H100), nvidia("NVIDIA-H100-80GB-HBM3-SHARED", 16), H100_CORDONED), "hardware"),
        (later(None, amd(**ARM), CORDONED), "architecture"),
        (later(None, node(PARTITION, {"amd.com/gpu": "64"}), CORDONED), "memory"),
        (later(CPUS, node({}, {"memory": "40Gi"}), node(unschedulable=True), gpu_count=0), "memory"),
        (later(recipe(configuration(8)), amd(count=4), CORDONED), "oneNode"),
        (later(None, small(cpu="2"), CORDONED), "oneNode"),
        (later(None, small(**{"ephemeral-storage": "40Gi"}), CORDONED, downloads=True), "oneNode"),
        (later(None, amd(taints=[TEAM]), CORDONED), "taints"),
    ],
)
def test_what_the_cluster_has_and_does_not_count_is_told_whatever_rule_rejects(rejected, rule):
    found, _, available = rejected()
    assert found == rule
    assert "1 node left out (cordoned)" in available


def test_whole_gpus_that_do_not_count_are_not_told_where_whole_ones_are_too_small():
    assert "left out" not in verdict(recipe(facts={**FACTS, "weightsGiB": 200}), amd(), CORDONED)[2]


def test_a_case_is_narrowed_to_the_classes_that_serve_it():
    without_room, tainted = small(memory="8Gi"), amd("74a1", 8, taints=[TEAM])
    walked, rule, rejection = apply_rules(case(None, amd(), without_room, tainted, nvidia(), amd("74a1", 0)))
    assert (rule, rejection) == ("", None)
    (one,) = walked.classes
    assert (one.product, one.memory_gib, one.taints) == ("MI300X", 192, ())
    assert [shape.memory_gib for shape in one.shapes] == [1024]


def test_devices_of_several_nodes_do_not_add_up_for_one_replica():
    assert verdict(recipe(configuration(8)), amd(count=4), amd(count=4))[0] == "oneNode"


def test_an_administrator_may_tolerate_a_taint():
    tolerant = Config(tolerated_taints={"amd": ("team",)})
    assert fits(None, amd(taints=[TEAM]), config=tolerant)
    assert verdict(None, amd(taints=[{"key": "amd.com/gpu", "effect": "NoSchedule"}]), config=tolerant)[0] == "taints"


@pytest.mark.parametrize(
    ("spec", "images", "expected"),
    [
        (recipe(image={"repository": "example.com/x", "tag": "2"}), {"vllm/gfx942": "y"}, "example.com/x:2"),
        (recipe(), {"vllm/gfx942": "example.com/y:1", "vllm/amd": "z"}, "example.com/y:1"),
        (recipe(), {"vllm/amd": "example.com/z:1", "sglang/amd": "z"}, "example.com/z:1"),
        (recipe(hardware="MI999X"), {"vllm/amd": "z"}, None),
        (recipe(backend="sglang", hardware="MI210"), {"sglang/gfx942": "z"}, None),
        (recipe(backend="sglang", hardware="MI210"), {"sglang/gfx90a": "example.com/old:1"}, "example.com/old:1"),
    ],
    ids=["the recipe's", "the architecture's", "the vendor's", "unknown product", "none", "the administrator's"],
)
def test_the_image_is_the_recipes_the_administrators_or_the_shipped_one(spec, images, expected):
    assert engine_image(case(spec, config=Config(images=images))) == expected


def test_the_shipped_image_is_for_the_engine_and_the_vendor():
    shipped = {hardware: engine_image(case(recipe(hardware=hardware))) for hardware in ("MI300X", "H100", "CPU")}
    assert "rocm" in shipped["MI300X"]
    assert "cpu" in shipped["CPU"]
    assert len(set(shipped.values())) == 3


def test_the_rules_have_names_of_their_own_and_the_ready_condition_counts():
    assert len(RULE_ORDER) == len(SELECTION_RULES)
    everything_wrong = recipe(configuration(2, enabled=False, args=["--nope"]), hardware="MI999X", precision="fp8")
    assert verdict(everything_wrong, node(), model_id="a/b", recipe="x")[0] == "valid"
    assert set(RECIPE_RULE_NAMES) <= set(RULE_ORDER)


def test_a_walk_may_be_confined_to_some_rules():
    _, rule, rejection = apply_rules(case(None, node(), model_id="a/b"), ("hardware",))
    assert (rule, rejection.requested, rejection.available) == ("hardware", "MI300X", NO_GPUS)


@pytest.mark.parametrize(("count", "words"), [(0, "CPUs only"), (1, "1 GPU"), (8, "8 GPUs")])
def test_a_number_of_gpus_in_words(count, words):
    assert format_gpus(count) == words


ELSEWHERE = {"name": "HF_ENDPOINT", "value": "http://mirror.example"}
FROM_CONFIG_MAP = {"name": "HF_ENDPOINT", "valueFrom": {"configMapKeyRef": {"name": "of-a-tenant", "key": "hub"}}}
FROM_SECRET = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "huggingface-token", "key": "token"}}}


@pytest.mark.parametrize(
    ("env", "fitting"),
    [
        ([{"name": "HF_ENDPOINT", "value": "https://huggingface.co"}], True),
        ([ELSEWHERE], False),
        ([FROM_CONFIG_MAP], False),
        ([ELSEWHERE, {"name": "HF_TOKEN", "value": ""}], True),
        ([ELSEWHERE, FROM_SECRET], False),
    ],
    ids=str,
)
def test_a_recipe_names_a_hub_that_gets_the_token_or_gives_the_token_up(env, fitting):
    assert fits(recipe(configuration(1, env=env))) is fitting


X9 = {"nvidia.com/gpu.product": "NVIDIA-X9", "nvidia.com/gpu.memory": "98304"}
ADA = {"nvidia.com/gpu.compute.major": "8", "nvidia.com/gpu.compute.minor": "9"}


def unlisted(**labels):
    """A Node with a GPU that is in no table."""
    return node(X9 | labels, {"nvidia.com/gpu": "8"})


def test_a_recipe_may_name_a_product_that_only_the_inventory_knows():
    own = recipe(hardware="nvidia-x9")
    assert fits(own, unlisted())
    assert verdict(own, amd())[:2] == ("valid", KNOWN_PRODUCT)
    assert verdict(recipe(hardware="NVIDIA-X9", precision="fp4"), unlisted()) == ()
    assert verdict(recipe(configuration(16), hardware="NVIDIA-X9"), unlisted())[0] == "oneNode"
    assert verdict(recipe(hardware="NVIDIA-X9", precision="int8"), unlisted(**ADA)) == ()
    assert "vllm-openai" in engine_image(case(own, unlisted()))


def test_memory_and_formats_of_an_unlisted_product_are_checked_as_far_as_its_labels_tell():
    small = unlisted(**{"nvidia.com/gpu.memory": "24576"})
    assert verdict(recipe(hardware="NVIDIA-X9"), small)[0] == "memory"
    turing = unlisted(**{"nvidia.com/gpu.compute.major": "7", "nvidia.com/gpu.compute.minor": "5"})
    assert verdict(recipe(hardware="NVIDIA-X9"), turing)[0] == "supported"


def test_a_recipe_may_name_a_product_of_the_settings():
    config = Config.model_validate({"hardware": [{"name": "X9", "vendor": "nvidia", "memoryGiB": 96}]})
    assert verdict(recipe(hardware="X9"), config=config)[:2] == ("hardware", "X9")


@pytest.mark.parametrize(
    ("hardware", "expected"),
    [
        (("MI300X",), ()),
        (("mi325x", "mi300x"), ()),
        (("MI325X", "H100"), ("product", "hardware MI325X or H100", "MI300X")),
        (("MI3000X",), ("product", "hardware 'MI3000X', which is unknown; did you mean MI300X?", "MI300X")),
        (("CPU",), ("product", "hardware CPU", "MI300X")),
        (
            ("MI3000X", "H1000", "AMD_Radeon_PRO_W7900\x1b[2J"),
            (
                "product",
                (
                    "hardware 'MI3000X', which is unknown; did you mean MI300X? or 'H1000', which is unknown or "
                    "AMD_Radeon_PRO_W7900[2J"
                ),
                "MI300X",
            ),
        ),
    ],
)
def test_requested_hardware_is_a_requirement(hardware, expected):
    assert verdict(hardware=hardware) == expected


def test_who_requests_processors_need_not_request_no_gpus():
    on_cpus = recipe(configuration(0), hardware="CPU", facts=None)
    assert fits(on_cpus, node(), hardware=("CPU",))
    assert verdict(on_cpus, node(), hardware=None)[0] == "gpuCount"


@pytest.mark.parametrize(
    ("derived_from", "architecture", "ask"),
    [
        ("", "Qwen33ForCausalLM", {}),
        ("AIMModel m", "Qwen3ForCausalLM", {}),
        ("AIMModel m", None, {}),
        ("AIMModel m", "Qwen33ForCausalLM", {"own_image": True}),
    ],
    ids=["a recipe's author may know better", "it is loaded", "nobody knows it", "in an image of the endpoint's own"],
)
def test_an_architecture_is_held_against_what_is_derived_alone(derived_from, architecture, ask):
    facts = {**FACTS, **({"architecture": architecture} if architecture else {})}
    assert fits(recipe(facts=facts), derived_from=derived_from, **ask)
