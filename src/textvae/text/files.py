"""Files to lines: opened, decompressed and decoded piece by piece, so that a file of any size takes little memory."""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import lzma
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from textvae.errors import TextVAEError

COMPRESSIONS = (".gz", ".xz", ".zst")

_PIECE = 2**18  # bytes read at once


def pieces_of(path: Path | None) -> Iterator[bytes]:
    """The content of a file, decompressed, or of standard input if ``path`` is None.

    Raises ``TextVAEError`` if it is missing or damaged.
    """
    if path is None:
        yield from _read(sys.stdin.buffer)
        return
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            yield from _decompressed(file, suffix)
    except FileNotFoundError as error:
        raise TextVAEError(f"there is no file {path}") from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        if suffix in COMPRESSIONS:
            raise TextVAEError(f"{path} is not a whole {suffix} file: {error}") from error
        raise TextVAEError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def lines_of(path: Path | None) -> Iterator[str]:
    """The lines of a file, or of standard input; only line feeds and carriage returns end one.

    They are UTF-8, or UTF-16 with a byte order mark. Raises ``TextVAEError`` for anything else, naming the line,
    and at the end for a file with nothing in it.
    """
    name = str(path) if path else "standard input"
    encoding, decoder = "", None
    count, rest, blank = 0, "", True
    try:
        for piece in itertools.chain(pieces_of(path), [b""]):
            if decoder is None:
                encoding = "utf-16" if piece[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
                decoder = io.IncrementalNewlineDecoder(
                    codecs.getincrementaldecoder(encoding)(), translate=True
                )
            text = rest + decoder.decode(piece, final=not piece)
            blank = blank and not text.strip()
            *lines, rest = text.split("\n")
            count += len(lines)
            yield from lines
    except UnicodeDecodeError as error:
        line = count + error.object.count(b"\n", 0, error.start) + 1
        raise TextVAEError(
            f"{name}: line {line} is not {encoding[:6].rstrip('-').upper()} text "
            f"(byte 0x{error.object[error.start]:02x}); save the file as UTF-8"
        ) from error
    except TextVAEError as error:
        raise TextVAEError(f"{error} (after line {count})" if count else str(error)) from error
    if rest:
        yield rest
    if blank:
        raise TextVAEError(f"{name} is empty")


def _decompressed(file: BinaryIO, suffix: str) -> Iterator[bytes]:
    if suffix == ".gz":
        return _read(gzip.GzipFile(fileobj=file))
    if suffix == ".xz":
        return _read(lzma.LZMAFile(file))
    if suffix == ".zst":
        return _read_zst(file)
    return _read(file)


def _read(file: Any) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _read_zst(file: BinaryIO) -> Iterator[bytes]:
    """One frame after the other: the library's own stream takes a file cut short for a whole one."""
    zstandard = _zstandard()
    frame = None
    for piece in _read(file):
        while piece:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            try:
                content = frame.decompress(piece)
            except zstandard.ZstdError as error:
                raise OSError(str(error)) from error
            if content:
                yield content
            piece, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise EOFError("it ends before its end-of-frame mark")


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise TextVAEError("reading .zst files needs zstandard: pip install 'textvae[data]'") from error
    return zstandard
