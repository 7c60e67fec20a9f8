"""Writes docs/schemas: the JSON Schema of the object that each command prints with `--json`.

    python docs/make_schemas.py

What is a pydantic model, a dataclass or a TypedDict comes from there, the rest is written here.
"""

import json
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import TypeAdapter

from reviewloop.domain.errors import ExitCode
from reviewloop.domain.finding import Finding
from reviewloop.github.artifacts.handoff import Handoff
from reviewloop.render.json import SCHEMA, VERSION
from reviewloop.render.proposal import Proposal
from reviewloop.store.runs import RunRecord, RunStatus

FOLDER = Path(__file__).parent / "schemas"
Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
CODE: Schema = {"enum": [int(code) for code in ExitCode]}
ANYTHING: Schema = {}
PLAIN: dict[Any, Schema] = {str: TEXT, int: COUNT, float: NUMBER, bool: FLAG, Any: ANYTHING}


def one_of(*words: str) -> Schema:
    """Return the schema of one of these words."""
    return {"enum": [*words]}


def some(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def maybe(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def by_name(schema: Schema) -> Schema:
    """Return the schema of an object whose keys are data."""
    return {"type": "object", "additionalProperties": schema}


def obj(always: dict[str, Schema], **sometimes: Schema) -> Schema:
    """Return the schema of an object; new keys may come at any time."""
    return {
        "type": "object",
        "properties": {**always, **sometimes},
        "required": [*always],
        "additionalProperties": True,
    }


def of_type(hint: Any) -> Schema:
    """Return the schema of a Python type; the keys of a TypedDict may all be missing."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        return obj({}, **{name: of_type(each) for name, each in get_type_hints(hint).items()})
    if origin in (Union, types.UnionType):
        [known] = [each for each in inner if each is not type(None)]
        return maybe(of_type(known))
    if origin is list:
        return some(of_type(inner[0]))
    if origin is Literal:
        return one_of(*inner)
    if hint is RunStatus:
        return one_of(*RunStatus)
    return by_name(of_type(inner[1]))


def of_model(model: Any) -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of a pydantic model as it is dumped, all keys there, and those it names."""
    found = TypeAdapter(model).json_schema(mode="serialization")
    named = found.pop("$defs", {})
    for each in (found, *named.values()):
        if "properties" in each:
            each["required"] = [*each["properties"]]
            each["additionalProperties"] = True
            for value in each["properties"].values():
                value.pop("default", None)
    return found, named


SPEC_SESSION: dict[str, Schema] = {
    **dict.fromkeys(("name", "path", "format", "status", "waits_for", "next"), TEXT),
    **dict.fromkeys(("document", "before", "problem", "summary"), TEXT),
    "notes": TEXTS,
    "quick": FLAG,
    "exit_code": COUNT,
    "approved": by_name(TEXT),
    "questions": some(obj({"question": TEXT, "choices": TEXTS, "default": TEXT})),
    "counts": by_name(COUNT),
    "spent": obj({"calls": COUNT, "tokens": COUNT, "usd": NUMBER}),
}
OVERLAP = obj({"spec": TEXT, "requirement": TEXT, "locations": TEXTS})
DRIFT = dict.fromkeys(("kind", "name", "spec", "in_spec", "in_code", "note", "before", "now"), TEXT)
CHANGE: dict[str, Schema] = {
    **dict.fromkeys(("name", "sentence", "spec", "branch", "status", "waits_for", "next"), TEXT),
    "exit_code": COUNT,
    **dict.fromkeys(("notes", "reasons", "tasks", "open", "common"), TEXTS),
    "common_files": COUNT,
    "edits": some(obj({**dict.fromkeys(("path", "quote", "text", "why"), TEXT), "below": FLAG})),
    "changes": some(obj(dict.fromkeys(("part", "id", "kind", "title", "words"), TEXT))),
    "impact": some(
        obj(
            {
                **dict.fromkeys(("path", "kind", "why", "task", "stays"), TEXT),
                "line": COUNT,
                "endpoints": TEXTS,
            }
        )
    ),
    "commits": some(obj({**dict.fromkeys(("commit", "subject", "task"), TEXT), "files": TEXTS})),
    "touched": by_name(TEXTS),
    "spent": obj({"calls": COUNT, "tokens": COUNT, "usd": NUMBER}),
}
SPEC_FINDING = obj(
    {
        **dict.fromkeys(
            ("id", "rule", "path", "title", "why", "suggestion", "quote", "note"), TEXT
        ),
        "severity": one_of("must_fix", "should_fix", "nit"),
        "line": COUNT,
    }
)
SPREAD = obj({"count": COUNT, **dict.fromkeys(("low", "mean", "high"), NUMBER)})
SKILL_SESSION: dict[str, Schema] = {
    **dict.fromkeys(("name", "kind_of", "status", "next", "text", "no_guard", "summary"), TEXT),
    "exit_code": COUNT,
    "guards": some(obj(dict.fromkeys(("kind", "key", "value", "evidence", "reason"), TEXT))),
    "edits": some(
        obj(dict.fromkeys(("skill", "quote", "replacement", "gap", "evidence", "reason"), TEXT))
    ),
    "refused": by_name(TEXT),
    "proof": obj(
        {},
        verdict=one_of("better", "worse", "same", "incomplete"),
        figure=TEXT,
        proved=FLAG,
        figures=by_name(by_name(SPREAD)),
        measurements=some(
            obj(
                {
                    **dict.fromkeys(("run", "text", "problem"), TEXT),
                    **dict.fromkeys(("number", "findings", "rounds", "tokens"), COUNT),
                    "blocked": FLAG,
                    "usd": maybe(NUMBER),
                }
            )
        ),
    ),
    "spent": obj({"calls": COUNT, "tokens": COUNT, "usd": NUMBER}),
}
QUIET: dict[str, Schema] = {
    **dict.fromkeys(("id", "rule", "reason"), TEXT),
    **dict.fromkeys(("paths", "evidence"), TEXTS),
}
REPLAY = obj(dict.fromkeys(("findings", "dismissed", "repeats", "lost"), COUNT))
HOOK_PROBLEM = obj({"path": TEXT, "line": COUNT, "text": TEXT, "level": one_of("error", "warning")})
COST = {
    **dict.fromkeys(("calls", "tokens", "unpriced", "estimated"), COUNT),
    "usd": NUMBER,
    "seconds": NUMBER,
}
TASK_STATES = ("open", "running", "stopped", "waiting", "committed", "blocked", "rejected")
ROW = {
    **dict.fromkeys(("task", "title", "run", "step", "why", "stands_on", "branch"), TEXT),
    **dict.fromkeys(("commit", "approved_by", "subject", "moved"), TEXT),
    "state": one_of(*TASK_STATES, "redone", "undone"),
    "exit_code": CODE,
    "files": maybe(COUNT),
    "tests": maybe(obj({}, passed=COUNT, failed=COUNT, skipped=COUNT)),
    "tests_ended": one_of("", "passed", "failed"),
    "coverage": maybe(NUMBER),
    "rounds": COUNT,
    "modifications": COUNT,
    "findings": maybe(
        obj(dict.fromkeys(("left", "must_fix", "fixed", "dismissed", "nits"), COUNT))
    ),
    **COST,
    "usd": maybe(NUMBER),
    "cost": obj(COST),
    "before": maybe(obj(COST)),
    "earlier": maybe(
        obj({"tries": COUNT, "why": TEXT, "each": some(obj({"run": TEXT, "why": TEXT})), **COST})
    ),
    "earlier_runs": TEXTS,
}
TASK_ROW = obj({**ROW, "refused": FLAG, "chosen": FLAG, "next": TEXT})
TOTALS = {**COST, "usd": maybe(NUMBER), "runs": COUNT, "before": maybe(obj(COST))}
ACCOUNT = {
    **dict.fromkeys(("batch", "spec", "branch", "reason"), TEXT),
    "mode": one_of("each", "queue", "autopilot"),
    "state": one_of("running", "stopped", "ended"),
    "left_out": TEXTS,
    "began_at": NUMBER,
    "told_at": NUMBER,
    "budget_usd": maybe(NUMBER),
    "deadline": maybe(NUMBER),
    "counts": {
        "type": "object",
        "propertyNames": {"enum": [*TASK_STATES, "redone", "undone"]},
        "additionalProperties": COUNT,
    },
    "totals": obj({**TOTALS, "sittings": COUNT, "wall_seconds": maybe(NUMBER)}),
    "tasks": some(TASK_ROW),
}
NEXT = obj({"command": TEXT, "why": TEXT})
SHARED_ACCOUNT = obj(ACCOUNT, remote=TEXT)
QUEUE_ALL = obj({"commits": TEXTS, "brings": TEXTS, "holds": TEXTS, "said": TEXT})
RESULT = obj(
    {
        **dict.fromkeys(("run", "task", "title", "spec", "branch", "commit", "why", "next"), TEXT),
        "what": TEXT,
        "exit_code": CODE,
    },
    left_on_it=TEXTS,
)
SHARED_RESULT = obj(
    {
        "run": TEXT,
        "choice": one_of("approve", "modify", "skip"),
        "what": one_of("queued", "answered", "held", "blocked", "refused"),
        "why": TEXT,
        "next": TEXT,
        "exit_code": CODE,
    },
    first=FLAG,
    brought_to=TEXT,
)
RUN_ROW = obj(
    {
        **dict.fromkeys(("run", "task", "batch", "title", "spec", "branch", "commit"), TEXT),
        **dict.fromkeys(("step", "reason"), TEXT),
        "status": one_of(*RunStatus, "stopped", "redone"),
        "incomplete": TEXTS,
        "exit_code": CODE,
        **dict.fromkeys(("created_at", "updated_at", "active_seconds"), NUMBER),
    }
)
FIXED = obj(dict.fromkeys(("found", "fixed", "dismissed", "left"), COUNT))
BY_SEVERITY = {**dict.fromkeys(("must_fix", "should_fix", "nit"), FIXED), "silenced": COUNT}
SPREAD = obj({"count": COUNT, **dict.fromkeys(("median", "mean", "most"), maybe(NUMBER))})
STRUCTURE = ("complexity_growth", "arch_findings", "copy_findings")
PART = obj({"rate": maybe(NUMBER), "count": COUNT, "of": COUNT})
STATS = {
    "since": NUMBER,
    "spec": TEXT,
    **dict.fromkeys(("runs", "tasks", "checkpoints"), COUNT),
    "targets": obj(dict.fromkeys(("first_pass", "coverage", "red_left", "documentation"), NUMBER)),
    "documentation": obj({"rate": maybe(NUMBER), **dict.fromkeys(("described", "names"), COUNT)}),
    "structure": obj(dict.fromkeys(STRUCTURE, COUNT)),
    "shared_specs": PART,
    "first_pass": obj(
        {
            "rate": maybe(NUMBER),
            **dict.fromkeys(("clean", "findings", "incomplete", "unknown", "not_reviewed"), COUNT),
        }
    ),
    "coverage": obj(
        {
            "rate": maybe(NUMBER),
            **dict.fromkeys(("new_lines", "covered_lines", "not_measured_runs"), COUNT),
        }
    ),
    "red_left": obj(dict.fromkeys(("count", "runs", "of_runs"), COUNT)),
    "findings": obj(
        {
            "all": obj(BY_SEVERITY),
            "dismissed_by_people": COUNT,
            "by_reviewer": some(obj({"reviewer": TEXT, **BY_SEVERITY})),
        }
    ),
    "approval": obj(
        {
            "rate": maybe(NUMBER),
            **dict.fromkeys(("approved", "rejected", "autopilot", "redone", "given_up"), COUNT),
            **dict.fromkeys(("approved_as_shown", "approved_after_modifications"), COUNT),
            **dict.fromkeys(("undone", "waiting", "blocked"), COUNT),
        }
    ),
    "edits": obj(dict.fromkeys(("modifications", "modified_runs", "taken_over"), COUNT)),
    "per_task": obj(dict.fromkeys(("rounds", "seconds", "usd"), SPREAD)),
    "to_commit": obj(dict.fromkeys(("from_begin", "from_spec", "from_approval"), SPREAD)),
    "resolution": obj({"rate": maybe(NUMBER), **dict.fromkeys(("resolved", "found"), COUNT)}),
    "repository": maybe(
        obj(
            {
                **dict.fromkeys(("documentation", "spec_reuse", "requirement_reuse"), PART),
                "architecture": maybe(PART),
            }
        )
    ),
    "money": obj(
        {
            **dict.fromkeys(("usd", "fix_usd"), NUMBER),
            **dict.fromkeys(("unpriced_runs", "fix_runs", "calls", "input", "output"), COUNT),
            **dict.fromkeys(("cache_read", "cache_write"), COUNT),
        }
    ),
    "weeks": some(
        obj(
            {
                "monday": TEXT,
                **dict.fromkeys(("runs", "red_left"), COUNT),
                **dict.fromkeys(STRUCTURE, COUNT),
                **dict.fromkeys(("first_pass", "coverage", "resolution"), maybe(NUMBER)),
                "documentation": maybe(NUMBER),
                "usd": NUMBER,
            }
        )
    ),
}
PLAN_SPENT = obj({"calls": COUNT, "tokens": COUNT, "usd": maybe(NUMBER)})
TASK = obj(
    {
        **dict.fromkeys(("id", "title", "phase", "blocked", "done_on", "held", "run"), TEXT),
        **dict.fromkeys(("run_status", "where"), TEXT),
        "state": one_of("open", "in_progress", "done", "queued"),
        **dict.fromkeys(("optional", "parallel", "checkpoint", "eligible"), FLAG),
        "parent": maybe(TEXT),
        **dict.fromkeys(("children", "depends", "waits_for", "requirements", "scope"), TEXTS),
        "estimated": TEXT,
        "waits": some(obj({"kind": TEXT, "name": TEXT, "tasks": TEXTS})),
        "wave": maybe(COUNT),
    }
)
AGENT = obj(
    {
        **dict.fromkeys(("name", "description", "file", "model", "model_origin", "server"), TEXT),
        **dict.fromkeys(("tools", "tools_off", "dropped_tools", "notes"), TEXTS),
        "servers": some(obj({"name": TEXT, "why_not": TEXT, "tools": TEXTS})),
        "reviewer": FLAG,
    }
)
ANALYSER = obj(
    {
        **dict.fromkeys(("name", "program", "version", "get", "licence"), TEXT),
        "languages": TEXTS,
        **dict.fromkeys(("core", "found"), FLAG),
    }
)
JOB = one_of("passed", "needs_changes", "findings", "needs_person", "review_error", "skipped")
JOB_RESULT = {
    "pull": maybe(COUNT),
    "status": JOB,
    **dict.fromkeys(("reason", "coverage", "report-path", "sarif-path", "artifact-path"), TEXT),
    **dict.fromkeys(("summary-url", "reviewed-sha"), TEXT),
    **dict.fromkeys(("must-fix", "should-fix", "nits"), maybe(COUNT)),
    **dict.fromkeys(("comments-posted", "comments-demoted", "comments-known"), maybe(COUNT)),
    **dict.fromkeys(("tokens-input", "tokens-output"), maybe(COUNT)),
    "cost-usd": maybe(NUMBER),
}
FIX_RESULT = {
    "status": JOB,
    "reason": TEXT,
    "pull": maybe(COUNT),
    **dict.fromkeys(("commit", "branch", "goes_to", "handoff"), TEXT),
}
ESTIMATE = obj(
    {
        "tokens": some(COUNT),
        "usd": maybe(some(NUMBER)),
        "usual_tokens": maybe(COUNT),
        "usual_usd": maybe(NUMBER),
        "runs": COUNT,
    }
)
COMMANDS: dict[str, dict[str, Schema]] = {
    "agents": {
        "agents": some(AGENT),
        "shadowed": some(obj(dict.fromkeys(("name", "winner", "loser"), TEXT))),
    },
    "answered": {"run": TEXT, "choice": one_of("approve", "modify", "skip")},
    "batch": ACCOUNT,
    "config": {
        "settings": some(
            obj({"name": TEXT, "value": ANYTHING, "origin": TEXT, "description": TEXT})
        ),
        "models": some(obj(dict.fromkeys(("step", "use", "model", "origin"), TEXT))),
    },
    "doctor": {
        "ready": FLAG,
        "checks": some(obj({"name": TEXT, "mark": one_of("ok", "bad", "note"), "text": TEXT})),
        "analysers": some(ANALYSER),
    },
    "enqueued": {
        "batch": TEXT,
        "branch": TEXT,
        "queued": TEXTS,
        "notes": TEXTS,
        "account": SHARED_ACCOUNT,
    },
    "github_fix": FIX_RESULT,
    "github_hear": dict.fromkeys(
        ("status", "reason", "verb", "pull", "finding", "comment", "actor", "head"), TEXT
    ),
    "github_post": JOB_RESULT,
    "github_review": JOB_RESULT,
    "preflight": {
        **dict.fromkeys(("task", "title", "spec", "branch", "model", "model_origin"), TEXT),
        "new_branch": FLAG,
        "reviewers": TEXTS,
        "estimate": ESTIMATE,
        "notes": TEXTS,
        "sandbox": TEXT,
    },
    "publish": {
        **dict.fromkeys(("branch", "commit", "url"), TEXT),
        **dict.fromkeys(("pushed", "created"), FLAG),
        "pull": maybe(COUNT),
        "draft": maybe(FLAG),
        "notes": TEXTS,
    },
    "queue": {
        "branch": maybe(TEXT),
        "head": maybe(TEXT),
        "runs": some(obj({**ROW, "note": TEXT})),
        "approve_all": QUEUE_ALL,
        "elsewhere": some(obj({"branch": TEXT, "runs": TEXTS, "next": TEXT, "said": TEXT})),
    },
    "queue-approve": {
        "branch": maybe(TEXT),
        "runs": some(RESULT),
        **dict.fromkeys(("committed", "not_committed", "left_out"), COUNT),
    },
    "queue-reject": {"branch": maybe(TEXT), "runs": some(RESULT)},
    "resumed": {"run": TEXT, "queued": TEXTS},
    "shared-queue": {
        "branch": TEXT,
        "runs": some(
            obj(
                {**ROW, "remote": TEXT},
                **dict.fromkeys(("note", "proposed", "next"), TEXT),
                **dict.fromkeys(("refused", "chosen"), FLAG),
            )
        ),
        "approve_all": QUEUE_ALL,
    },
    "shared-queue-approve": {
        "runs": some(SHARED_RESULT),
        **dict.fromkeys(("on_the_way", "not_approved", "left_out"), COUNT),
    },
    "shared-queue-reject": {"runs": some(SHARED_RESULT)},
    "shared-status": {
        "runs": some(RUN_ROW),
        "batch": maybe(SHARED_ACCOUNT),
        "batches": some(SHARED_ACCOUNT),
    },
    "hooks": {
        "hooks": some(
            obj(
                {
                    **dict.fromkeys(("name", "event", "source", "does", "not_run"), TEXT),
                    "line": COUNT,
                    "filters": TEXTS,
                    **dict.fromkeys(("blocking", "trusted"), FLAG),
                }
            )
        ),
        "problems": some(HOOK_PROBLEM),
    },
    "hooks-init": {
        "hooks": some(obj(dict.fromkeys(("name", "summary"), TEXT))),
        **dict.fromkeys(("path", "text"), TEXT),
        "state": one_of("", "new", "written", "same", "edited"),
    },
    "hooks-run": {
        **dict.fromkeys(("hook", "event", "path", "command", "output"), TEXT),
        "ran": FLAG,
        "exit_code": maybe(COUNT),
        "blocks": FLAG,
        "would_write": TEXTS,
    },
    "hooks-logs": {
        "run": TEXT,
        "hooks": some(
            obj(
                {
                    **dict.fromkeys(("run", "name", "event", "path", "log"), TEXT),
                    "at": NUMBER,
                    "exit_code": maybe(COUNT),
                    "ms": COUNT,
                    "edited": FLAG,
                    "queued": FLAG,
                    "calls": COUNT,
                    "usd": maybe(NUMBER),
                }
            )
        ),
    },
    "hooks-validate": {"hooks": COUNT, "problems": some(HOOK_PROBLEM)},
    "arch-check": {
        **dict.fromkeys(("architecture", "what"), TEXT),
        "findings": some(SPEC_FINDING),
        "silenced": some(SPEC_FINDING),
        "notes": TEXTS,
        "fail_on": one_of("must", "should", "nit", "never"),
        "exit_code": CODE,
    },
    "arch-diff": {
        **dict.fromkeys(("a", "b"), TEXT),
        "same": FLAG,
        "differences": some(
            obj(
                {
                    "kind": one_of("layer", "import", "rule", "finding"),
                    "side": one_of("A", "B"),
                    "text": TEXT,
                }
            )
        ),
        "exit_code": CODE,
    },
    "spec-check": {
        "specs": some(
            obj(
                {
                    **dict.fromkeys(("name", "path", "dialect"), TEXT),
                    "findings": some(SPEC_FINDING),
                    "silenced": some(SPEC_FINDING),
                    "unverified": TEXTS,
                    "notes": TEXTS,
                }
            )
        ),
        "fail_on": one_of("must", "should", "nit", "never"),
        "exit_code": CODE,
    },
    "audit": {
        "rows": some(
            obj(
                {
                    **dict.fromkeys(("kind", "run", "commit", "hash"), TEXT),
                    "number": COUNT,
                    "at": NUMBER,
                },
                **dict.fromkeys(
                    (
                        "key",
                        "when",
                        "task",
                        "title",
                        "base",
                        "branch",
                        "release",
                        "approved_by",
                        "mode",
                    ),
                    TEXT,
                ),
                act=by_name(TEXT),
                approvals=some(obj({"by": TEXT, "act": by_name(TEXT)})),
                spec=by_name(ANYTHING),
                agents=some(obj(dict.fromkeys(("name", "model", "digest"), TEXT))),
                steering=some(obj(dict.fromkeys(("path", "digest"), TEXT))),
                gates=some(obj(dict.fromkeys(("name", "status", "summary"), TEXT))),
                reviewers=some(obj(dict.fromkeys(("name", "status", "reason"), TEXT))),
                findings=obj({"counts": by_name(COUNT), "not_fixed": some(by_name(TEXT))}),
                dismissed=some(by_name(TEXT)),
                rounds=COUNT,
                cost_usd=maybe(NUMBER),
                tokens=obj(dict.fromkeys(("input", "output"), COUNT)),
                hooks=some(ANYTHING),
            )
        )
    },
    "skill-session": SKILL_SESSION,
    "skill-suggestions": {
        "suggestions": some(
            obj(
                {
                    "what": one_of("asked", "rejected", "gate"),
                    **dict.fromkeys(("text", "command"), TEXT),
                    "runs": TEXTS,
                }
            )
        )
    },
    "skill-run": {
        **dict.fromkeys(("name", "path", "next"), TEXT),
        "stage": one_of("waiting", "stopped", "done", "rejected"),
        "phase": COUNT,
        "phases": some(
            obj(
                {
                    **dict.fromkeys(("title", "text"), TEXT),
                    "commands": some(
                        obj(
                            {
                                "command": TEXT,
                                "reads": FLAG,
                                "needs": TEXTS,
                                "exit_code": maybe(COUNT),
                            }
                        )
                    ),
                }
            )
        ),
    },
    "quiet": {"adopted": some(obj(QUIET)), "proposed": some(obj(QUIET))},
    "quiet-proposed": {"path": TEXT, "rules": some(obj({**QUIET, "replay": REPLAY}))},
    "quiet-adopted": {"path": TEXT, "rules": some(obj(QUIET)), "replay": REPLAY},
    "memory": {
        "path": TEXT,
        "lessons": some(obj(dict.fromkeys(("id", "text", "source"), TEXT))),
    },
    "session": {
        "handoff": obj({"path": TEXT, "at": NUMBER, "edited": FLAG}),
        **dict.fromkeys(("branch", "head"), TEXT),
        "unpushed": COUNT,
        **dict.fromkeys(("uncommitted", "blockers", "discrepancies", "live"), TEXTS),
        "progress": some(obj({"spec": TEXT, "name": TEXT, "done": COUNT, "total": COUNT})),
        "next": some(NEXT),
        "preferences": TEXTS,
        "context": obj(dict.fromkeys(("steering", "agents", "skills"), TEXTS)),
    },
    "session-handoff": {
        **dict.fromkeys(("path", "kept_as"), TEXT),
        "blockers": TEXTS,
        "next": some(NEXT),
        **dict.fromkeys(("shortened", "dropped"), COUNT),
    },
    "spec-session": SPEC_SESSION,
    "change": CHANGE,
    "changes": {"changes": some(obj(CHANGE))},
    "spec-sessions": {"specs": some(obj(SPEC_SESSION))},
    "skills": {
        "skills": some(
            obj(
                {
                    **dict.fromkeys(("name", "description", "path", "hidden_by"), TEXT),
                    "problems": TEXTS,
                }
            )
        ),
    },
    "spec-approval": {
        **dict.fromkeys(("path", "by", "digest", "revision"), TEXT),
        "at": NUMBER,
        "tasks": by_name(TEXT),
    },
    "spec-diff": {
        **dict.fromkeys(("spec", "old", "new"), TEXT),
        **dict.fromkeys(
            ("changed", "tasks"), some(obj(dict.fromkeys(("what", "how", "words"), TEXT)))
        ),
        "asks": some(
            obj({**dict.fromkeys(("task", "title", "requirement", "why"), TEXT), "done": FLAG})
        ),
    },
    "spec-plan": {**dict.fromkeys(("path", "kept_as"), TEXT), "kept": TEXTS, "wrong": TEXTS},
    "spec-plan-answer": {
        "answer": TEXT,
        "quotes": some(obj({"path": TEXT, "line": COUNT, "quote": TEXT})),
        "dropped": COUNT,
        "spent": PLAN_SPENT,
    },
    "ask": {
        **dict.fromkeys(("answer", "commit"), TEXT),
        "quotes": some(obj({"path": TEXT, "line": maybe(COUNT), "quote": TEXT, "found": FLAG})),
        "uncommitted_left_out": FLAG,
        "spent": PLAN_SPENT,
        "exit_code": COUNT,
    },
    "spec-plan-revised": {
        **dict.fromkeys(("path", "diff"), TEXT),
        "changed": TEXTS,
        "written": FLAG,
        "spent": PLAN_SPENT,
    },
    "spec-plan-adopted": {
        **dict.fromkeys(("path", "plan"), TEXT),
        "tasks": COUNT,
        "notices": TEXTS,
    },
    "mcp-list": {
        "servers": some(
            obj(
                {
                    **dict.fromkeys(("name", "source", "does", "why_not"), TEXT),
                    "tools": some(obj({"name": TEXT, "description": TEXT, "reads": FLAG})),
                }
            )
        ),
        "exit_code": COUNT,
    },
    "spec-history": {
        "spec": TEXT,
        "versions": some(
            obj(
                {
                    **dict.fromkeys(("name", "day", "subject", "digest"), TEXT),
                    "at": NUMBER,
                    "approved_by": TEXTS,
                }
            )
        ),
    },
    "spec-publish": {
        **dict.fromkeys(("path", "branch", "commit", "url"), TEXT),
        **dict.fromkeys(("pushed", "created"), FLAG),
        "pull": maybe(COUNT),
        "draft": maybe(FLAG),
        "notes": TEXTS,
        "approved_by": TEXTS,
    },
    "spec-merge": {
        **dict.fromkeys(("change", "base"), TEXT),
        "written": FLAG,
        "specs": some(obj({"path": TEXT, "steps": TEXTS, "conflicts": TEXTS})),
        "overlaps": some(OVERLAP),
        "exit_code": CODE,
    },
    "spec-sync": {
        "specs": some(obj({"path": TEXT, "parted": NUMBER})),
        "in_step": FLAG,
        "compared": COUNT,
        **dict.fromkeys(("drift", "waiting"), some(obj(DRIFT))),
        "reopened": TEXTS,
        "not_compared": some(obj({"kind": TEXT, "reason": TEXT, "locations": TEXTS})),
        "overlaps": some(OVERLAP),
        "exit_code": CODE,
    },
    "spec-trace": {
        "path": TEXT,
        "requirements": some(
            obj(
                {
                    **dict.fromkeys(("id", "title", "path", "missing"), TEXT),
                    "line": COUNT,
                    "design": TEXTS,
                    "tasks": some(obj({"id": TEXT, "line": COUNT, "done": FLAG})),
                    "tests": TEXTS,
                }
            )
        ),
        "untraced": some(obj({"path": TEXT, "line": COUNT, "message": TEXT})),
        "exit_code": CODE,
    },
    "stats": STATS,
    "steering-check": {
        "keys": some(
            obj(
                {
                    **dict.fromkeys(("path", "name", "value", "what"), TEXT),
                    "line": COUNT,
                    "by": one_of("rule", "words", "file"),
                }
            )
        ),
        "problems": some(
            obj(
                {
                    **dict.fromkeys(("path", "what"), TEXT),
                    "kind": one_of("reference", "mode", "front", "copy", "foreign", "pattern"),
                    "severity": one_of("must_fix", "should_fix", "nit"),
                }
            )
        ),
        "fail_on": one_of("must", "should", "nit", "never"),
        "exit_code": CODE,
    },
    "steering-given": {"run": TEXT, "agents": some(obj({"agent": TEXT, "files": TEXTS}))},
    "steering-list": {
        "files": some(
            obj(
                {
                    **dict.fromkeys(("path", "given"), TEXT),
                    "scope": one_of("global", "project"),
                    "mode": one_of("always", "fileMatch", "manual", "auto"),
                }
            )
        )
    },
    "status": {"runs": some(RUN_ROW), "batch": maybe(obj(ACCOUNT))},
    "tasks": {
        "spec": obj(dict.fromkeys(("name", "path", "dialect", "stage"), TEXT)),
        "progress": obj(dict.fromkeys(("done", "total", "optional_done", "optional_total"), COUNT)),
        "waves": some(TEXTS),
        "tasks": some(TASK),
        "problems": TEXTS,
        "notices": TEXTS,
    },
    "tasks-created": {"opened": some(COUNT), "updated": some(COUNT), "unchanged": COUNT},
    "tasks-export": {
        "issues": some(
            obj(
                {
                    **dict.fromkeys(("title", "body"), TEXT),
                    "labels": TEXTS,
                    "state": one_of("open", "closed"),
                }
            )
        )
    },
}
READ_BY = {"read_by": TEXTS, "parts": some(COUNT), "reason": TEXT, "path": TEXT}
READERSHIP = obj(
    {
        "since": maybe(TEXT),
        "parts": some(
            obj(
                {
                    "number": COUNT,
                    "files": COUNT,
                    "read_by": TEXTS,
                    "missed": some(obj({"reviewer": TEXT, "reason": TEXT})),
                }
            )
        ),
        "files": some(
            obj({**READ_BY, "share": one_of("whole", "in parts", "partly", "not")}, path_b64=TEXT)
        ),
    }
)
USAGE = obj(
    {},
    **dict.fromkeys(("calls", "input", "output", "cache_read", "cache_write"), COUNT),
    cost_usd=maybe(NUMBER),
    estimated=FLAG,
    cached_share=NUMBER,
    input_equivalents=NUMBER,
)


def review() -> Schema:
    """Return the schema of a review, which has a version of its own."""
    finding, named = of_model(Finding)
    finding["properties"]["path_b64"] = TEXT
    named["Evidence"]["required"] = ["kind", "source", "text"]
    tokens = dict.fromkeys(("input", "output", "cache_read", "cache_write"), COUNT)
    ran = {"name": TEXT, "seconds": NUMBER, "reason": TEXT}
    file = {"path": TEXT, "status": one_of("A", "M", "D", "R", "T")}
    body = obj(
        {
            "schema": {"const": SCHEMA},
            "version": TEXT,
            "outcome": one_of("clean", "findings", "incomplete", "nothing_to_review"),
            "exit_code": CODE,
            **dict.fromkeys(("summary", "what", "base", "head", "model"), TEXT),
            "findings": some({"$ref": "#/$defs/Finding"}),
            "silenced": some({"$ref": "#/$defs/Finding"}),
            "reviewed": some(
                obj(
                    {
                        **file,
                        "old_path": maybe(TEXT),
                        "added": some({**some(COUNT), "minItems": 2, "maxItems": 2}),
                        "removed": COUNT,
                    },
                    path_b64=TEXT,
                    old_path_b64=TEXT,
                )
            ),
            "skipped": some(obj({**file, "reason": TEXT, "chosen_by_change": FLAG}, path_b64=TEXT)),
            "agents": some(
                obj(
                    {
                        **ran,
                        "status": one_of("done", "failed", "skipped"),
                        "tokens": obj({}, **tokens),
                        "findings": COUNT,
                        "model": TEXT,
                        "cost_usd": maybe(NUMBER),
                    }
                )
            ),
            "analysers": some(obj({**ran, "status": TEXT, "version": TEXT, "files": COUNT})),
            "counts": obj(
                dict.fromkeys(
                    ("must_fix", "should_fix", "nit", "silenced", "below_min_severity"), COUNT
                )
                | {"not_reviewed": COUNT}
            ),
            "notes": TEXTS,
            "seconds": NUMBER,
            "fail_on": one_of("must", "should", "nit", "never"),
            "usage": USAGE,
            "readership": maybe(READERSHIP),
        }
    )
    return {**body, "$defs": {"Finding": finding, **named}}


def run() -> Schema:
    """Return the schema of a run and what it proposes."""
    hints = {
        name: each
        for name, each in get_type_hints(RunRecord).items()
        if name not in {"nonce", "because"}
    }
    record = {name: of_type(each) for name, each in hints.items()}
    finding, named = of_model(Finding)
    for each in (finding, *named.values()):  # those of earlier releases lack what came since
        each.pop("required", None)
    proposal = of_type(Proposal)
    proposal["properties"]["findings"] = some({"$ref": "#/$defs/Finding"})
    body = printed("run", {**record, "exit_code": CODE, "proposal": maybe(proposal)})
    return {**body, "$defs": {"Finding": finding, **named}}


def handoff() -> Schema:
    """Return the schema of what `publish --handoff` hands over; its kind is its own."""
    body, named = of_model(Handoff)
    return {**body, **({"$defs": named} if named else {})}


def printed(kind: str, body: dict[str, Schema]) -> Schema:
    """Return the schema of a command's object."""
    return obj({"version": {"const": VERSION}, "kind": {"const": kind}, **body})


def schemas() -> dict[str, Schema]:
    """Return every schema by the name of its file."""
    found = {kind: printed(kind, body) for kind, body in COMMANDS.items()}
    found |= {"review": review(), "run": run(), "handoff": handoff()}
    found["shared-queue"]["required"].remove("approve_all")  # only where one branch is shown
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {name: {"$schema": draft, **body} for name, body in sorted(found.items())}


def text_of(schema: Schema) -> str:
    """Return the text of a schema's file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / f"{name}.json").write_text(text_of(schema), encoding="utf-8")
