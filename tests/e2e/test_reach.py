"""What an object may name beyond itself, on a real API server: every way to bring it in, and every way to change it."""

import json

import pytest

from tests.e2e.admission_cases import IMAGES, MODEL, SHIPPED, image, routed, service, user
from tests.e2e.gate import LET_IN, USUAL, Answer, Gate, ask, created, gate
from tests.e2e.reach_cases import (
    CONFIG,
    MALFORMED,
    PARAMETERS,
    REACH,
    account,
    annotated,
    at_gateway,
    cache,
    filled,
    gated,
    mirrored,
    noted,
    pods,
    secret_variable,
    unlisted,
)
from tests.e2e.space import Raw, endpoint, recipe

pytestmark = pytest.mark.e2e

HERE = f"--namespace={USUAL}"
LISTS = (
    "tokenSecrets",
    "clientSecrets",
    "tlsSecrets",
    "existingClaims",
    "serviceAccounts",
    "serviceAnnotations",
    "loadBalancerClasses",
    "loadBalancerIPs",
    "tolerations",
    "runtimeClasses",
)
WAITS = ["example.com/wait"]
"""The finalizer of an object that stays while it is being deleted."""


@pytest.fixture(scope="module")
def rules():
    with gate() as made:
        yield made


@pytest.fixture
def shipped(rules: Gate):
    rules.allows(**SHIPPED)
    return rules


def refused(sentence: str) -> Answer:
    return Answer(accepted=False, said=(sentence,))


def named(raw: Raw, name: str) -> Raw:
    return {**raw, "metadata": {**raw["metadata"], "name": name}}


def patched(rules: Gate, target: str, spec: Raw, *more: str) -> Answer:
    return ask(rules.plane, HERE, "patch", target, "--type=merge", f"--patch={json.dumps({'spec': spec})}", *more)


def stored(rules: Gate, *objects: Raw) -> None:
    """Let objects stand there that came when everything was allowed."""
    rules.allows(**dict.fromkeys(LISTS, "*"))
    for raw in objects:
        rules.plane.kubectl(HERE, "create", "--filename=-", input=json.dumps(raw))


@pytest.mark.parametrize("case", REACH)
def test_a_name_is_let_in_where_a_list_has_it(rules, case):
    parameters, raw, sentence = REACH[case]
    rules.allows(**parameters)
    assert created(rules.plane, raw) == (refused(sentence) if sentence else LET_IN)


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_that_are_malformed_let_nothing_new_in_and_say_which_they_are(rules, case):
    parameters, words = PARAMETERS[case]
    rules.allows(**{**SHIPPED, **parameters})
    unread = parameters.keys() - SHIPPED.keys()
    of_caches = {"tokenSecrets", "existingClaims", "modelPrefixes"}
    bounded = [cache()] if unread or of_caches & parameters.keys() else []
    bounded += [recipe("asked", **MODEL)] if unread or parameters.keys() <= {"imagePrefixes", "literalSecrets"} else []
    for raw in (endpoint("asked", **MODEL), *bounded):
        assert created(rules.plane, raw) == refused(MALFORMED.format(words))


def test_parameters_that_are_malformed_leave_what_is_there_to_be_labelled_scaled_and_deleted(rules):
    stored(rules, named(endpoint("x", **MODEL), "standing"))
    rules.allows(**{**SHIPPED, "tokenSecrets": "a b"})
    assert patched(rules, "aimendpoint/standing", {"service": {"port": 1}}) == refused(
        MALFORMED.format("tokenSecrets: a b")
    )
    assert ask(rules.plane, HERE, "label", "aimendpoint/standing", "team=a") == LET_IN
    assert ask(rules.plane, HERE, "scale", "aimendpoint/standing", "--replicas=2") == LET_IN
    assert ask(rules.plane, HERE, "delete", "aimendpoint/standing") == LET_IN


