"""What is told where a kind is not offered that a cluster may lack."""


def without_component(field: str, kind: str, component: str) -> str:
    """That a field has no effect, and what brings the kind, `Kind.group/version`."""
    name = kind.partition(".")[0]
    return f"{field} has no effect: {name} is managed once the kustomize component {component} is installed"
