"""Bytes for people: in words (12.3 GiB), as a short quantity, and as how much of a whole is there."""

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_bytes(amount: int, *, at_least: bool = False) -> str:
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


def short_quantity(amount: int) -> str:
    """Bytes as a quantity that is short to read, such as `61.2Gi`; rounded, so not for what is compared."""
    return format_bytes(amount).removesuffix(" bytes").replace(" ", "").removesuffix("B")


def format_progress(done: int, total: int) -> str:
    """`12.3 of 61.2 GiB (20 %)`, of a total that is not 0; never 100 % before all of it is there."""
    percent = 100 if done >= total else min(99, 100 * done // total)
    part, whole = format_bytes(done), format_bytes(total)
    unit = whole.split()[1]
    return f"{part.removesuffix(f' {unit}')} of {whole} ({percent} %)"
