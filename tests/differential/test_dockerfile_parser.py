"""`docker_file` against BuildKit's own parser, of the version that bs provides: the same instructions."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from buildsys.analysis.docker_file import KEYWORDS, DockerFileReader, Instruction, instructions
from tests.differential.workspaces import REPOSITORY, output_of

PARSER = """package main

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

type instruction struct {
	Keyword string
	Flags   []string
	Words   []string
	Line    int
}

func parsed(text string) []instruction {
	result, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		return nil
	}
	found := []instruction{}
	for _, node := range result.AST.Children {
		one := instruction{node.Value, node.Flags, nil, node.StartLine}
		for next := node.Next; next != nil; next = next.Next {
			one.Words = append(one.Words, next.Value)
		}
		found = append(found, one)
	}
	return found
}

func main() {
	var texts []string
	file, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	if err := json.NewDecoder(file).Decode(&texts); err != nil {
		panic(err)
	}
	found := [][]instruction{}
	for _, text := range texts {
		found = append(found, parsed(text))
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
"""
WITH_WORDS = ("ADD", "COPY", "FROM")
PIECES = (
    "--x=y", "--x='y z'", '--x="y"', "--", "#", "\n# c\n", "<<EOF", "<<-EOF", "<<'EOF'", '<<"E F"',
    "3<<EOF", "<<A<<B", "A<<B", "<<$X", "<<EO\\F", "<<", "<<<x", '"', "'", '"a b"', "'a b'", "$X", "${X}",
    "${X:-", "${X:-y}", "}", "$((1<<2))", "a", "b c", '["a", "b"]', '["a", "<<EOF"]', "[", "]", "`", "|",
    ">x", "&&", ";", "=", "\\", "\\\n", "\\ \n", "\\\\", " ", "\t", "\r\n", "\xa0", "\u2028", "\nEOF\n",
    "\nEOF\nUSER x", "\n\tEOF\n", "\nA\nB\n", "\nE F\n", "\nRUN x", "\nCOPY a", "\nadd ", "\nCMD ",
    "\nFROM b", "\n", "\n\n", "\\\n\n", "\n\\\n",
)  # fmt: skip
TEXTS = 50_000


def made_up(chance: random.Random) -> str:
    pieces = [chance.choice(PIECES) for _ in range(chance.randint(1, 14))]
    first = chance.choice(("RUN ", "COPY ", "ADD ", "RUN --x ", "USER "))
    return "FROM a\n" + first + "".join(piece + chance.choice(("", " ")) for piece in pieces)


def ours(text: str) -> list[dict[str, Any]] | None:
    """Nothing if bs refuses the file."""
    facts = DockerFileReader().read(text)
    found = list(instructions(facts))
    if facts["faults"] or any(one.keyword not in KEYWORDS for one in found):
        return None
    return [of_ours(one) for one in found]


def of_ours(one: Instruction) -> dict[str, Any]:
    flags = [
        f"--{flag.name}={flag.value}".removesuffix("=")
        for flag in one.flags
        if flag.written != "--"
    ]
    words = list(one.words) if one.keyword in WITH_WORDS else []
    return {"Keyword": one.keyword, "Flags": flags, "Words": words, "Line": one.place()[0]}


def of_theirs(one: dict[str, Any]) -> dict[str, Any]:
    keyword = one["Keyword"].upper()
    flags = [flag.removesuffix("=") for flag in one["Flags"] or ()]
    words = (one["Words"] or []) if keyword in WITH_WORDS else []
    return {"Keyword": keyword, "Flags": flags, "Words": words, "Line": one["Line"]}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_instructions_are_those_of_buildkit(tmp_path: Path) -> None:
    for name in ("go.mod", "go.sum"):
        shutil.copy(REPOSITORY / "buildsys" / "engine" / "tools" / name, tmp_path)
    (tmp_path / "main.go").write_text(PARSER)
    chance = random.Random(1)
    texts = [made_up(chance) for _ in range(TEXTS)]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    printed = output_of("go", "run", ".", "texts.json", cwd=tmp_path, GOFLAGS="-mod=mod")
    compared = 0
    for text, wanted in zip(texts, json.loads(printed), strict=True):
        found = ours(text)
        if wanted is not None and found is not None:
            compared += 1
            assert found == [of_theirs(one) for one in wanted], text
    assert compared > TEXTS // 20, "enough are neither refused nor nonsense"