def test_every_way_to_bring_an_object_in_is_the_same(shipped):
    bad = named(gated("postgres"), "tried")
    sentence = unlisted("model.tokenSecret.name", "postgres", "tokenSecrets")
    good = named(gated("hf-token"), "tried")
    generated = {**bad, "metadata": {"generateName": "tried-"}}
    plane, given = shipped.plane, "--filename=-"
    for command in (("create", given), ("apply", given), ("apply", "--server-side", given)):
        for more in ((), ("--dry-run=server",)):
            assert ask(plane, HERE, *command, *more, raw=bad) == refused(sentence), command
    assert ask(plane, HERE, "create", given, raw=generated) == refused(sentence)
    plane.kubectl(HERE, "create", given, input=json.dumps(good))
    for command in (("apply", given), ("apply", "--server-side", "--force-conflicts", given), ("replace", given)):
        assert ask(plane, HERE, *command, raw=bad) == refused(sentence), command
    change = {"model": {"tokenSecret": {"name": "postgres"}}}
    assert patched(shipped, "aimendpoint/tried", change) == refused(sentence)
    operation = [{"op": "replace", "path": "/spec/model/tokenSecret/name", "value": "postgres"}]
    by_path = ("patch", "aimendpoint/tried", "--type=json", f"--patch={json.dumps(operation)}")
    assert ask(plane, HERE, *by_path) == refused(sentence)
    # Status and scale have no spec of their own: what else stands in such a request is not stored.
    for subresource in ("status", "scale"):
        ask(plane, HERE, "patch", "aimendpoint/tried", "--type=merge", f"--patch={json.dumps({'spec': change})}",
            f"--subresource={subresource}")  # fmt: skip
    assert plane.get("aimendpoint", "tried", HERE)["spec"]["model"]["tokenSecret"]["name"] == "hf-token"
    # It deletes first, and the object is gone; what comes after it is created, and that is refused.
    assert ask(plane, HERE, "replace", "--force", given, raw=bad) == refused(sentence)
    assert not plane.get("aimendpoints", HERE)["items"]


STANDING = {
    "aimendpoint/secret": (gated("postgres"), {"model": {"tokenSecret": {"key": "password"}}}),
    "aimendpoint/account": (account(name="deployer"), {"security": {"serviceAccount": {"name": "deployer-2"}}}),
    "aimendpoint/expose": (annotated(expose="true"), {"service": {"annotations": {"tailscale.com/tags": "tag:all"}}}),
    "aimendpoint/taint": (
        pods(tolerations=[{"key": "team", "operator": "Exists"}]),
        {"tolerations": [{"key": "team", "operator": "Exists"}, {"key": "node-role.kubernetes.io/control-plane"}]},
    ),
    "aimendpoint/runtime": (pods(runtimeClassName="runc"), {"runtimeClassName": "kata"}),
    "aimendpoint/variable": (secret_variable("postgres"), secret_variable("deployer")["spec"]),
    "aimcache/hub": (mirrored("postgres"), {"hub": {"endpoint": "https://evil.example"}}),
    "aimcache/claim": (filled("data-postgres-0"), {"storage": {"existingClaim": "data-postgres-1"}}),
}
"""What came before the lists, and a change of what they bound."""


def test_what_stood_there_before_the_lists_can_be_changed_in_everything_else(rules):
    """Not in what is not allowed: neither more of it nor another."""
    stored(rules, *(named(raw, target.partition("/")[2]) for target, (raw, _) in STANDING.items()))
    rules.allows(**SHIPPED)
    for target, (_, change) in STANDING.items():
        other = {"service": {"port": 9000}} if "endpoint" in target else {"download": {"maxWorkers": 2}}
        assert patched(rules, target, other) == LET_IN, target
        assert ask(rules.plane, HERE, "label", target, "team=a") == LET_IN
        answer = patched(rules, target, change)
        assert not answer.accepted, target
        assert CONFIG in answer.said[0]
        assert ask(rules.plane, HERE, "delete", target) == LET_IN


def test_of_annotations_that_came_before_each_can_go_and_none_can_change(rules):
    before = annotated(expose="true", hostname="a.example.com")
    stored(rules, named(before, "noted"))
    rules.allows(**SHIPPED)
    expose, hostname = before["spec"]["service"]["annotations"]
    target = "aimendpoint/noted"
    assert patched(rules, target, {"service": {"annotations": {expose: "yes"}}}) == refused(noted(f"{expose}=yes"))
    assert patched(rules, target, {"service": {"annotations": {hostname: None}}}) == LET_IN
    again = {"service": {"annotations": {hostname: "a.example.com"}}}
    assert patched(rules, target, again) == refused(noted(f"{hostname}=a.example.com"))
    rules.plane.kubectl(HERE, "delete", target)


