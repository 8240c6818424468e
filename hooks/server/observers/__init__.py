"""Observers: clients that request what a hook's request does not bring. AIM_OBSERVE enables each."""
