"""When an endpoint has the files of its model read, and from which hub."""

import pytest

from aimlib.api.endpoint import EndpointSpec
from aimlib.config import Config
from hooks.endpoint.inspection import may_inspect
from hooks.endpoint.world import INVENTORY
from tests.aimlib.make import SMALL_FACTS as FACTS
from tests.playing import again, play

WORLD = {"endpoint": {"spec": {"modelId": "acme/mine-8b"}}, "inventory": "mi300x"}
FOUND = {
    "id": "acme/mine-8b",
    "state": "Found",
    "commit": "3f1c2ab45de67890123456789012345678901234",
    "foundAt": "2026-11-23T11:58:00Z",
    "facts": FACTS,
}
SERVED = {"earlier": {"inspected": [FOUND]}}
LOST = {"resolved": None, "inspection": None, "selection": None}


def children(said):
    return {f"{child['kind']}/{child['metadata']['name']}": child for child in said["children"]}


def synced(**world):
    return play("endpoint", "/endpoint/sync", {**WORLD, **world}).answer.said


def job(said):
    [found] = [child for child in said["children"] if child["kind"] == "Job"]
    return found["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("recipe", "derive", "may"),
    [
        ({}, "Always", True),
        ({}, "RegisteredOnly", False),
        ({}, "Never", False),
        ({"validatedOnly": True}, "Always", False),
        ({"customRecipe": {"name": "mine"}}, "Always", False),
    ],
)
def test_what_bounds_it(recipe, derive, may):
    spec = EndpointSpec.model_validate({"modelId": "acme/mine-8b", "recipe": recipe})
    assert may_inspect(spec, Config(derive=derive)) is may


def test_it_waits_until_the_gpus_are_known():
    said = synced(inventory=None)
    assert said["status"]["conditions"][0]["reason"] == "InventoryNotReady"
    assert said["children"] == []


def test_one_that_has_begun_stays_while_the_inventory_is_lost():
    first = play("endpoint", "/endpoint/sync", WORLD)
    lost = {**first.request, "related": {**first.request["related"], INVENTORY: {}}}
    after = again("endpoint", "/endpoint/sync", first._replace(request=lost), WORLD)
    assert after.answer.said["status"]["conditions"][0]["reason"] == "InventoryNotReady"
    assert children(after.answer.said).keys() >= children(first.answer.said).keys()


def test_what_runs_by_what_was_found_has_its_reports_and_no_job():
    said = synced(**SERVED)
    assert {"Deployment/chat", "ConfigMap/chat-inspection"} <= children(said).keys()
    assert said["status"]["inspection"]["commit"] == FOUND["commit"]


@pytest.mark.parametrize("updates", ["Pinned", "Auto"])
def test_reports_that_are_lost_or_changed_move_nothing_that_runs(updates):
    spec = {"modelId": "acme/mine-8b", "recipe": {"updatePolicy": updates}}
    before = synced(endpoint={"spec": spec}, **SERVED)
    for data in ([], [{**FOUND, "commit": "f" * 40, "facts": {**FACTS, "weightsGiB": 600.0}}]):
        said = synced(endpoint={"spec": spec}, **SERVED, inspected=data)
        assert said["status"]["resolved"] == before["status"]["resolved"]
        assert said["status"]["inspection"] == before["status"]["inspection"]


def test_a_lost_status_is_found_again_in_the_reports():
    said = synced(**SERVED, inspected=[FOUND], written=LOST)
    assert said["status"]["resolved"]["derivedFrom"].startswith("the files of acme/mine-8b at 3f1c2ab45de6")
    assert "Deployment/chat" in children(said)


def test_what_runs_after_its_status_was_lost_is_not_replaced_by_what_is_derived():
    ran = {"recipes": ["qwen3-32b-mi300x-bf16"], "endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B"}}}
    lost = {"endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B"}}, "earlier": ran, "written": LOST}
    said = synced(**lost)
    assert "inspection" not in said["status"]
    assert "Deployment/chat" in children(said)


