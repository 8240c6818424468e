"""Envoy's files from the table and the keys: a pure function, the same text for the same input."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from aimlib.gateway.at_once import bootstrap_parts
from aimlib.gateway.certificate import CERTIFICATE_SOURCE, secret
from aimlib.gateway.clusters import clusters
from aimlib.gateway.listener import counted_listener, listener
from aimlib.gateway.overload import overload_manager
from aimlib.gateway.routes import routes
from aimlib.gateway.table import ModelTable

ANY = "0.0.0.0"  # noqa: S104 - of the gateway's own pod
TLS_FOLDER = "/etc/gateway/tls"
ORDER = ("rds.json", "cds.json", CERTIFICATE_SOURCE, "lds.json")
LARGEST_EXPRESSION = 2**20
"""Of the names of clients that may use a model: a thousand of the longest. Envoy's own bound is reached by five."""
NO_RESOURCES = '{"resources": []}'


class Listening(NamedTuple):
    """Where Envoy listens, and where its files are."""

    folder: str
    port: int
    address: str = ANY
    tls_folder: str = TLS_FOLDER


def render(table: ModelTable, keys: Mapping[str, Sequence[str]], where: Listening) -> dict[str, str]:
    """The files by name; `keys` are those of each client.

    Only rds.json has keys. `replacements` has the order in which they are exchanged.
    """
    resources = {
        "cds.json": clusters(table, sorted(keys)),
        "rds.json": [routes(table, keys)],
        CERTIFICATE_SOURCE: [secret(where.tls_folder)] if table.tls else [],
        "lds.json": [
            listener(table, sorted(keys), where.address, where.port, where.folder),
            counted_listener(table, sorted(keys), where.folder),
        ],
    }
    return {name: json.dumps({"resources": found}) for name, found in resources.items()}


def bootstrap(folder: str, admin_port: int) -> str:
    """What Envoy is started with: where the files are, and its own page for metrics, on loopback."""
    source = {
        name: {"path_config_source": {"path": f"{folder}/{file}.json", "watched_directory": {"path": folder}}}
        for name, file in (("lds_config", "lds"), ("cds_config", "cds"))
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": admin_port}}
    node = {"id": "gateway", "cluster": "gateway"}
    bounds = {f"re2.max_program_size.{level}_level": LARGEST_EXPRESSION for level in ("warn", "error")}
    runtime = {"layers": [{"name": "ours", "static_layer": bounds}]}
    started = {"node": node, "admin": {"address": address}, "dynamic_resources": source, "layered_runtime": runtime}
    return json.dumps({**started, "overload_manager": overload_manager(), **bootstrap_parts()})


def replacements(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The files to replace, one after the other, each once Envoy has taken the one before it.

    A cluster goes only when no route leads to it any more: until then there are those of before, too.
    """
    old, new = (json.loads(of.get("cds.json", NO_RESOURCES))["resources"] for of in (before, after))
    names = {one["name"] for one in new}
    going = [one for one in old if one["name"] not in names]
    both = json.dumps({"resources": [*new, *going]}) if going else after["cds.json"]
    current = dict(before)
    for name, text in (("cds.json", both), *((name, after[name]) for name in ORDER)):
        if current.get(name) != text:
            current[name] = text
            yield name, text
