"""Each file `*.txt` here is a test: a story of edits and builds."""

from pathlib import Path

import pytest

from tests.scenarios.stories import Stage, parse

STORIES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# "), "a story begins with what holds"
    story = parse(text)
    stage = Stage(tmp_path)
    stage.set_up(story.files)
    for number, words in story.commands:
        try:
            stage.act(words)
        except AssertionError as error:
            error.add_note(f"{path.name}:{number}: {' '.join(words)}")
            raise
    assert not stage.refused, stage.refused
