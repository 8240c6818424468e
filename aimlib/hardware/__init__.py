"""GPU products, and what nodes' labels tell of them: AIMNode, AIMInventory. Imports aimlib.api and aimlib.data."""
