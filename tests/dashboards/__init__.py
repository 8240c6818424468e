"""The Grafana dashboards: what they show, as tables, and what makes the shipped files of them."""
