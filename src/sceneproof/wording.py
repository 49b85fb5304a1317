"""Words of messages."""


def counted(count: int, thing: str, things: str | None = None) -> str:
    """'1 video', '2 videos', '1,200 videos'.

    Args:
        count: how many.
        thing: one of them.
        things: several, where an s at the end does not do.
    """
    return f"{count:,} {thing if count == 1 else things or f'{thing}s'}"


def clock(seconds: float) -> str:
    """Minutes, with hours where there are any, and seconds to a tenth: "1:02:03.4"."""
    minutes, rest = divmod(round(float(seconds), 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def bytes_in_words(number: float) -> str:
    """'12.3 MB', to three digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
