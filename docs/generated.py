"""Pages that are made from the program when the documents are built: they cannot say what is no longer so.

A hook of MkDocs. Rules come from the catalogue, commands from click, options from the plugin, schemas from their files.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click
from markupsafe import escape
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from vapi_conformance.cli import main
from vapi_conformance.data import data_dir
from vapi_conformance.dialects.names import EVERY
from vapi_conformance.narrow import array_or_none, array_or_nothing, object_or_nothing
from vapi_conformance.options import OPTIONS
from vapi_conformance.rules import Profile, Rule, all_rules
from vapi_conformance.specimens import load_specimen

__all__ = ["commands_page", "on_files", "options_page", "rules_page", "schemas_page"]

_NO_LEVEL: Final = "–"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by MkDocs once it knows the written pages."""
    pages = {
        "reference/rules.md": rules_page(),
        "reference/commands.md": commands_page(),
        "reference/options.md": options_page(),
        "reference/schemas.md": schemas_page(),
    }
    for address, lines in pages.items():
        files.append(File.generated(config, address, content="\n".join(lines) + "\n"))
    for path in sorted((data_dir("schemas") / "harness").glob("*.json")):
        files.append(File.generated(config, f"schemas/{path.name}", abs_src_path=str(path)))
    return files


def _cell(text: str) -> str:
    """Plain text in a table or a paragraph; `code` stays code."""
    parts = text.replace("|", "&#124;").split("`")
    return "".join(f"`{part}`" if number % 2 else str(escape(part)) for number, part in enumerate(parts))


# Rules


def rules_page() -> Iterator[str]:
    """Every rule by layer: an address of its own, what holds, how strictly, where that is written, what to do."""
    layers: defaultdict[str, list[Rule]] = defaultdict(list)
    for rule in all_rules().values():
        layers[rule.id.partition(".")[0]].append(rule)
    yield "# Rules"
    yield ""
    yield f"{len(all_rules())} rules in {len(layers)} layers. A MUST fails a run, a SHOULD warns, a MAY informs. "
    yield "`openai_compatible` is judged one step softer than `openai_chat_completions` where a rule says *softened*. "
    yield "`vapi-conformance explain RULE` shows an example that breaks it, and what is said about that."
    for layer, rules in layers.items():
        yield from ("", f"## {layer}", "")
        for rule in rules:
            yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    softened = "" if rule.both or rule.standard is None else ", softened"
    yield from ("", f"### {rule.id} {{ #{rule.id} }}", "", _cell(rule.statement), "")
    levels = {profile: rule.level_of(profile) for profile in Profile}
    named = ", ".join(
        f"{profile.value} **{level.name if level else _NO_LEVEL}**"
        + (softened if profile is Profile.STANDARD and level else "")
        for profile, level in levels.items()
    )
    yield f"* Level: {named}"
    yield f"* Source: {_cell(rule.source)}"
    if rule.dialects != EVERY:
        yield f"* Dialects: {', '.join(f'`{each}`' for each in sorted(rule.dialects))}"
    if rule.scenarios:
        yield f"* Shown by: {', '.join(f'`{each}`' for each in rule.scenarios)}"
    yield f"* What to do: {_cell(rule.remedy)}"
    yield f"* Broken, for example: {_cell(load_specimen(rule.id).about)}"


# Commands and options


def commands_page() -> Iterator[str]:
    """What `--help` says of each command."""
    yield from ("# Commands", "", "What `--help` says. `--json` prints one document after its [schema](schemas.md).")
    for program in ("vapi-conformance",):
        yield from _help(main, click.Context(main, info_name=program), depth=2)


def _help(command: click.Command, context: click.Context, *, depth: int) -> Iterator[str]:
    context.color = False
    context.terminal_width = context.max_content_width = 100
    yield from ("", f"{'#' * depth} {context.command_path}", "", "```text", command.get_help(context), "```")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _help(found, click.Context(found, parent=context, info_name=name), depth=depth + 1)


def options_page() -> Iterator[str]:
    """The options of the plugin, with the other places where they can be set."""
    yield from ("# Options of pytest", "", "The option wins over the environment, the environment over the ini file.")
    for option in OPTIONS:
        repeats = ", repeatable" if option.kind == "many" else ""
        yield from ("", f"## `{option.flag} {option.metavar}`", "", _cell(option.help), "")
        yield f"Ini key `{option.ini}`, environment variable `{option.variable}`{repeats}."


# Schemas


def schemas_page() -> Iterator[str]:
    """Each document that the program reads or writes."""
    yield from ("# JSON schemas", "", "JSON Schema 2020-12. Keys are added, never changed or taken away in a version.")
    for path in sorted((data_dir("schemas") / "harness").glob("*.json")):
        yield from _schema(path)


def _schema(path: Path) -> Iterator[str]:
    document = object_or_nothing(json.loads(path.read_text(encoding="utf-8")))
    title = str(document.get("title", path.stem))
    about = _cell(str(document.get("description", "")))
    yield from ("", f"## {path.stem} {{ #{path.stem} }}", "", f"**{_cell(title)}.** {about}")
    yield from ("", f"[{path.name}](../schemas/{path.name})", "")
    properties = object_or_nothing(document.get("properties"))
    if not properties:
        return
    required = set(array_or_nothing(document.get("required")))
    yield from ("| key | | what it is |", "| --- | --- | --- |")
    for key, value in properties.items():
        stated = object_or_nothing(value)
        yield f"| `{key}` | {'required' if key in required else ''} | {_cell(_about(stated))} |"


def _about(stated: Mapping[str, object]) -> str:
    """A description, or the type where there is none."""
    said = stated.get("description") or stated.get("title")
    if isinstance(said, str):
        return said
    if "const" in stated:
        return f"`{json.dumps(stated['const'])}`"
    kinds = stated.get("enum") or stated.get("type") or ""
    return ", ".join(map(str, array_or_none(kinds) or [kinds]))
