"""Formats numbers of bytes: with a unit (12.3 GiB), as a short quantity, and as progress."""

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_bytes(amount: int, *, at_least: bool = False) -> str:
    """`amount` bytes in the largest unit that they fill, with one decimal digit unless it is 0.

    Rounded down, so that available space is never overstated; with `at_least` rounded up, for required space. Then
    too little space never looks like enough.
    """
    power = max((amount.bit_length() - 1) // 10, 0)
    power = min(power, len(UNITS) - 1)
    unit = 1024**power
    tenths = (amount * 10 + (unit - 1 if at_least else 0)) // unit
    whole, tenth = divmod(tenths, 10)
    return f"{whole}{f'.{tenth}' if tenth else ''} {UNITS[power]}"


def short_quantity(amount: int) -> str:
    """Bytes as a short quantity, such as `61.2Gi`; rounded, so not for comparisons."""
    return format_bytes(amount).removesuffix(" bytes").replace(" ", "").removesuffix("B")


def format_progress(done: int, total: int) -> str:
    """`12.3 of 61.2 GiB (20 %)`, for a total above 0; 100 % only when it is complete."""
    percent = 100 if done >= total else min(99, 100 * done // total)
    part, whole = format_bytes(done), format_bytes(total)
    unit = whole.split()[1]
    return f"{part.removesuffix(f' {unit}')} of {whole} ({percent} %)"
