"""A node may have any number of slices: what is looked at grows with the devices, not with their pairs."""

from aimlib.hardware.same_gpu import ALTERNATIVES, GpuMember, doubts

DEVICES = 300


class Counted:
    """A kind that counts how often kinds are told apart."""

    looked_at = 0

    def __hash__(self):
        Counted.looked_at += 1
        return id(self)

    def __eq__(self, other):
        return self is other


def test_each_device_of_one_set_of_counters_is_looked_at_a_few_times():
    members = [GpuMember("OnDemand", f"gpu-{at}", frozenset({"pool/set"}), Counted()) for at in range(DEVICES)]
    assert doubts(members) == [ALTERNATIVES] * DEVICES
    assert Counted.looked_at < 20 * DEVICES
