"""Which process serves which port."""

from types import SimpleNamespace

from hooks.server.roles import EVERYTHING, missing, processes

PORT = "9443"


def master(*roles, former=()):
    present, before = object(), object()
    workers = [SimpleNamespace(role=role, cfg=present) for role in roles]
    workers += [SimpleNamespace(role=role, cfg=before) for role in former]
    return SimpleNamespace(cfg=present, WORKERS=dict(enumerate(workers)))


def served(role):
    return [port for port in (8443, 9443) if role.serves(port)]


def test_without_a_port_of_admission_every_process_serves_everything():
    assert missing(master(), None) == EVERYTHING
    assert served(EVERYTHING) == [8443, 9443]
    assert processes(2, None) == 2


def test_admission_has_a_process_besides_those_of_the_hooks():
    first = missing(master(), PORT)
    second = missing(master(first), PORT)
    third = missing(master(first, second), PORT)
    assert [served(role) for role in (first, second, third)] == [[9443], [8443], [8443]]
    assert processes(2, PORT) == 3


def test_a_process_that_replaces_another_has_its_role():
    admission = missing(master(), PORT)
    hooks = missing(master(admission), PORT)
    assert missing(master(hooks, hooks), PORT) == admission
    assert missing(master(admission, hooks), PORT) == hooks


def test_processes_of_former_settings_do_not_count():
    admission = missing(master(), PORT)
    assert missing(master(former=[admission]), PORT) == admission