def test_what_came_before_a_bound_cannot_be_carried_further_by_what_stands_beside_it(rules):
    rules.allows(**{**SHIPPED, "serviceTypes": "", "routeHostnames": "", "imagePrefixes": ""})
    before = {
        "pulled": image("evil.io/x"),
        "tagged": endpoint("asked", **MODEL, image={"tag": "v1"}),
        "open": service(type="NodePort", nodePort=30080),
        "ranged": service(type="LoadBalancer", loadBalancerSourceRanges=["10.0.0.0/8", "192.168.0.0/16"]),
        "local": service(type="LoadBalancer", externalTrafficPolicy="Local"),
        "routed": routed("www.example.com"),
    }
    for name, raw in before.items():
        rules.plane.kubectl(HERE, "create", "--filename=-", input=json.dumps(named(raw, name)))
    rules.allows(**{**SHIPPED, **IMAGES, "serviceTypes": "ClusterIP", "routeHostnames": "chat.example.com"})
    for name, change in {
        "pulled": {"image": {"tag": "v2"}},
        "tagged": {"image": {"tag": "v2"}},
        "open": {"service": {"nodePort": 30081}},
        "ranged": {"service": {"loadBalancerSourceRanges": ["10.0.0.0/8", "0.0.0.0/0"]}},
        "local": {"service": {"externalTrafficPolicy": None}},
        "routed": {"service": {"route": {"parentRefs": [{"name": "internet"}]}}},
    }.items():
        assert not patched(rules, f"aimendpoint/{name}", change).accepted, name
        assert patched(rules, f"aimendpoint/{name}", {"resources": {"cpu": "1"}}) == LET_IN
        rules.plane.kubectl(HERE, "delete", f"aimendpoint/{name}")


BEYOND = {
    "classed": (
        service(type="LoadBalancer", loadBalancerClass="tailscale"),
        {"service": {"loadBalancerSourceRanges": ["0.0.0.0/0"]}},
        unlisted("service.loadBalancerClass", "tailscale", "loadBalancerClasses"),
    ),
    "addressed": (
        service(type="LoadBalancer", loadBalancerIP="8.8.8.8"),
        {"service": {"port": 443}},
        unlisted("service.loadBalancerIP", "8.8.8.8", "loadBalancerIPs"),
    ),
    "secret": (
        gated("postgres"),
        {"image": {"repository": "evil.io/x"}},
        unlisted("model.tokenSecret.name", "postgres", "tokenSecrets"),
    ),
    "account": (
        account(name="deployer"),
        {"image": {"tag": "v2"}},
        unlisted("security.serviceAccount.name", "deployer", "serviceAccounts"),
    ),
}
"""What came before the lists, a change of what it goes to, and what is said about that."""


def test_what_came_before_the_lists_does_not_go_to_anything_else(rules):
    stored(rules, *(named(raw, name) for name, (raw, _, _) in BEYOND.items()))
    rules.allows(**SHIPPED)
    for name, (_, change, sentence) in BEYOND.items():
        assert patched(rules, f"aimendpoint/{name}", change) == refused(sentence), name
        assert patched(rules, f"aimendpoint/{name}", {"resources": {"cpu": "1"}}) == LET_IN, name
        rules.plane.kubectl(HERE, "delete", f"aimendpoint/{name}")


def test_a_gateway_keeps_its_secrets_and_gets_no_other(rules):
    stored(rules, named(at_gateway("postgres", "mysql"), "standing"))
    rules.allows(**SHIPPED)
    target = "aimgateway/standing"
    assert patched(rules, target, {"replicas": 3}) == LET_IN
    for change, sentence in (
        ({"clients": {"secretName": "mysql"}}, unlisted("clients.secretName", "mysql", "clientSecrets")),
        ({"tls": {"secretName": "postgres"}}, unlisted("tls.secretName", "postgres", "tlsSecrets")),
    ):
        assert patched(rules, target, change) == refused(sentence)
    assert patched(rules, target, {"clients": {"secretName": "model-keys"}, "tls": {"secretName": "a-tls"}}) == LET_IN
    rules.plane.kubectl(HERE, "delete", target)


@pytest.mark.parametrize("key", ["clientSecrets", "tlsSecrets", "serviceAnnotations"])
def test_a_list_of_gateways_that_is_malformed_lets_no_gateway_in(rules, key):
    rules.allows(**{**SHIPPED, key: "a, b"})
    assert created(rules.plane, at_gateway()) == refused(MALFORMED.format(f"{key}: a, b"))
    if key != "serviceAnnotations":
        assert created(rules.plane, endpoint("asked", **MODEL)) == LET_IN


