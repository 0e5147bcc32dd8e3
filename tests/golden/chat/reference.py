"""Renders a template as transformers renders chat templates: the reference of make.py and compare.py."""
import datetime
import json
from unittest import mock

from transformers.utils import chat_template_utils

CLOCK = "2025-07-10T12:34:56"


class _Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromisoformat(CLOCK)


def render(template, variables):
    """{"text": ...}, or {"raises": message, "kind": the exception's name}."""
    with mock.patch.object(chat_template_utils, "datetime", _Clock):
        try:
            compiled = chat_template_utils._cached_compile_jinja_template(template)
            return {"text": compiled.render(**variables)}
        except Exception as error:  # whatever a template raises
            return {"raises": str(error), "kind": type(error).__name__}
        except RecursionError as error:
            return {"raises": str(error), "kind": "RecursionError"}


def run_tool(tool, cases):
    """What tests/tool/jinja.c makes of [(template, variables)]."""
    import subprocess

    lines = "".join(json.dumps({"template": t, "variables": v, "now": CLOCK}) + "\n" for t, v in cases)
    answer = subprocess.run([tool], input=lines, capture_output=True, text=True)
    answers = [json.loads(line) for line in answer.stdout.splitlines()]
    if len(answers) != len(cases):
        raise SystemExit(f"{tool} ended after {len(answers)} of {len(cases)} templates: {cases[len(answers)]!r} {answer.stderr}")
    return answers
