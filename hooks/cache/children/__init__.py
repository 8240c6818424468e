"""The children of an AIMCache: one builder per kind, each a literal that reads like the YAML it becomes."""
