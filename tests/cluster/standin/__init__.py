"""A stand-in for Metacontroller v4.17.2 with dynamic-apply, for development and tests of this project only.

It follows Metacontroller's hook contract v2 closely enough that hooks cannot tell the difference: the same
requests, the same answers refused, the same writes. What it lacks (finalize hooks, v1 hooks, Rolling strategies,
ETags, authorisation of hook calls, server-side apply) it refuses by name; nothing is accepted and ignored.

One sync, module by module: `informer` sees an object change, `controller` queues its parent and a worker takes it,
`children` collects what the parent owns, `customize` what it relates, `hooks` asks, `responses` refuses what the
contract forbids, `children` writes what differs (`apply`), and `composite` or `decorator` the rest.
"""
