"""The endpoint hook: decide, build, report, and the same decision for admission. Imports hooks.objects."""
