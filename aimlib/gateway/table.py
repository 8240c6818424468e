"""The table of a gateway: which names lead to which Services, and what each client may send."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from aimlib.api.base import Model, Port
from aimlib.api.scaling import USUAL_IDLE_SECONDS, IdleSeconds

EVERYBODY = "*"
"""In the place of a client: all that have no row of their own. In the place of a model: all of them."""
CLIENT_NAME = r"[-._a-zA-Z0-9]{1,253}"
"""A key of a Secret, which is what clients are."""
ServedName = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[!-~]+$")]
"""A name of a model, as requests state it: printable, without blanks."""
ServiceHost = Annotated[str, Field(pattern=r"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$")]


MILLION = 1_000_000
ALONE = "-alone"
"""Ends the name of a target that is for names which the endpoint's other track does not serve."""
HOLDER = "127.0.0.1"
"""The host of a fallback that is the agent in the same pod, which holds the requests."""


class Place(Model):
    """Where something answers."""

    model_config = ConfigDict(extra="forbid")

    host: ServiceHost
    """A name whose addresses are those of the pods that are ready, as of a headless Service."""
    port: Port


class Target(Place):
    """One of those that serve a model: an endpoint, or one of its tracks."""

    name: Annotated[str, Field(pattern=rf"^[a-z0-9][-.a-z0-9]*/[a-z0-9][-.a-z0-9]*/[a-z]({ALONE})?$")]
    """Namespace, endpoint and track, with slashes between; metrics have it as their label. A track of which the other
    one knows not all names has two targets: that with ALONE is for these names, and never falls back on the other."""
    weight: Annotated[int, Field(ge=0, le=10000)] = 1
    """Its part of the requests, of the sum of all weights of the model."""
    mirror: Annotated[int, Field(ge=0, le=MILLION)] = 0
    """Of a million requests of the model, how many it gets a copy of. Nobody gets its answers to those."""
    fallback: Place | None = None
    """Who answers while none of its pods does: the stable track, or the agent, which holds the requests (HOLDER)."""
    progress: Annotated[str, Field(max_length=300)] = ""
    """What it is doing, for those who wait for it: such as its phase."""
    idle_seconds: IdleSeconds = USUAL_IDLE_SECONDS
    """Without a request, until its demand is none."""


class Served(Model):
    """A model by one name."""

    model_config = ConfigDict(extra="forbid")

    name: ServedName
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=32)]

    @field_validator("targets")
    @classmethod
    def _some_weight(cls, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        if not any(one.weight for one in targets):
            raise ValueError("none of the targets has a weight above 0")
        return targets


class Limit(Model):
    """What one client may do."""

    model_config = ConfigDict(extra="forbid")

    client: Annotated[str, Field(pattern=rf"^({CLIENT_NAME}|\*)$")]
    """Its name, or * for those without a row."""
    models: tuple[ServedName, ...] = (EVERYBODY,)
    """The names that it may use; * for all."""
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Of all replicas of the gateway together; no limit where it is left out."""
    concurrent_requests: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """That are under way at once, of all replicas of the gateway together; those that wait for a model count, too."""
    reserved_tokens_per_minute: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """Tokens of prompts, estimated, and the most that their answers may have; of all replicas together, too.

    They are charged when a request comes, and nothing is given back for a shorter answer.
    """


class Balancing(Model):
    """Which replica gets a request."""

    model_config = ConfigDict(extra="forbid")

    policy: Literal["PrefixAffinity", "LeastRequests", "RoundRobin"] = "PrefixAffinity"
    """PrefixAffinity: the one that had the same beginning before, whose prefix cache has it."""
    prefix_bytes: Annotated[int, Field(ge=64, le=65536)] = 2048
    """How much of a request's body is its beginning."""
    load_percent: Annotated[int, Field(ge=101, le=1000)] = 125
    """Of the mean number of requests: above it, one goes to the next replica."""


class Holding(Model):
    """Requests that wait for a model without a replica."""

    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[int, Field(ge=1, le=3600)] = 600
    """How long each may wait."""
    requests: Annotated[int, Field(ge=0, le=10_000)] = 100
    """How many may wait at once, in each replica of the gateway; 0: none, such a model is unavailable at once."""
    bytes: Annotated[int, Field(ge=0, le=2**34)] = 2**28
    """How large all their bodies may be together: Envoy keeps them in memory."""


class Timeouts(Model):
    """How long a request may take, and how often another replica is tried."""

    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    """From the end of a request to the end of its answer, a stream included; 0: as long as it takes."""
    idle_seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600
    """How long a stream may be silent, and an answer may keep its client waiting."""
    retries: Annotated[int, Field(ge=0, le=10)] = 5
    """Of a request that no replica has begun to answer."""


class ModelTable(Model):
    """All that a gateway does."""

    model_config = ConfigDict(extra="forbid")

    models: tuple[Served, ...] = ()
    limits: tuple[Limit, ...] = ()
    cors: tuple[Annotated[str, Field(min_length=1, max_length=300, pattern=r"^https?://[!-~]+$")], ...] = ()
    """Origins whose pages may read answers."""
    anonymous: bool = False
    """Whether requests need no key; then the row * is for all of them together."""
    balancing: Balancing = Balancing()
    holding: Holding = Holding()
    timeouts: Timeouts = Timeouts()
    tls: bool = False
    """Whether clients connect by TLS; then nothing is served without a certificate."""
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """Of the gateway: each takes its part of the limits."""
    max_request_bytes: Annotated[int, Field(ge=1024, le=2**30)] = 32 * 2**20
    created: Annotated[int, Field(ge=0)] = 0
    """When the models were created, as /v1/models states of each; seconds since 1970."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        named = {"models": [one.name for one in self.models], "limits": [one.client for one in self.limits]}
        for what, names in named.items():
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what} has {', '.join(twice)} more than once")
        targets: dict[str, tuple[str, int, Place | None]] = {}
        for target in (target for one in self.models for target in one.targets):
            place = (target.host, target.port, target.fallback)
            if targets.setdefault(target.name, place) != place:
                raise ValueError(f"the target {target.name} is in two places")
        return self

    def target(self, name: str) -> Target | None:
        """The target of that name, if there is one."""
        return next((one for one in self._targets if one.name == name), None)

    def tracks(self, endpoint: str) -> list[Target]:
        """The targets of an endpoint, by namespace and name with a slash between."""
        return list({one.name: one for one in self._targets if one.name.rpartition("/")[0] == endpoint}.values())

    def target_or_successor(self, name: str) -> Target | None:
        """The target of that name, else the endpoint's other track, which takes over when a track is gone.

        For names of one track alone it is that track, and nothing once it is gone.
        """
        if name.endswith(ALONE):
            return self.target(name) or self.target(name.removesuffix(ALONE))
        endpoint = name.rpartition("/")[0]
        other = (one for one in self._targets if endpoint and one.name.rpartition("/")[0] == endpoint)
        return self.target(name) or next(other, None)

    @property
    def _targets(self) -> Iterator[Target]:
        return (one for served in self.models for one in served.targets)

    @cached_property
    def limits_by_client(self) -> Mapping[str, Limit]:
        """The rows by client: each is asked for once for every model."""
        return {one.client: one for one in self.limits}

    def limit(self, client: str) -> Limit:
        """What a client may do: by its own row, else by that of everybody, else anything."""
        rows = self.limits_by_client
        return rows.get(client) or rows.get(EVERYBODY) or Limit(client=EVERYBODY)

    def may_use(self, client: str, model: str) -> bool:
        """Whether a client may use a model."""
        return not {EVERYBODY, model}.isdisjoint(self.limit(client).models)
