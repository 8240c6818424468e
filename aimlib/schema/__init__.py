"""CRDs from the API types, and objects from text: parsing, validation, error messages. Imports aimlib.api."""
