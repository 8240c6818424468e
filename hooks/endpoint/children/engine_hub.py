"""The hub and the proxies that an engine is told by its variables; what downloads or reads for it goes there, too."""

from pydantic import ValidationError

from aimlib.api.cache import HubSpec, ProxySpec
from aimlib.api.endpoint import EndpointSpec


def engine_hub(spec: EndpointSpec) -> tuple[HubSpec, str]:
    """The hub from which the engine itself would download, and why that cannot be told."""
    if any(one.name == "HF_ENDPOINT" and one.value_from for one in spec.engine.env):
        return HubSpec(), "HF_ENDPOINT of engine.env comes from an object that nobody here reads"
    stated = {one.name: one.value for one in spec.engine.env if one.value}
    proxy = {"http": "HTTP_PROXY", "https": "HTTPS_PROXY", "noProxy": "NO_PROXY"}
    try:
        hub = HubSpec(
            endpoint=stated.get("HF_ENDPOINT"),
            proxy=ProxySpec.model_validate({field: stated[name] for field, name in proxy.items() if name in stated}),
        )
    except ValidationError:  # the engine is told as it stands
        return HubSpec(), "HF_ENDPOINT or a proxy of engine.env is no URL"
    return hub, ""
