"""Tests of the operator, and the local control plane that they and the demo run on."""
