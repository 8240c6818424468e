"""The command line, `aim`: calls the hooks with files or with a cluster's objects. An edge: it may do I/O."""

import os

# Else pydantic looks for plugins in the metadata of every installed package, which takes longer than most commands.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
