"""What is told where a kind is not offered that a cluster may lack."""


def without_component(field: str, kind: str, component: str) -> str:
    """That a field has no effect, and what brings the kind, `Kind.group/version`."""
    name = kind.partition(".")[0]
    return f"{field} has no effect: {name} is managed once the kustomize component {component} is installed"


def needs_component(what: str, kind: str, component: str, consequence: str) -> str:
    """That something needs a kind that is not offered, what brings it, and what is until then."""
    name = kind.partition(".")[0]
    return f"{what} needs a {name}, which the kustomize component {component} adds; until then {consequence}"
