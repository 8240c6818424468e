"""A hub with one model, and ways to ask it."""

import httpx2
import pytest
from huggingface_hub import HfApi, close_session

from tests.hub import Hub
from tests.hub.sample import FILES, MODEL, WEIGHTS


@pytest.fixture
def hub():
    with Hub() as made:
        yield made
    close_session()


@pytest.fixture
def model(hub):
    return hub.add(MODEL, FILES, revisions={"v1": {"config.json": b"{}"}, "refs/pr/1": {"a/b.txt": b"b"}})


@pytest.fixture
def api(hub):
    return HfApi(hub.url, token=False)


@pytest.fixture
def got(hub):
    """`got(path, **headers)`: the answer to a GET of the file, redirects followed."""

    def get(path=WEIGHTS, **headers):
        url = f"{hub.url}/{MODEL}/resolve/main/{path}"
        return httpx2.get(url, headers={"Accept-Encoding": "gzip", **headers}, follow_redirects=True)

    return get
