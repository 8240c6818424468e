"""The web page on a real API server: with the rights of its own account it shows everything, and it has no others."""

from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.cluster.operator import own_account
from tests.e2e.access_table import WITH_WEB_PAGE, row
from tests.e2e.space import endpoint
from tests.e2e.test_access import answers, differences, subject
from tests.kustomize import ROOT
from tests.web.browser import page_server

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
RIGHTS = ROOT / "manifests" / "components" / "web-page" / "rbac.yaml"


@pytest.fixture
def account(space):
    """A kubeconfig of the page's account, with the rights of the component."""
    space.plane.kubectl("apply", f"--filename={RIGHTS}")
    path = own_account(space.plane, "aim-web", "aim-system")
    yield path
    space.plane.kubectl("delete", "--ignore-not-found", f"--filename={RIGHTS}")
    path.unlink()


def read(url):
    with urlopen(url, timeout=60) as response:  # noqa: S310 - on loopback
        return response.read().decode()


def test_every_page_is_shown_with_the_rights_of_the_component(space, account):
    space.apply(endpoint("shown", modelId=MODEL), endpoint("unfit", modelId=MODEL, gpuCount=3))
    space.becomes("shown", "AllReplicasReady")
    space.becomes("unfit", "NothingFits")
    with page_server(account) as url:
        fleet = read(f"{url}/?namespace={space.namespace}")
        assert f"{space.namespace}/shown" in fleet
        assert "MI300X" in fleet
        assert f"{space.namespace}/shown" in read(f"{url}/")
        page = read(f"{url}/endpoints/{space.namespace}/shown")
        assert "qwen3-32b-mi3" in page
        assert "requested 3 GPUs" in read(f"{url}/endpoints/{space.namespace}/unfit")
        assert MODEL in read(f"{url}/models")
        assert "<strong>Fits:</strong>" in read(f"{url}/models/{MODEL}")
        assert "<strong>Does not fit:</strong>" in read(f"{url}/plan?model={MODEL}&gpus=3")
        with pytest.raises(HTTPError, match="404"):
            read(f"{url}/endpoints/{space.namespace}/none")


def test_without_rights_a_page_has_a_sentence_and_no_data(space, account):
    space.plane.kubectl("delete", "clusterrolebinding", "aim-web")
    with page_server(account) as url, pytest.raises(HTTPError) as refused:
        read(url)
    assert refused.value.code == 403
    assert "may not read that" in refused.value.read().decode()


@pytest.mark.usefixtures("account")
def test_its_account_may_do_nothing_else(space):
    wanted = row(WITH_WEB_PAGE)
    found = answers(space.plane, subject("aim-web", space.namespace), list(wanted), space.namespace)
    assert differences(found, wanted) == {}
