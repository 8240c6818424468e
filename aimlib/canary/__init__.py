"""Canaries as a pure function: from how far one is and what is observed to how far it is next."""
