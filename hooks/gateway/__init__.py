"""The hook of AIMGateways: from the Services of endpoints to a table of models, and the pods that serve by it."""
