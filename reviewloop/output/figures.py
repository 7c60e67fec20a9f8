"""Numbers as people read them: durations, tokens, money, shares, counted nouns."""


def duration(seconds: float) -> str:
    """Return `4.2 s`, `3 min 05 s` or `1 h 02 min`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def money(usd: float | None) -> str:
    """Return an amount in US dollars; None is an unknown price and is shown as such."""
    if usd is None:
        return "price unknown"
    return f"${usd:.2f}" if usd >= 0.01 or usd == 0 else "<$0.01"


def tokens(count: int) -> str:
    """Return `950`, `12.3k` or `1.24M`."""
    if count < 1000:
        return str(count)
    if count < 999_950:
        return f"{count / 1000:.1f}k"
    return f"{count / 1_000_000:.2f}M"


def share(value: float) -> str:
    """Return a share of 0 to 1 in percent, never rounded up to a hundred."""
    percent = value * 100
    return f"{int(percent)} %" if 99 < percent < 100 else f"{percent:.0f} %"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 file` or `3 files`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
