"""`skills improve --prove`: the expected cost, then the figures of both texts."""

from collections.abc import Mapping
from typing import Any

import click

from reviewloop.app.project import Repository, read_settings
from reviewloop.app.skills.prove import (
    FIGURES,
    NEW,
    OLD,
    PROOF_LEAST,
    Proof,
    ProofRequest,
    Spread,
    Verdict,
    expected_cost,
    plain,
    prove,
)
from reviewloop.app.skills.session import (
    draft_of,
    end,
    find,
    keep,
    material_of,
    sessions_of,
)
from reviewloop.app.skills.session import (
    plain as plain_session,
)
from reviewloop.cli.consoles import confirm, is_interactive, print_json, print_lines
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.store.folders import private_folder
from reviewloop.store.runs import RunRecord

_WORDS = {
    Verdict.BETTER: "the new text is better by {}",
    Verdict.WORSE: "refused: the new text is worse by {}",
    Verdict.SAME: "refused: these runs show no difference, so nothing speaks for the new text",
    Verdict.INCOMPLETE: "refused: not every run could be done anew, so nothing is compared",
}


def prove_session(
    repo: Repository,
    record: RunRecord,
    runs: str,
    times: int,
    model: str | None,
    flags: Mapping[str, Any],
    *,
    yes: bool,
    as_json: bool,
) -> ExitCode:
    """Measure the waiting edits; without an improvement they end, else they wait for approval."""
    request = _request(repo, record, runs, times, model, flags)
    cost = expected_cost(repo, request)
    money = "price unknown" if cost.usd is None else f"about ${cost.usd:.2f}"
    print_lines(
        f"estimate: {money}, {cost.tokens:,} tokens for {counted(cost.runs, 'run')} "
        f"({len(request.runs)} recorded, 2 texts, {counted(times, 'time')} each); stops at "
        f"${request.usd:g}, {request.tokens:,} tokens"
    )
    if not yes and not (is_interactive() and confirm("do them?")):
        print_lines("nothing was paid; --yes does them")
        return ExitCode.WAITING
    folder = private_folder(sessions_of(repo).run_folder(record.run_id) / "proof")
    proof = prove(repo, request, folder, lambda text: print_lines(one_line(text)))
    keep(repo, record.run_id, "proof", plain(proof))
    sentence = _WORDS[proof.verdict].format(proof.figure)
    if proof.verdict is not Verdict.BETTER:
        end(repo, record.run_id, sentence)
    record = find(repo, record.run_id)
    if as_json:
        print_json("skill-session", plain_session(repo, record))
        return ExitCode(record.exit_code)
    _print_figures(proof)
    print_lines(sentence)
    if proof.verdict is Verdict.BETTER:
        if proof.least < PROOF_LEAST:
            print_lines(
                f"{counted(proof.least, 'run')} a side are an observation, no proof; --times makes "
                "more"
            )
        print_lines(f"accepted; it is written by: reviewloop skills approve {record.run_id}")
    return ExitCode(record.exit_code)


def _request(
    repo: Repository,
    record: RunRecord,
    runs: str,
    times: int,
    model: str | None,
    flags: Mapping[str, Any],
) -> ProofRequest:
    draft, material = draft_of(repo, record), material_of(repo, record)
    names = [*draft["texts"]]
    if len(names) != 1:
        raise UsageError(
            f"one skill is proved at a time; this session has edits of {', '.join(names)}: approve "
            "the others first, or improve one alone"
        )
    one = material["skills"][names[0]]
    chosen = tuple(repo.runs.find(name.strip()) for name in runs.split(",") if name.strip())
    limits = read_settings(repo.user.root, flags, project=repo.user.project).settings.limits
    texts = {OLD: one["text"], NEW: draft["texts"][names[0]]}
    return ProofRequest(
        names[0], one["path"], texts, chosen, times, model, limits.usd, limits.tokens
    )


def _print_figures(proof: Proof) -> None:
    for one in proof.measurements:
        if one.problem:
            click.echo(one_line(f"{one.run} with the {one.text} text failed: {one.problem}"))
    rows = [("", "old text", "new text")]
    for figure in FIGURES:
        rows.append((figure, _shown(proof.spread(OLD, figure)), _shown(proof.spread(NEW, figure))))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _shown(spread: Spread) -> str:
    if not spread.count:
        return "none"
    low, mean, high = map(_number, (spread.low, spread.mean, spread.high))
    return f"{mean} ({low} to {high}, n={spread.count})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")
