"""Endpoints that are scaled by KEDA and by the VerticalPodAutoscaler, the real ones: `make autoscalers`."""
