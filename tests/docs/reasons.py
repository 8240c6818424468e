"""The pages of conditions and of troubleshooting, from aimlib/data/reasons.yaml."""

from typing import Any

from aimlib.data import load_data
from tests.docs.markdown import code, page, table

SOURCE = "`aimlib/data/reasons.yaml`"
READY = {
    "AIMEndpoint": "Ready is True when RecipeSelected, CacheReady (while the requested model waits for it) and "
    "Available are, and RouteReady and AddressReady where it has them; else it has the reason and the "
    "message of the first of them that is not. While replicas serve, the phase is Degraded instead of "
    "Pending and Failed, and Ready stays False with the reason of what is wrong: `kubectl wait "
    "--for=condition=Ready` waits for all that was requested, and `kubectl wait "
    "--for=jsonpath='{.status.replicas.ready}'` for the first replica. A stopped endpoint is what "
    "was requested: Ready is True, for the reason Stopped, Suspended or Idle. Stalled is there while the phase is "
    "Failed, and Reconciling while it is that, both with reason and message of Ready; "
    "[what GitOps tools make of them](../operate/gitops.md).",
    "AIMCache": "Ready is True when StorageReady and ModelsReady are; else it has the reason and the message of the "
    "first that is not. Stalled is there while the phase is Failed, Reconciling while it is Downloading.",
    "AIMGateway": "Ready is True when RoutesReady and ModelsUnique are and all pods serve; else it has the reason and "
    "the message of the first that is not. Stalled is there while the phase is Failed, Reconciling while it is that.",
    "AIMRecipe": "Ready is the only condition, beside Stalled while the phase is Invalid.",
    "AIMModel": "Ready is the only condition, beside Stalled while the phase is Invalid.",
}
PHASES = {
    "AIMEndpoint": (
        ("Ready", "every requested replica is ready"),
        ("Reconciling", "time will bring it forward: replicas start, a model is being downloaded"),
        (
            "Pending",
            "a change of something else brings it forward: nodes, recipes, caches, Secrets; or no hook has looked yet",
        ),
        ("Stopped", "`spec.replicas` is 0, or `spec.suspend` is true"),
        ("Idle", "the autoscaler has stopped it, since no request comes; the next one starts it"),
        ("Degraded", "requests are answered, and not all that was requested is there; the message tells what is wrong"),
        ("Failed", "no replica serves, and somebody must act; the message tells on what"),
    ),
    "AIMCache": (
        ("Ready", "every model that is to be there is"),
        ("Downloading", "models are being downloaded"),
        ("Pending", "the claim is not there or not bound yet, or no hook has looked yet"),
        ("Failed", "somebody must act; the message tells on what"),
        ("Deleting", "it is being deleted, while pods may still use its volume"),
    ),
    "AIMGateway": (
        ("Ready", "all pods serve, and everything is routed"),
        ("Reconciling", "pods start or are replaced"),
        ("Pending", "a change of something else brings it forward: labels of namespaces, names of endpoints"),
        ("Degraded", "it serves, and not all that was requested is there; the message tells what is wrong"),
        ("Failed", "no pod serves, and somebody must act; the message tells on what"),
    ),
    "AIMRecipe": (("Pending", "no hook has checked it yet"), ("Ready", "it can be used"), ("Invalid", "it cannot")),
    "AIMModel": (
        ("Pending", "nothing fits on this cluster, there are no facts, or no hook has looked yet"),
        ("Ready", "something fits"),
        ("Invalid", "it cannot be read"),
    ),
}
EVENTS = (
    ("Selected", "AIMEndpoint", "a configuration was selected, for what the message says"),
    ("Fallback", "AIMEndpoint", "the same, by a step of `recipe.fallback`"),
    ("Ready, Stopped, Idle", "both, AIMEndpoint", "the phase, with the message of the condition Ready"),
    ("Pending, Degraded, Failed", "both", "the phase as a warning, with reason and message of the condition Ready"),
    (
        "ScaledUp, ScaledDown",
        "AIMEndpoint",
        "an endpoint with an autoscaler has another number of replicas, with what its targets measured",
    ),
    (
        "RecipeChanged, BetterRecipeAvailable, TemplateChanged, NoLongerFits",
        "AIMEndpoint",
        "the condition UpToDate, once it is False",
    ),
    ("Downloaded, DownloadFailed", "AIMCache", "a model is on the volume, or its download failed"),
    ("Removed", "AIMCache", "a model is not on the volume any more"),
)
ABOUT_EVENTS = (
    "`kubectl events --for aimendpoint/NAME` and `kubectl describe` show one Event for each transition. Metacontroller "
    "sends none of a hook's, only those about its own errors; these come from the hook server (`aim-hooks`), "
    "which may create Events (`manifests/base/events.yaml`; `AIM_EVENTS` of the "
    "[settings](../operate/settings.md)). It sends them beside the syncs, at most 10 of one object at once and one "
    "more a minute, and 2 a second of all; half of each is left to warnings. What is dropped is counted in "
    "`aim_events_total`, and the status has it all the same."
)
Place = dict[str, Any]