def test_an_account_of_its_own_name_is_not_taken_over_by_no_longer_having_it_made(shipped):
    own = account(create=True)
    shipped.plane.kubectl(HERE, "create", "--filename=-", input=json.dumps(own))
    for change in ({"create": False, "name": "asked"}, {"create": None, "name": "asked"}):
        answer = patched(shipped, "aimendpoint/asked", {"security": {"serviceAccount": change}})
        assert answer == refused(unlisted("security.serviceAccount.name", "asked", "serviceAccounts"))
    shipped.plane.kubectl(HERE, "delete", "aimendpoint/asked")


def test_an_object_that_is_being_deleted_is_bounded_until_it_is_gone(rules):
    rules.allows(**{**SHIPPED, **IMAGES})
    objects = {
        "aimrecipe/leaving": (recipe("x", **MODEL), {"image": {"repository": "evil.io/x", "tag": "v1"}}),
        "aimendpoint/leaving": (endpoint("x", **MODEL), {"image": {"repository": "evil.io/x"}}),
        "aimcache/leaving": (cache(), {"hub": {"tokenSecret": {"name": "postgres"}}}),
    }
    for target, (raw, change) in objects.items():
        going = {**raw, "metadata": {"name": "leaving", "finalizers": WAITS}}
        rules.plane.kubectl(HERE, "create", "--filename=-", input=json.dumps(going))
        rules.plane.kubectl(HERE, "delete", target, "--wait=false")
        assert not patched(rules, target, change).accepted, target
        assert ask(rules.plane, HERE, "label", target, "team=a") == LET_IN
        freed = ("patch", target, "--type=merge", '--patch={"metadata": {"finalizers": null}}')
        assert ask(rules.plane, HERE, *freed) == LET_IN


def test_without_its_parameters_no_spec_is_let_in_and_everything_can_be_deleted(rules):
    stored(rules, named(user(1000), "standing"))
    rules.plane.kubectl("delete", "configmap", "aim-admission", "--namespace=aim-system")
    missing = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    try:
        probe = endpoint("asked", **MODEL)
        rules.plane.wait_for("the absence to be seen", lambda: not created(rules.plane, probe).accepted)
        for raw in (probe, cache(), recipe("asked", **MODEL)):
            assert created(rules.plane, raw) == refused(missing)
        assert patched(rules, "aimendpoint/standing", {"replicas": 2}, "--subresource=scale") == LET_IN
        assert ask(rules.plane, HERE, "delete", "aimendpoint/standing") == LET_IN
    finally:
        rules.plane.kubectl("create", "configmap", "aim-admission", "--namespace=aim-system")
        rules.allows(**SHIPPED)


def test_as_much_as_pods_may_have_is_within_the_budget(rules):
    lines = "\n".join([*(f"line-{number}.example.com/name=*.value-{number}" for number in range(20)), "*"])
    keys = ("nodeSelectors", "tolerations", "podLabels", "podAnnotations", "tokenSecrets")
    rules.allows(**{**SHIPPED, **dict.fromkeys(keys, lines)})
    labels = {f"{'x' * 200}.example.com/{number:02d}": "v" * 63 for number in range(16)}
    variables = [
        {"name": f"NCCL_{number:02d}", "valueFrom": {"secretKeyRef": {"name": "a" * 253, "key": "k"}}}
        for number in range(32)
    ]
    raw = pods(
        nodeSelector=labels,
        labels=labels,
        annotations=dict.fromkeys(labels, "v" * 1024),
        tolerations=[{"key": key, "value": "v" * 63} for key in labels],
        engine={"env": variables},
    )
    assert created(rules.plane, raw) == LET_IN


def test_the_longest_annotations_are_within_the_budget(rules):
    names = [f"example.com/{number:02d}" for number in range(32)]
    lines = [*(f"line-{number}.example.com/name=*.value-{number}" for number in range(20)), "example.com/*"]
    rules.allows(**{**SHIPPED, "serviceAnnotations": "\n".join(lines)})
    assert created(rules.plane, service(annotations=dict.fromkeys(names, "v" * 1024))) == LET_IN
