"""The environment variables by which a Job finds the hub, and its token."""

from aimlib.api.cache import HubSpec
from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.kube.expansion import Expandable, escaped
from hooks.objects.hub_token import cache_token


def hub_environment(hub: HubSpec, config: Config, *, token: bool = True) -> list[Raw]:
    """Variables that huggingface_hub and HTTP clients read; without the token where it is of no use."""
    # The API server, to which the Job reports, is never behind the proxy.
    direct = ",".join(filter(None, (escaped(hub.proxy.no_proxy or ""), "$(KUBERNETES_SERVICE_HOST)")))
    variables = {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_ENDPOINT": hub.endpoint,
        "HTTP_PROXY": hub.proxy.http,
        "HTTPS_PROXY": hub.proxy.https,
        "NO_PROXY": Expandable(direct) if hub.proxy.http or hub.proxy.https else None,
    }
    found = cache_token(hub, config) if token else None
    return [
        *([found] if found else []),
        *({"name": name, "value": value} for name, value in variables.items() if value),
    ]
