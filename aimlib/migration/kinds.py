"""Kinds of other systems: those that are translated, and what takes the place of those that are not."""

from aimlib.api.meta import Raw

FOREIGN_KINDS = {
    "kserve": ("InferenceService", "LLMInferenceService"),
    "kubeai": ("Model",),
    "kaito": ("Workspace", "InferenceSet"),
    "aimservice": ("AIMService",),
    "nim": ("NIMService",),
    "vllmruntime": ("VLLMRuntime",),
    "deployment": ("Deployment", "StatefulSet", "LeaderWorkerSet"),
}
"""The kinds of each system that are translated."""
SCALING = "scaling of an AIMEndpoint takes its place, or it may scale the AIMEndpoint, without scaling"
REPLACED_KINDS = {
    "ScaledObject": SCALING,
    "HTTPScaledObject": "scaling.minReplicas 0 of an AIMEndpoint takes its place, with an AIMGateway",
    "HorizontalPodAutoscaler": SCALING,
    "MultiRoleInference": "each replica of an AIMEndpoint does both prefill and decode: state its model",
    "LoraAdapter": "`aim migrate vllmruntime` reads it beside the VLLMRuntime that it is for",
    "NIMCache": "`aim migrate nim` reads it beside the NIMService that it is for",
    "VerticalPodAutoscaler": "scaling.vertical of an AIMEndpoint takes its place",
}
"""Kinds that nobody translates alone, and what is stated instead."""


def instead_of(found: Raw) -> str:
    """What to do about an object of a kind that is not one of ours, after a semicolon; empty where nobody knows."""
    kind = str(found.get("kind"))
    if kind in REPLACED_KINDS:
        return f"; {REPLACED_KINDS[kind]}"
    system = next((name for name, kinds in FOREIGN_KINDS.items() if kind in kinds), None)
    return f"; `aim migrate {system}` translates it" if system else ""
