"""Who uses which model of which cache, as labels and annotations say it."""

import pytest

from aimlib.caching.usage import USAGE_ANNOTATION, Use, usage_annotation, usage_label, usage_labels, used_by

USES = (Use("models", "a/b"), Use("models", "c/d", "v2"), Use("other", "a/b"))


def service(endpoint: str | None, annotations: dict[str, str]) -> dict:
    owners = [{"kind": "AIMEndpoint", "name": endpoint, "controller": True}] if endpoint else []
    return {
        "metadata": {"name": "s", "ownerReferences": owners, "labels": usage_labels(USES), "annotations": annotations}
    }


def mounting(claim: str, annotations: dict[str, str]) -> dict:
    volumes = [{"name": "shm", "emptyDir": {}}, {"name": "models", "persistentVolumeClaim": {"claimName": claim}}]
    metadata = {**service("chat", annotations)["metadata"], "labels": {}}
    return {"metadata": metadata, "spec": {"template": {"spec": {"volumes": volumes}}}}


def test_what_is_written_is_read_back_for_each_cache():
    services = [service(name, usage_annotation(USES)) for name in ("chat", "bot")]
    assert used_by(services, "models", "m").by_model == {
        ("a/b", "main"): ("bot", "chat"),
        ("c/d", "v2"): ("bot", "chat"),
    }
    assert used_by(services, "other", "m").by_model == {("a/b", "main"): ("bot", "chat")}


def test_each_cache_has_a_label_of_its_own_that_is_legal():
    assert usage_labels(USES) == {"cache.aim.engine.amd.com/models": "used", "cache.aim.engine.amd.com/other": "used"}
    assert len(usage_label("x" * 253).split("/")[1]) <= 63


def test_who_uses_nothing_has_no_annotation():
    assert usage_annotation(()) == {}


def test_what_an_endpoint_left_behind_counts_by_its_own_name():
    assert used_by([service(None, usage_annotation(USES))], "other", "m").by_model == {("a/b", "main"): ("s",)}


def test_who_mounts_the_claim_of_a_cache_uses_it_by_whichever_name():
    uses = usage_annotation((Use("models", "a/b"),))
    assert used_by([mounting("shared", uses)], "another", "shared").by_model == {("a/b", "main"): ("chat",)}
    assert used_by([mounting("shared", {})], "another", "shared").of_unknown == ("chat",)
    assert used_by([mounting("other", uses)], "another", "shared") == ({}, ())


@pytest.mark.parametrize(
    "text", [None, "", "{", "1", '["models"]', '[["models"]]', '[["models", 1]]', "[[1, 2, 3, 4]]", "[" * 100_000, "[]"]
)
def test_a_record_that_cannot_be_read_means_any_model(text):
    found = used_by([service("chat", {} if text is None else {USAGE_ANNOTATION: text})], "models", "m")
    assert (found.by_model, found.may_use(("any", "main"))) == ({}, ("chat",))
