"""Tests of the pure core; the folder mirrors `aimlib/`."""
