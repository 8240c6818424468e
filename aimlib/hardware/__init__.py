"""GPU products, and the devices of nodes: AIMNode, AIMInventory. Imports aimlib.api and aimlib.data."""
