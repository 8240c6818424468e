"""A server on loopback that speaks the Hugging Face hub's protocol as huggingface_hub 2.4 does, faults included."""

from tests.hub.faults import Fault
from tests.hub.server import Hub

__all__ = ["Fault", "Hub"]
