"""The cache hook: claim, Jobs and their reports. Imports hooks.objects."""
