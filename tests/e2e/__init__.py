"""The whole operator on a real control plane, driven by kubectl and the shipped kustomizations alone.

It passes with the stand-in for Metacontroller and with the real program, so it waits for outcomes and never for steps.
"""
