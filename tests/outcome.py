"""What came of an object in a golden world, by the names that tests have for it."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """The answer of the endpoint hook."""

    said: Mapping[str, Any]

    def child(self, kind: str) -> dict[str, Any]:
        return next((child for child in self.said.get("children", ()) if child["kind"] == kind), {})

    @property
    def status(self) -> dict[str, Any]:
        return self.said.get("status", {})

    @property
    def selected(self) -> dict[str, Any]:
        return self.status.get("selectedRecipe", {})

    @property
    def refusal(self) -> str:
        """Why the spec was refused: an error, or what its own status has of it."""
        return self.said.get("error") or (self.status["message"] if self.status.get("phase") == "Failed" else "")

    @property
    def warnings(self) -> str:
        return " ".join(self.status.get("warnings", ()))

    @property
    def template(self) -> dict[str, Any]:
        return self.child("Deployment").get("spec", {}).get("template", {})

    @property
    def pod(self) -> dict[str, Any]:
        return self.template.get("spec", {})

    @property
    def engine(self) -> dict[str, Any]:
        return self.pod.get("containers", [{}])[0]

    @property
    def strategy(self) -> dict[str, Any]:
        return self.child("Deployment").get("spec", {}).get("strategy", {})

    @property
    def service(self) -> dict[str, Any]:
        return self.child("Service").get("spec", {})

    @property
    def claim(self) -> dict[str, Any]:
        return self.child("PersistentVolumeClaim").get("spec", {})

    @property
    def scaler(self) -> dict[str, Any]:
        return self.child("HorizontalPodAutoscaler").get("spec", {})

    @property
    def scraping(self) -> dict[str, str]:
        annotations = self.template.get("metadata", {}).get("annotations", {})
        return {name: value for name, value in annotations.items() if name.startswith("prometheus.io/")}

    @property
    def dashboard(self) -> str:
        return "".join(self.child("ConfigMap").get("data", {}).values())

    def runs_with(self, *words: str) -> bool:
        """Whether these words stand side by side on the engine's command line."""
        line = [*self.engine.get("command", ()), *self.engine.get("args", ())]
        return any(tuple(line[start : start + len(words)]) == words for start in range(len(line)))

    def metric(self, name: str) -> int | None:
        """The autoscaler's target for one resource."""
        found = (one["resource"] for one in self.scaler.get("metrics", ()) if one["type"] == "Resource")
        return next((one["target"]["averageUtilization"] for one in found if one["name"] == name), None)


def requests(outcome: Outcome, name: str) -> str | None:
    return outcome.engine.get("resources", {}).get("requests", {}).get(name)


def limits(outcome: Outcome, name: str) -> str | None:
    return outcome.engine.get("resources", {}).get("limits", {}).get(name)
