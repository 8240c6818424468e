"""Tests of the stand-in for Metacontroller; `test_contract` holds it and the real program to the same contract."""
