"""Bytes in words, for people: 12.3 GiB."""

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def words(amount: int, *, at_least: bool = False) -> str:
    """`amount` bytes in the largest unit that it fills, with one digit after the point where that is not 0.

    Rounded down, so that what is there is never said to be more; up with `at_least`, for what is asked for. Then what
    falls short never reads as if it were enough.
    """
    power = max((amount.bit_length() - 1) // 10, 0)
    power = min(power, len(UNITS) - 1)
    unit = 1024**power
    tenths = (amount * 10 + (unit - 1 if at_least else 0)) // unit
    whole, tenth = divmod(tenths, 10)
    return f"{whole}{f'.{tenth}' if tenth else ''} {UNITS[power]}"
