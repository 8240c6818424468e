"""The command group `aim cache`: models on a volume, by the same code that the Jobs of an AIMCache run.

Each command imports hooks.volume when it runs: that needs the extra `download`, and the other commands do not.
"""

import click

ROOT = click.argument("root", type=click.Path(file_okay=False))


@click.group(short_help="Download models to a volume and look after them.")
def cache() -> None:
    """Download models to a volume and look after them.

    ROOT is the folder that an AIMCache mounts (storage.mountPath), or any folder: models are kept in ROOT/hub, in the
    layout of the Hugging Face hub's cache.
    """