def test_a_setting_that_forbids_it_takes_the_job_away_and_nothing_else():
    first = play("endpoint", "/endpoint/sync", WORLD)
    assert any(child["kind"] == "Job" for child in first.answer.said["children"])
    after = again("endpoint", "/endpoint/sync", first, {**WORLD, "settings": {"derive": "RegisteredOnly"}})
    assert after.answer.said["children"] == []
    assert "inspection" not in after.answer.said["status"]


def test_the_hub_is_that_of_the_named_cache_else_of_the_first_that_lists_the_model():
    def cache(host, *models):
        return {"spec": {"models": [{"id": one} for one in models], "hub": {"endpoint": f"https://{host}.example.com"}}}

    caches = {
        "broken": {"spec": {"models": [{"id": 5}]}},
        "others": cache("others", "acme/other"),
        "these": cache("these", "acme/mine-8b"),
    }
    assert {"name": "HF_ENDPOINT", "value": "https://these.example.com"} in job(synced(caches=caches))["env"]
    named = {"spec": {"modelId": "acme/mine-8b", "cache": {"name": "others"}}}
    said = synced(endpoint=named, caches=caches)
    assert {"name": "HF_ENDPOINT", "value": "https://others.example.com"} in job(said)["env"]


def test_the_pods_are_no_part_of_the_endpoints_service():
    said = synced()
    [labels] = [child["spec"]["template"]["metadata"]["labels"] for child in said["children"] if child["kind"] == "Job"]
    assert not any("aim.engine.amd.com" in label for label in labels)


@pytest.mark.parametrize("named", [{}, {"cache": {"name": "own"}}], ids=["any cache", "by name"])
@pytest.mark.parametrize("source", ["s3://models/mine", "hf://acme/mine-8b-v2@main", "pvc://team-models/mine"])
def test_a_model_that_the_cache_has_from_elsewhere_is_read_there(named, source):
    caches = {"own": {"spec": {"models": [{"id": "acme/mine-8b", "source": source}], "size": "20Gi"}}}
    said = synced(endpoint={"spec": {"modelId": "acme/mine-8b", **named}}, caches=caches)
    assert job(said)["args"][:2] == [source, "--as=acme/mine-8b"]
    assert said["status"]["conditions"][0]["reason"] == "ModelInspecting"
    assert source in said["status"]["message"]


@pytest.mark.parametrize(
    ("model", "keys"),
    [
        ({"source": "s3://models/mine", "access": {"secret": "keys"}}, {"keys"}),
        ({"source": "oci://r.example/mine:v1", "access": {"secret": "login"}}, {"login"}),
        ({"source": "hf://acme/mine-8b-v2", "tokenSecret": {"name": "mine"}}, {"mine"}),
        ({"source": "s3://models/mine"}, set()),
    ],
)
def test_a_source_that_the_endpoint_states_is_read_with_its_keys_and_no_others(model, keys):
    found = job(synced(endpoint={"spec": {"model": {"id": "acme/mine-8b", **model}}}))
    assert found["args"][0] == model["source"]
    references = (one.get("valueFrom", {}).get("secretKeyRef", {}) for one in found["env"])
    assert {one["name"] for one in references if one} == keys


@pytest.mark.parametrize(
    "hub", [{"offline": True}, {"endpoint": "https://hub.example.com", "tokenSecret": {"name": "x"}}]
)
def test_a_hub_that_is_offline_or_gets_no_token_keeps_nothing_from_a_bucket(hub):
    spec = {"models": [{"id": "acme/mine-8b", "source": "s3://models/mine"}], "size": "20Gi", "hub": hub}
    said = synced(caches={"own": {"spec": spec}})
    assert job(said)["args"][0] == "s3://models/mine"


ON_CLAIM = {"model": {"id": "acme/mine-8b", "source": "pvc://team-models/mine"}}
BOUND = {"team-models": {"status": {"phase": "Bound"}}}


