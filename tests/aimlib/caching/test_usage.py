"""Who uses which model of which cache, as labels and annotations say it."""

import pytest

from aimlib.caching.usage import USAGE_ANNOTATION, Use, usage_annotation, usage_label, usage_labels, used_by

USES = (Use("models", "a/b"), Use("models", "c/d", "v2"), Use("other", "a/b"))


def service(endpoint: str | None, annotations: dict[str, str]) -> dict:
    owners = [{"kind": "AIMEndpoint", "name": endpoint, "controller": True}] if endpoint else []
    return {"metadata": {"name": "s", "ownerReferences": owners, "annotations": annotations}}


def test_what_is_written_is_read_back_for_each_cache():
    services = [service(name, usage_annotation(USES)) for name in ("chat", "bot")]
    assert used_by(services, "models") == {("a/b", "main"): ("bot", "chat"), ("c/d", "v2"): ("bot", "chat")}
    assert used_by(services, "other") == {("a/b", "main"): ("bot", "chat")}
    assert used_by(services, "third") == {}


def test_each_cache_has_a_label_of_its_own_that_is_legal():
    assert usage_labels(USES) == {"cache.aim.engine.amd.com/models": "used", "cache.aim.engine.amd.com/other": "used"}
    assert len(usage_label("x" * 253).split("/")[1]) <= 63


def test_who_uses_nothing_has_no_annotation():
    assert usage_annotation(()) == {}
    assert used_by([service("chat", {}), {"metadata": {"name": "bare"}}], "models") == {}


def test_a_service_without_an_owner_is_no_endpoint():
    assert used_by([service(None, usage_annotation(USES))], "models") == {}


@pytest.mark.parametrize("text", ["", "{", "1", '["models"]', '[["models"]]', "[[1, 2, 3, 4]]"])
def test_an_annotation_that_cannot_be_read_is_no_use(text):
    assert used_by([service("chat", {USAGE_ANNOTATION: text})], "models") == {}
