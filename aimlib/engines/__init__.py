"""What vLLM and SGLang accept: their versions, images, flags and arguments. Imports aimlib.api and aimlib.data."""
