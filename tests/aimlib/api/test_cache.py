"""AIMCache: both spellings of the volume, and what is refused."""

import pytest
from pydantic import ValidationError

from aimlib.api.cache import CacheSpec


def test_the_short_form_means_the_long_one():
    short = CacheSpec.model_validate({"modelId": "a/b", "cachePath": "/data", "size": "100Gi"})
    assert (short.storage.size, short.storage.mount_path, short.model_id) == ("100Gi", "/data", "a/b")
    assert (short.size, short.cache_path) == (None, None)


def test_the_long_form_has_the_defaults_of_the_earlier_api():
    storage = CacheSpec.model_validate({"storage": {"size": "1Ti"}}).storage
    assert (storage.access_mode, storage.mount_path) == ("ReadWriteOnce", "/workspace/model-cache")


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
        ({}, "say how large the cache is: size, or storage.size"),
        ({"storage": {}}, "say how large the cache is"),
        ({"storage": None}, "say how large the cache is"),
        ({"storage": 1}, "valid dictionary"),
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
