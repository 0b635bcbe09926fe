"""The end of a command's help: how it is used."""


def examples(*lines: str) -> str:
    """Lay out example lines; a line that begins with ``#`` explains the next one."""
    return "Examples\n\n" + "\n".join(f"  {line}".replace("[", "\\[") for line in lines)
