"""Diagnoses pods that do not become ready: scheduling, images, errors of engines. Hides secrets in messages."""
