"""The cache hook: PersistentVolumeClaim, Jobs and their reports. Imports hooks.objects."""
