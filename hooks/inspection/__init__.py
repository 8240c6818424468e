"""Finds the facts of a model that nobody described, by a Job. Imports hooks.objects."""
