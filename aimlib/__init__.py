"""The domain of serving models: pure functions from plain data to plain data.

Nothing in this package reads the time, the environment, the network or a cluster. The only files it reads are those
shipped inside it (`aimlib.data`).
"""
