"""The bench: what the hooks cost, beside what the same work costs without them, measured in one run."""
