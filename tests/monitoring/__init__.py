"""A real Prometheus over simulated model servers and exporters: the rules, dashboards and figures are tested on it."""
