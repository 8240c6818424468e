"""Literals that children of several kinds share. Imports aimlib alone."""