def pod_of(said):
    [found] = [child for child in said["children"] if child["kind"] == "Job"]
    return found["spec"]["template"]["spec"]


def test_a_folder_on_a_claim_is_read_by_a_pod_that_mounts_it_read_only_and_may_nothing_else():
    pod = pod_of(synced(endpoint={"spec": ON_CLAIM}, claims=BOUND))
    [container] = pod["containers"]
    assert container["args"][:4] == [
        *("pvc://team-models/mine", "--as=acme/mine-8b", "--revision=main", "--source-folder=/source")
    ]
    assert {"name": "source", "mountPath": "/source", "readOnly": True} in container["volumeMounts"]
    claim = {"claimName": "team-models", "readOnly": True}
    assert {"name": "source", "persistentVolumeClaim": claim} in pod["volumes"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["activeDeadlineSeconds"]) == (True, 1200)
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not any("secretKeyRef" in one.get("valueFrom", {}) for one in container["env"])
    assert {"key": "amd.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod["tolerations"]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, {"runAsUser": 65532, "runAsGroup": 65532}),
        ({"runAsUser": 0}, {"runAsUser": 65532, "runAsGroup": 65532}),
        (
            {"runAsUser": 1000, "runAsGroup": 0, "fsGroup": 2000, "supplementalGroups": [44]},
            {"runAsUser": 1000, "runAsGroup": 0, "fsGroup": 2000, "supplementalGroups": [44]},
        ),
    ],
)
def test_a_folder_is_read_as_the_user_that_the_engine_is_and_never_as_root(stated, expected):
    spec = {**ON_CLAIM, "security": {"podSecurityContext": stated}}
    said = synced(endpoint={"spec": spec}, claims=BOUND)
    profile = {"seccompProfile": {"type": "RuntimeDefault"}}
    assert pod_of(said)["securityContext"] == {"runAsNonRoot": True, **expected, **profile}
    usual = synced(endpoint={"spec": ON_CLAIM}, claims=BOUND)
    same = said["status"]["inspection"]["job"] == usual["status"]["inspection"]["job"]
    assert same is ("fsGroup" not in stated), "another reader may find what this one could not"


@pytest.mark.parametrize(
    ("claims", "reason", "words"),
    [
        ({}, "ClaimNotFound", "PersistentVolumeClaim team-models is not in namespace team-a: create it"),
        ({"team-models": {"status": {"phase": "Lost"}}}, "ClaimLost", "team-models has lost its volume"),
    ],
)
def test_a_claim_that_cannot_be_mounted_has_no_job_and_says_why(claims, reason, words):
    said = synced(endpoint={"spec": ON_CLAIM}, claims=claims)
    assert not any(child["kind"] == "Job" for child in said["children"])
    assert said["status"]["inspection"]["reason"] == reason
    assert words in said["status"]["message"]
    assert said["status"]["conditions"][0]["reason"] == "ModelNotInspected"


def test_a_claim_without_a_volume_is_waited_for_by_the_job():
    said = synced(endpoint={"spec": ON_CLAIM}, claims={"team-models": {"status": {"phase": "Pending"}}})
    assert said["status"]["message"].endswith("; PersistentVolumeClaim team-models has no volume yet")
    assert pod_of(said)


def test_the_job_trusts_the_authorities_of_the_settings():
    usual, said = synced(), synced(settings={"caBundle": {"configMap": "our-ca"}})
    found = job(said)
    assert {"name": "SSL_CERT_FILE", "value": "/etc/aim/ca/ca.crt"} in found["env"]
    assert {"name": "ca-bundle", "mountPath": "/etc/aim/ca", "readOnly": True} in found["volumeMounts"]
    [made] = [one for one in said["children"] if one["kind"] == "Job"]
    [_, authorities] = made["spec"]["template"]["spec"]["volumes"]
    assert authorities["configMap"] == {
        "name": "our-ca",
        "items": [{"key": "ca.crt", "path": "ca.crt"}],
        "optional": True,
    }
    assert f"Job/{made['metadata']['name']}" not in children(usual)
