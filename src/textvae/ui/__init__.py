"""What the report and the explorer show alike: colours and letters, how pages begin, the map of texts, the language."""

from importlib.resources import files


def asset(name: str) -> str:
    """The text of a file in this room: ``theme.css``, ``base.css``, ``map.css``, ``map.js`` or ``strings.js``."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
