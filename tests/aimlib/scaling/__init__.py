"""Tests of what scaling would have cost."""
