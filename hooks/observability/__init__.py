"""Logs, metrics and the audit record of what the hooks decide. Imports aimlib alone."""
