"""A simulated engine: a program with the command line, the API and the metrics of vLLM or SGLang, and no model.

Its answers are held to those of a real one (tests/testdata/engine-answers), its metrics to the published packages.
What it does besides answering is commanded by the tag of its image and by POST /simulation (behaviour.py).
"""
