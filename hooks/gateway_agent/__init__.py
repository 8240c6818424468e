"""The program beside Envoy in the pods of a gateway: it writes Envoy's files and is on the path of no token.

While it is down, Envoy serves by the files that it has.
"""
