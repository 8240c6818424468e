"""The README's recording: its own commands, run on the control plane of the demo."""
