"""Downloads from real servers of other makers, which are installed beside the project; `make sources` runs them."""
