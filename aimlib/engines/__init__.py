"""The engines vLLM and SGLang: versions, images, flags and arguments. Imports aimlib.api and aimlib.data."""
