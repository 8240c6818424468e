"""AIMCache: both spellings of the volume, and what is refused."""

import pytest
from pydantic import ValidationError

from aimlib.api.cache import CacheSpec


def test_the_short_form_means_the_long_one():
    short = CacheSpec.model_validate({"modelId": "a/b", "cachePath": "/data", "size": "100Gi"})
    long = {"storage": {"size": "100Gi", "mountPath": "/data"}, "models": [{"id": "a/b"}]}
    assert short == CacheSpec.model_validate(long)
    both = CacheSpec.model_validate({"modelId": "a/b", "models": [{"id": "c/d"}]})
    assert [one.id for one in both.models] == ["a/b", "c/d"]


def test_the_long_form_has_the_defaults_of_the_earlier_api():
    storage = CacheSpec.model_validate({"storage": {"size": "1Ti"}}).storage
    assert (storage.access_mode, storage.mount_path) == ("ReadWriteOnce", None)


def test_models_and_clean_up_of_the_earlier_examples_are_read():
    spec = CacheSpec.model_validate(
        {
            "size": "1Ti",
            "models": [{"id": "a/b", "maxSize": "100Gi", "preload": True, "priority": "high", "retention": "30d"}],
            "cleanup": {"schedule": "0 2 * * *", "strategy": "lru", "maxAge": "30d", "minFreeSpace": "100Gi"},
        }
    )
    assert (spec.models[0].priority, spec.models[0].retention, spec.cleanup.max_age) == ("high", "30d", "30d")
    assert spec.cleanup.enabled is False


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "state which models to keep (modelId or models), or how large the cache is (size or storage.size)"),
        ({"storage": {}}, "state which models to keep"),
        ({"storage": None}, "state which models to keep"),
        ({"models": []}, "state which models to keep"),
        ({"modelId": "a/b", "models": [{"id": "a/b"}]}, "a model is listed twice"),
        ({"models": [{"id": "a/b"}, {"id": "a/b", "revision": "v2"}]}, "a model is listed twice"),
        ({"models": [{"id": "a/b", "maxSize": "much"}]}, "match pattern"),
        ({"models": [{"id": "a/b", "maxSize": "-1Gi"}]}, "match pattern"),
        ({"models": [{"id": "a/b", "revision": "--upload-pack"}]}, "match pattern"),
        ({"size": "large"}, "match pattern"),
        ({"size": "1Gi", "storage": {"existingClaim": "models"}}, "storage.existingClaim is used as it is"),
        (
            {"modelId": "a/b", "storage": {"accessMode": "ReadOnlyMany"}},
            "a ReadOnlyMany volume cannot be downloaded to",
        ),
        ({"modelId": "a/b", "hub": {"endpoint": "mirror.local"}}, "match pattern"),
        ({"modelId": "a/b", "cleanup": {"schedule": "at night"}}, "schedule is not in cron format"),
        ({"modelId": "a/b", "cleanup": {"schedule": "0 25 * * *"}}, "schedule is not in cron format"),
        ({"modelId": "a/b", "cleanup": {"maxAge": "-30d"}}, "match pattern"),
        ({"modelId": "a/b", "cleanup": {"minFreeSpace": "-1Gi"}}, "match pattern"),
        ({"modelId": "a/b", "storage": 1}, "valid dictionary"),
        ({"size": "1Gi", "storage": {"size": "2Gi"}}, "size and storage.size are the same setting"),
        ({"size": "1Gi", "cachePath": "data"}, "match pattern"),
        ({"size": "1Gi", "models": [{"id": "a/b", "retention": "a month"}]}, "match pattern"),
        ({"size": "1Gi", "models": [{"id": "a/b", "priority": "urgent"}]}, "Input should be 'high'"),
        ({"size": "1Gi", "cleanup": {"strategy": "fifo"}}, "Input should be 'lru'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_refused_in_words(spec, message):
    with pytest.raises(ValidationError) as error:
        CacheSpec.model_validate(spec)
    assert message in str(error.value)
