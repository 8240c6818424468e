"""The state of objects as metrics: a stand-in for kube-state-metrics, and the real program where there is one."""
