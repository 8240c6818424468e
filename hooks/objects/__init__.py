"""Objects and parts of objects that both hooks with children build. Imports aimlib alone."""
