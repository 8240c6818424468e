"""Processes by port: what happens on the port of admission must not hold up the hooks, and the other way round."""

from typing import Any, NamedTuple


class Role(NamedTuple):
    """What a worker serves. Without a port of admission, every worker serves everything."""

    admission_port: int | None
    hooks: bool = True
    admission: bool = True

    def serves(self, port: int) -> bool:
        """Whether it accepts connections on this port."""
        return self.admission if port == self.admission_port else self.hooks


EVERYTHING = Role(None)


def processes(hooks: int, admission_port: str | None) -> int:
    """How many workers there are: one for admission besides those of the hooks."""
    return hooks + 1 if admission_port else hooks


def missing(server: Any, admission_port: str | None) -> Role:  # noqa: ANN401 - gunicorn's master
    """The role of the next worker: admission where no worker of the present settings has it, and hooks otherwise.

    After SIGHUP, the workers of the former settings still live for a while; they are about to end.
    """
    if not admission_port:
        return EVERYTHING
    present = [worker.role for worker in server.WORKERS.values() if worker.cfg is server.cfg]
    admission = not any(role.admission for role in present)
    return Role(int(admission_port), hooks=not admission, admission=admission)
