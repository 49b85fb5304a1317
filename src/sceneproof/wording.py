"""Words of messages."""


def counted(count: int, thing: str, things: str | None = None) -> str:
    """'1 video', '2 videos', '1,200 videos'.

    Args:
        count: how many.
        thing: one of them.
        things: several, where an s at the end does not do.
    """
    return f"{count:,} {thing if count == 1 else things or f'{thing}s'}"


def bytes_in_words(number: float) -> str:
    """'12.3 MB', to three digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
