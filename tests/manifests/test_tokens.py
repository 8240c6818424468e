"""Which pods hold a token of the API server: Jobs, which report, and no other that the operator makes."""

import pytest

from tests.cases import pod_template
from tests.manifests.children import children

REPORTING = {"aim-cache": True, "aim-endpoint": False, "aim-gateway": False, "aim-inspection": True}
"""Whether pods report to the API server, by what they are of."""


def templates():
    for case, child in children():
        if template := pod_template(child):
            yield case, child, template


@pytest.mark.parametrize("owner", REPORTING)
def test_a_pod_has_a_token_only_where_it_reports(owner):
    found = [(case, one["spec"]) for case, _, one in templates() if one["metadata"]["labels"][NAME] == owner]
    assert found
    # Stated in the pod, since an account that somebody else made would mount one.
    assert {case: pod.get(MOUNTED) for case, pod in found if pod.get(MOUNTED) is not REPORTING[owner]} == {}


NAME = "app.kubernetes.io/name"
MOUNTED = "automountServiceAccountToken"


def test_there_is_no_pod_of_another_kind():
    assert {one["metadata"]["labels"][NAME] for _, _, one in templates()} == set(REPORTING)
    assert {child["kind"] for _, child, _ in templates()} == {"Deployment", "LeaderWorkerSet", "Job", "CronJob"}


def test_no_account_gives_a_token_to_pods_that_do_not_ask():
    accounts = [(case, child) for case, child in children() if child["kind"] == "ServiceAccount"]
    assert accounts
    assert {case: child for case, child in accounts if child.get(MOUNTED) is not False} == {}