def places(kind: str) -> list[Place]:
    """The conditions and fields of one kind."""
    return [place for place in load_data("reasons")["places"] if place["kind"] == kind]


def conditions() -> str:
    """Every condition with its reasons."""
    intro = (
        "Conditions have the positive sense: True is good. `kubectl wait --for=condition=Ready` works for each kind. "
        "Each has the generation that it is about in `observedGeneration`, and below `metadata.generation` it tells "
        "nothing of the present spec: `kubectl wait` goes on waiting then. "
        "What to do about a reason is in [troubleshooting](../operate/troubleshooting.md). `lastTransitionTime` "
        "changes only with the condition's status."
    )
    events = table(("reason", "of", "tells"), ((code(reason), of, text) for reason, of, text in EVENTS))
    return page(
        "Conditions", SOURCE, intro, *(_kind(kind) for kind in READY), f"## Events\n\n{ABOUT_EVENTS}\n\n{events}"
    )


def _kind(kind: str) -> str:
    parts = [
        f"## {kind}",
        READY[kind],
        table(("phase", "meaning"), ((code(name), text) for name, text in PHASES[kind])),
    ]
    for place in places(kind):
        parts += [f"### {kind} {place.get('condition') or place['field']}", f"Tells {place['about']}."]
        parts.append(_reasons(place["reasons"], of_condition="condition" in place))
    return "\n\n".join(parts)


def _reasons(rows: list[Place], *, of_condition: bool) -> str:
    titles = ("reason", "status", "phase", "meaning") if of_condition else ("reason", "meaning")
    cells = (
        {**row, "reason": code(row["reason"]), "status": row.get("status", "False"), "phase": row.get("phase", "")}
        for row in rows
    )
    return table(titles, ([row[title] for title in titles] for row in cells))


INTRO = """
Begin with the message: it has what was requested and what is available.

```sh
kubectl get aimendpoints,aimcaches -o wide
kubectl describe aimendpoint NAME
aim explain NAME
```

Then find the reason of the condition below. `NAME` is the object's name; commands are for the namespace of the object.
An endpoint that is stuck has the cause in its condition Available within ten seconds.
"""
ELSE = (
    (
        "an AIMEndpoint has no status for a minute",
        "Metacontroller or the hook server does not run",
        "`kubectl get pods --namespace=metacontroller`, `kubectl get pods --namespace=aim-system`",
    ),
    (
        "the pods of `aim-hooks` wait for the Secret `aim-hooks-tls`",
        "the Job that makes the certificates has not run, or failed",
        "`kubectl get jobs --namespace=aim-system`, and its log; [certificates](../trust/security.md#transport)",
    ),
    (
        "events `SyncError` at the object",
        "the hook refused the request, and nothing changed, or the API server a child; the event has the answer",
        "`kubectl events --for aimendpoint/NAME`",
    ),
    (
        "`kubectl apply` is refused",
        "a rule of the CRD, or an admission policy",
        "the message names the field; [admission](../reference/admission.md)",
    ),
    (
        "a field has no effect",
        "it contradicts another one, or needs one",
        "`kubectl get aimendpoint NAME -o jsonpath='{.status.warnings}'`",
    ),
)
"""What is wrong without a reason in a status."""
ALERTS = "Alerts have a [section each](monitoring.md#alerts) with what to do."


def troubleshooting() -> str:
    """From a reason to its cause and what to do."""
    other = table(("what you see", "cause", "what to do"), ELSE)
    return page("Troubleshooting", SOURCE, INTRO, *map(_remedies, READY), "## Without a reason", other, ALERTS)


def _remedies(kind: str) -> str:
    rows = [
        (code(row["reason"]), row["meaning"], row["remedy"], code(row.get("command", "")))
        for place in places(kind)
        for row in place["reasons"]
        if "remedy" in row
    ]
    return f"## {kind}\n\n{table(('reason', 'cause', 'what to do', 'what shows more'), rows)}"
