"""The examples of the protocol are what the server says."""

from pathlib import Path

from protocol_examples import DOCUMENT, play


async def test_the_examples_are_what_the_server_says(tmp_path: Path) -> None:
    said = await play(tmp_path)
    assert said == DOCUMENT.read_text(), "the protocol has changed: look, then run make protocol-examples"
