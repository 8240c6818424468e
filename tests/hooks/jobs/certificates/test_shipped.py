"""What is installed for certificates: that its parts agree with the program, and bound what it may do."""

import copy
import tomllib

from hooks.jobs.certificates.__main__ import arguments, server_names
from hooks.jobs.certificates.clients import CLIENTS, ObjectPath
from tests.kustomize import OVERLAYS, ROOT, Objects, build, of_kind, only
from tests.manifests.test_installed import CONTROLLERS, containers, makers, policies

MAKER = "aim-certificates"
VERSIONS = {"metacontroller.k8s.io": "v1alpha1", "admissionregistration.k8s.io": "v1"}
RELEASE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_secrets_are_read_by_name_and_only_by_what_makes_them(installed: Objects, metacontroller: Objects):
    roles = of_kind([*installed, *metacontroller], "Role", "ClusterRole")
    found = {
        role["metadata"]["name"]: rule for role in roles for rule in role["rules"] if "secrets" in rule["resources"]
    }
    shipped = [secret["metadata"]["name"] for secret in of_kind(installed, "Secret")]
    assert found.keys() == {"aim-certificates"}
    assert sorted(found["aim-certificates"]["resourceNames"]) == sorted(shipped) != []
    assert found["aim-certificates"]["verbs"] == ["get", "patch"]


def test_what_makes_certificates_may_change_its_targets_alone(installed: Objects):
    [rules] = [one["rules"] for one in of_kind(installed, "ClusterRole") if one["metadata"]["name"] == MAKER]
    granted = {
        ObjectPath(group, VERSIONS[group], resource, name)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule["resourceNames"]
    }
    assert granted == {target.path for target in CLIENTS}
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "patch"}
    controllers = {one["metadata"]["name"] for one in of_kind(installed, *CONTROLLERS)}
    assert {target.path.name for target in CLIENTS if target.required} == controllers


def test_certificates_are_made_at_an_installation_and_daily_in_the_same_way(installed: Objects):
    daily, once = copy.deepcopy(makers(installed))
    args = once["spec"]["containers"][0].pop("args")
    assert once == daily
    assert arguments(args).wait > 0
    assert only(installed, "CronJob")["metadata"]["name"] == MAKER
    assert only(installed, "CronJob")["spec"]["schedule"] == "17 3 * * *"


def test_the_job_is_another_one_with_every_release(installed: Objects):
    assert only(installed, "Job")["metadata"]["name"] == f"{MAKER}-{RELEASE}"
    assert only(build(OVERLAYS / "dev"), "Job")["metadata"]["name"] == f"{MAKER}-dev"


def test_the_hook_server_waits_for_its_certificate_and_its_clients_tokens(installed: Objects):
    [(container, pod)] = containers(installed)
    mounted = {one["name"]: one["mountPath"] for one in container["volumeMounts"] if "subPath" not in one}
    secrets = {one["name"]: one["secret"] for one in pod["volumes"] if "secret" in one}
    keys = {mounted[name]: (one["secretName"], [each["key"] for each in one["items"]]) for name, one in secrets.items()}
    set_to = {one["name"]: one["value"] for one in container["env"]}
    assert keys == {
        set_to["AIM_TLS"]: ("aim-hooks-tls", ["tls.crt", "tls.key"]),
        set_to["AIM_CALLERS"]: ("aim-hooks-callers", ["hooks", "admission"]),
    }
    assert not any(one.get("optional") for one in secrets.values())
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports == {"https": 8443, "admission": int(set_to["AIM_ADMISSION_PORT"])}
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    assert {(one["scheme"], one["port"]) for one in probes} == {("HTTPS", "https")}


def test_with_cert_manager_the_operators_program_issues_nothing_and_may_not():
    objects = build(OVERLAYS / "cert-manager")
    assert [one["metadata"]["name"] for one in of_kind(objects, "Secret")] == ["aim-hooks-callers"]
    assert [arguments(one["spec"]["containers"][0]["args"]).issued_elsewhere for one in makers(objects)] == [True, True]
    issued = {one["spec"]["secretName"]: one["spec"] for one in of_kind(objects, "Certificate")}
    assert issued.keys() == {"aim-hooks-tls", "aim-hooks-ca"}
    assert set(issued["aim-hooks-tls"]["dnsNames"]) == server_names("aim-system", [])
    [rules] = [one["rules"] for one in of_kind(objects, "Role") if one["metadata"]["name"] == MAKER]
    verbs = {name: rule["verbs"] for rule in rules for name in rule["resourceNames"]}
    assert verbs == {"aim-hooks-tls": ["get"], "aim-hooks-ca": ["get"], "aim-hooks-callers": ["get", "patch"]}


def test_the_program_of_certificates_reaches_the_api_server_and_accepts_no_connections(installed: Objects):
    policy = policies(installed)[MAKER]
    assert policy["egress"] == policies(installed)["aim-hooks"]["egress"]
    assert "ingress" not in policy
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    for pod in makers(installed):
        assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_its_pods_alone_hold_its_token(installed: Objects):
    [account] = [one for one in of_kind(installed, "ServiceAccount") if one["metadata"]["name"] == MAKER]
    assert account["automountServiceAccountToken"] is False
    for pod in makers(installed):
        assert (pod["spec"]["serviceAccountName"], pod["spec"]["automountServiceAccountToken"]) == (MAKER, True)
