"""What people have elsewhere as objects of this API: computation only. Each part is reported with what became of it."""
