"""The domain of serving models: pure computation from plain data to plain data.

Nothing in this package knows the time, the environment, the network or a cluster. The only files read are the ones
shipped inside it (`aimlib.data`).
"""
