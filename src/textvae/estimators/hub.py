"""Models on the Hugging Face Hub: folders that go there and come from there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from textvae.errors import TextVAEError, first_line


def push(
    repo_id: str,
    write: Callable[[Path], object],
    *,
    private: bool | None = None,
    token: str | None = None,
    message: str | None = None,
) -> str:
    """Uploads the folder that ``write`` fills, and returns its address there.

    Raises:
        TextVAEError: it could not be uploaded.
    """
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / repo_id.rpartition("/")[2]
        write(folder)
        try:
            api.create_repo(repo_id, private=private, exist_ok=True)
            done = api.upload_folder(
                repo_id=repo_id, folder_path=folder, commit_message=message or "A model of textvae"
            )
        except Exception as error:  # the network, rights, names: many kinds
            raise TextVAEError(f"Could not push to {repo_id}: {first_line(error)}") from error
    return str(done)


def fetch(repo_id: str, revision: str | None = None) -> Path:
    """The folder that a repository was downloaded to.

    Raises:
        TextVAEError: it could not be fetched.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repo_id, revision=revision))
    except Exception as error:  # the network, rights, names: many kinds
        raise TextVAEError(f"Could not fetch {repo_id}: {first_line(error)}") from error
