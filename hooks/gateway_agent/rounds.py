"""What the agent does every two seconds: read its inputs, and bring Envoy's files to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aimlib.gateway.keys import shared_keys
from aimlib.gateway.render import Listening, bootstrap, render
from aimlib.gateway.table import ModelTable
from hooks.gateway_agent import metrics
from hooks.gateway_agent.envoy_admin import EnvoyAdmin
from hooks.gateway_agent.envoy_files import EnvoyFiles
from hooks.gateway_agent.inputs import ClientKeys, LastGood, check_certificate, load_keys, load_table
from hooks.observability.logs import logger

INPUTS = ("table", "clients", "tls")


@dataclass(frozen=True)
class Places:
    """Folders and ports of the pod."""

    table: Path
    clients: Path
    tls: Path
    files: Path
    port: int
    admin_port: int
    address: str


class Rounds:
    """The inputs, and the files that come of them."""

    def __init__(self, places: Places, admin: EnvoyAdmin) -> None:
        self._places = places
        self._table = LastGood(INPUTS[0], lambda: load_table(places.table))
        self._keys = LastGood(INPUTS[1], lambda: load_keys(places.clients))
        self._certificate = LastGood(INPUTS[2], lambda: check_certificate(places.tls))
        self._files = EnvoyFiles(places.files, admin)
        self._files.write_bootstrap(bootstrap(str(places.files), places.admin_port))
        self._written: tuple[ModelTable, ClientKeys] | None = None
        self._failure = ""

    @property
    def table(self) -> ModelTable:
        """The last good one; one without models before there is any."""
        return self.loaded or ModelTable()

    @property
    def loaded(self) -> ModelTable | None:
        """The last good one; None before there is any."""
        return self._table.value

    @property
    def complete(self) -> bool:
        """Whether Envoy has all its files, of this process or of one before."""
        return self._files.complete

    def run(self) -> None:
        """One round. Whatever goes wrong in it leaves Envoy its files, and comes again with the next.

        An agent that ended would take its pod out of the Service, while Envoy answers by these files: and what is wrong
        with a table is wrong in every pod.
        """
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 - see above
            metrics.FILES_TAKEN.set(0)
            self._written = None
            failure = _place_of(error)
            if failure != self._failure:
                logger().error("a round failed, and Envoy serves by its files", extra={"facts": {"error": failure}})
            self._failure = failure
        else:
            self._failure = ""

    def _run(self) -> None:
        used: list[LastGood[Any]] = [self._table]
        self._table.read()
        if table := self._table.value:
            used += [] if table.anonymous else [self._keys]
            used += [self._certificate] if table.tls else []
            for one in used[1:]:
                one.read()
            self._write(table)
        unusable = {one.name for one in used if one.problem}
        for name in INPUTS:
            metrics.INPUT_USABLE.labels(name).set(name not in unusable)

    def _write(self, table: ModelTable) -> None:
        keys = ClientKeys() if table.anonymous else self._keys.value
        if keys is None:
            if self.complete:  # the files may have keys that this process has never seen
                return
            keys = ClientKeys()
        if (table.tls and not self._certificate.value) or self._written == (table, keys):
            return
        place = self._places
        where = Listening(str(place.files), place.port, place.address, str(place.tls))
        files = render(table, keys.of, where)
        metrics.FILES_TAKEN.set(self._files.replace(files))
        metrics.GATEWAY_CHANGES.inc()
        self._count(table, keys)
        self._written = (table, keys)

    @staticmethod
    def _count(table: ModelTable, keys: ClientKeys) -> None:
        twice = shared_keys(keys.of)
        metrics.GATEWAY_MODELS.set(len(table.models))
        metrics.GATEWAY_CLIENTS.set(sum(map(bool, keys.of.values())))
        metrics.SHARED_KEYS.set(len(twice))
        metrics.IGNORED_KEYS.set(keys.ignored)
        facts = {"models": len(table.models), "clients": len(keys.of), "ignored": keys.ignored}
        logger().info("the files are written", extra={"facts": facts})
        for owners in twice:
            facts_of = {"clients": list(owners)}
            logger().warning("a key that two clients have is nobody's", extra={"facts": facts_of})


def _place_of(error: Exception) -> str:
    """What an error is and where it was raised, without its message, which may have keys."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f" in {Path(place.tb_frame.f_code.co_filename).name}, line {place.tb_lineno}" if place else ""
    return f"{type(error).__name__}{where}"
