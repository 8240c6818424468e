"""The model of the hub's own tests."""

MODEL = "acme/some-model"
FILES = {
    "config.json": b'{"model_type": "some"}',
    "model-00001-of-00002.safetensors": 300_000,
    "model-00002-of-00002.safetensors": 65_537,
    "tokenizer.json": 20_000,
    "original/params.json": b"{}",
    "original/deep/consolidated.bin": 10,
}
WEIGHTS = "model-00001-of-00002.safetensors"
