"""Metacontroller without a cluster: the inventory of files, and the requests that the hooks are called with."""

import pytest
import yaml

from aimlib.api import API_VERSION
from aimlib.hardware.products import CPU, known_products, products
from aimlib.naming import CHECKPOINT_LABEL, MODEL_LABEL, model_label
from aimlib.protocol.metacontroller import BadRequestError
from hooks.cli import files
from hooks.planning import simulate
from tests.hooks.cli.commandline import NODES, endpoint, recipe

MI300X = [str(NODES / "mi300x.yaml")]


def classes(inventory):
    return inventory["status"]["classes"]


def test_nodes_of_a_file_are_added_up_as_in_the_cluster():
    found = files.read_inventory([str(NODES / "mi300x.yaml"), str(NODES / "cpu.yaml")])
    [gpus] = [one for one in classes(found.inventory) if one["product"] != CPU]
    assert (gpus["product"], gpus["nodes"], gpus["total"]) == ("MI300X", 2, 16)
    assert found.notes == ()


def test_nodes_that_cannot_be_used_are_named():
    found = files.read_inventory([str(NODES / "unavailable.yaml")])
    assert found.notes
    assert all(note.startswith("node ") and " is left out: " in note for note in found.notes)


def test_a_node_with_its_own_conditions_is_held_to_them():
    node = next(yaml.safe_load_all((NODES / "mi300x.yaml").read_text()))
    node["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    assert simulate.simulate_node(node)["spec"]["reason"] == "not ready"


def test_amounts_may_be_written_as_numbers():
    node = {"kind": "Node", "metadata": {"name": "a"}, "status": {"allocatable": {"cpu": 8, "memory": "64Gi"}}}
    assert simulate.simulate_node(node)["spec"]["pools"][-1]["devices"] == 8


def test_a_dump_of_the_operators_objects_gives_the_same_inventory(tmp_path):
    found = files.read_inventory(MI300X).inventory
    nodes = [simulate.simulate_node(one.raw) for one in files.read_documents(MI300X)]
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump_all(nodes))
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(found))
    assert files.read_inventory([str(tmp_path / "nodes.yaml")]).inventory == found
    assert files.read_inventory([str(tmp_path / "inventory.yaml")]).inventory == found
    assert files.read_inventory([str(tmp_path)]).inventory == found


def test_the_ideal_cluster_has_every_product_with_its_usual_devices():
    found = classes(simulate.simulate_inventory(simulate.ideal_nodes()))
    assert {one["product"] for one in found} == {one.name for one in products()}
    by_name = {one.name: one for one in products()}
    for one in found:
        known = by_name[one["product"]]
        assert one["product"] == CPU or one["devicesPerNode"] == known.devices_per_node
        assert one.get("deviceId") in {None, *known.device_ids}
        assert known.vendor != "nvidia" or known_products().by_nvidia_product(one["nodeProduct"]) is known


def test_the_ideal_cluster_names_every_label_of_an_nvidia_product():
    labels = {one.get("nodeProduct") for one in classes(simulate.simulate_inventory(simulate.ideal_nodes()))}
    assert {"NVIDIA-A100-SXM4-80GB", "A100-SXM4-80GB", "NVIDIA-H100-80GB-HBM3", "Tesla-T4"} <= labels


def test_only_requested_recipes_reach_the_hook():
    parent = yaml.safe_load(endpoint({"name": "it", "namespace": "default"}, modelId="example/model"))
    others = [yaml.safe_load(recipe("a", modelId="other/model")), yaml.safe_load(recipe("b", modelId=7))]
    mine = yaml.safe_load(recipe("c"))
    cluster = simulate.SimulatedCluster(files.read_inventory(MI300X).inventory, [*others, mine])
    found = simulate.sync(parent, cluster, files.read_settings(None))
    assert [one["recipe"] for one in found["status"]["selection"]["candidates"]] == ["c"]


def test_a_named_recipe_is_found_whatever_its_model():
    spec = {"modelId": "example/model", "recipe": {"customRecipe": {"name": "a"}}}
    parent = yaml.safe_load(endpoint({"name": "it", "namespace": "default"}, **spec))
    recipes = [yaml.safe_load(recipe("a", modelId="x"))]
    cluster = simulate.SimulatedCluster(files.read_inventory(MI300X).inventory, recipes)
    found = simulate.sync(parent, cluster, files.read_settings(None))
    [candidate] = found["status"]["selection"]["candidates"]
    assert candidate["rule"] == "model"
    assert simulate.catalogue_names(parent) == ("example/model", "a")


def test_a_simulated_recipe_has_its_own_labels_too():
    raw = yaml.safe_load(recipe("a"))
    raw["metadata"]["labels"] = {"mine": "1"}
    found = simulate.simulate_recipe(raw)
    label = model_label("example/model")
    assert found["metadata"]["labels"] == {"mine": "1", MODEL_LABEL: label, CHECKPOINT_LABEL: label}
    assert found["status"]["phase"] == "Ready"


def test_an_endpoint_that_cannot_be_read_is_refused():
    parent = {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": {"name": "it"}, "spec": {}}
    with pytest.raises(BadRequestError, match="state which model to serve"):
        simulate.catalogue_names(parent)


SLICES = NODES.parent / "slices"


def gpus(*paths):
    found = files.read_inventory([str(SLICES / "mi300x.yaml"), *map(str, paths)])
    return found, {one.get("partition"): one for one in classes(found.inventory) if one["product"] == "MI300X"}


def test_devices_of_drivers_are_read_where_no_operator_is():
    found, kinds = gpus(SLICES / "classes.yaml")
    assert {name: one["total"] for name, one in kinds.items()} == {None: 2, "cpx_nps4": 8}
    assert found.notes == ()


def test_without_the_classes_those_of_the_drivers_charts_are_taken_and_told():
    found, kinds = gpus()
    assert {one["dynamic"]["deviceClass"] for one in kinds.values()} == {"gpu.amd.com"}
    assert "no DeviceClass is in the files" in found.notes[0]


def test_a_slice_of_another_version_is_refused_with_its_name(tmp_path):
    odd = {"apiVersion": "resource.k8s.io/v1beta1", "kind": "ResourceSlice", "metadata": {"name": "old"}}
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(odd))
    with pytest.raises(files.InvalidManifestError, match=r"old.yaml:1: .*must be ResourceSlice of resource"):
        files.read_inventory([str(tmp_path)])
