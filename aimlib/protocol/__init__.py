"""The requests and responses of Metacontroller and of admission webhooks; observed children and conditions."""
