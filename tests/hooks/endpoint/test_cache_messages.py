"""Why a cache is not used is told of those alone that have to do with the model."""

from aimlib.caching.choice import CacheCandidate, CacheRequest, SpecModel
from hooks.endpoint.cache_messages import unused

REQUEST = CacheRequest(model="a/b", checkpoint="a/b-fp8", recipe="b-fp8")


def test_a_cache_of_other_models_is_not_spoken_of():
    found = [CacheCandidate("others", (SpecModel(id="c/d"),)), CacheCandidate("models", (SpecModel(id="a/b"),))]
    [words] = unused(found, REQUEST)
    assert words.startswith("cache models lists a/b, but recipe b-fp8 loads a/b-fp8")
