"""A hub, a model on it, and a volume to download it to."""

import pytest
from huggingface_hub import close_session

from tests.hooks.jobs.volume.downloads import FILES, MODEL, Mount
from tests.hooks.jobs.volume.here import Here
from tests.hub import Hub


@pytest.fixture
def hub(monkeypatch):
    with Hub() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setenv("HF_TOKEN_PATH", "/nowhere/token")
        yield made
    close_session()


@pytest.fixture
def mount(tmp_path, hub):
    return Mount(tmp_path, hub)


@pytest.fixture
def model(hub):
    return hub.add(MODEL, FILES)


@pytest.fixture
def here(tmp_path, hub):
    return Here(tmp_path / "volume", hub)
