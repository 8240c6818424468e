"""Adapters that somebody has elsewhere: what an AIMCache and an endpoint get, and what needs somebody."""

import pytest

from aimlib.api.adapter import MOST_ADAPTERS
from aimlib.migration.adapters import add_adapter
from aimlib.migration.docker import translate_docker
from aimlib.migration.draft import Answers, Draft
from aimlib.migration.fields import translate_object
from aimlib.schema.validation import validate_object

SERVE = "docker run --gpus 1 x vllm serve a/b "


def translated(words):
    found = translate_docker(SERVE + words, Answers())
    assert not any(validate_object(one, one["kind"])[1] for one in found.objects)
    return found


def outcomes(found, text):
    return [part.outcome for part in found.parts if part.text == text]


@pytest.mark.parametrize(
    ("stated", "entry", "revision"),
    [
        ("sql=acme/sql", {"id": "acme/sql"}, None),
        ("sql=acme/sql@v2", {"id": "acme/sql", "revision": "v2"}, "v2"),
        ('\'{"name": "sql", "path": "acme/sql", "base_model_name": "a/b"}\'', {"id": "acme/sql"}, None),
        ("sql=oci://r.example.com/sql:1", {"id": "adapters/sql", "source": "oci://r.example.com/sql:1"}, None),
        ("team/sql=s3://tuned/sql", {"id": "team/sql", "source": "s3://tuned/sql"}, None),
    ],
)
def test_an_adapter_is_in_the_cache_of_its_model(stated, entry, revision):
    cache, endpoint = translated(f"--lora-modules {stated}").objects
    assert cache["spec"]["models"] == [{"id": "a/b"}, entry]
    [adapter] = endpoint["spec"]["adapters"]
    assert (adapter["source"], adapter.get("revision")) == ({"repository": entry["id"]}, revision)
    assert endpoint["spec"]["cache"] == {"name": cache["metadata"]["name"]}


@pytest.mark.parametrize(
    "stated",
    ["sql=/adapters/sql", "sql=$WHERE", "sql=gs://b/sql", "-odd=acme/sql", "'{\"name\":'", "'[1]'", "sql=s3://"],
)
def test_what_no_cache_downloads_needs_somebody(stated):
    found = translated(f"--lora-modules={stated}")
    [endpoint] = found.objects
    assert "adapters" not in endpoint["spec"]
    assert any(part.outcome == "needs you" and part.text.startswith("--lora-modules") for part in found.parts)


def test_sglang_names_an_adapter_by_its_place_too():
    words = "docker run --gpus 1 lmsysorg/sglang python -m sglang.launch_server --model-path a/b --lora-paths acme/sql"
    found = translate_docker(words, Answers())
    assert found.objects[-1]["spec"]["adapters"] == [{"name": "acme/sql", "source": {"repository": "acme/sql"}}]


def test_there_are_so_many_and_each_once():
    several = " ".join(f"a{place}=acme/a{place}" for place in range(MOST_ADAPTERS + 1))
    found = translated(f"--lora-modules {several}")
    assert len(found.objects[-1]["spec"]["adapters"]) == MOST_ADAPTERS
    assert outcomes(found, f"--lora-modules a{MOST_ADAPTERS}") == ["needs you"]
    twice = translated("--lora-modules one=acme/sql two=acme/sql")
    assert outcomes(twice, "--lora-modules two") == ["needs you"]


def test_a_name_of_the_model_is_not_an_adapters():
    found = translated("--served-model-name chat --lora-modules chat=acme/sql")
    assert "adapters" not in found.objects[-1]["spec"]
    assert outcomes(found, "adapter chat") == ["needs you"]


def test_flags_about_adapters_are_lost_without_any():
    found = translated("--enable-lora --max-lora-rank 32")
    assert outcomes(found, "--enable-lora") == outcomes(found, "--max-lora-rank") == ["dropped"]


def kserve(uri):
    adapters = [{"name": "sql", "uri": "hf://acme/sql"}]
    spec = {"model": {"uri": uri, "name": "a/b", "lora": {"adapters": adapters}}, "parallelism": {"tensor": 1}}
    return translate_object(
        "kserve", {"kind": "LLMInferenceService", "metadata": {"name": "it"}, "spec": spec}, Answers(model="a/b")
    )


def test_a_model_of_a_claim_is_copied_beside_its_adapters():
    found = kserve("pvc://models/b")
    cache, endpoint = found.objects
    assert cache["spec"]["models"] == [{"id": "a/b", "source": "pvc://models/b"}, {"id": "acme/sql"}]
    assert "model" not in endpoint["spec"]
    assert outcomes(found, "spec.model.uri") == ["changed"]


def test_an_image_with_a_model_has_no_adapters_beside_it():
    found = kserve("oci://r.example.com/b:1")
    assert "adapters" not in found.objects[-1]["spec"]
    assert outcomes(found, "adapter sql") == ["needs you"]


def test_adapters_in_a_folder_of_a_claim_are_those_of_the_claim():
    draft = Draft(Answers(), "docker")
    draft.mounts["/adapters"] = ("claim", "adapters")
    add_adapter(draft, "sql", "/adapters/sql", "--lora-modules")
    assert [one.source for one in draft.adapters] == ["pvc://claim/sql"]
