"""Put a prompt together so that the reviewers of one model share one cached prefix.

Order (DESIGN section 5): tools and house rules, then the shared material (steering, the task, the
change, what the gates found), then a cache point, then the reviewer's own persona and resources.
Everything before the cache point is byte-identical for all reviewers of one change. A change that
is read in parts has one more cache point, after what its parts share.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reviewloop.agents import AgentDefinition
from reviewloop.findings import Finding
from reviewloop.models.messages import Block, Message, cache_point, text_block, user_message
from reviewloop.reviewing.answers import REPORT_FINDINGS, REPORT_RESOLUTION
from reviewloop.reviewing.fences import Fence
from reviewloop.reviewing.moved_prompt import MovedText, moved_parts


@dataclass(frozen=True)
class Material:
    """What every reviewer of one change, or of one part of it, reads."""

    task: str  # the task and its requirements
    steering: str
    files: Sequence[str]  # one line per changed file
    patch: str
    evidence: str = ""  # what the gates found, as facts
    analysis: str = ""  # what the analysers found, numbered, each for one reviewer
    left_out: Sequence[str] = field(default_factory=tuple)  # files whose diff did not fit
    part: int = 0  # which part of a change that is read in several, 0 where it is read at once
    parts: int = 0
    names: str = ""  # of the whole change: public names it touches, for who reads a part
    pushed: bool = False  # the diff is what was pushed since an earlier review
    known: str = ""  # open findings of that review, about the files of the push
    around: str = ""  # of the whole change: what is near the push
    moved: MovedText | None = None  # the diff is what came below a change that was read before


def review_messages(
    material: Material, agent: AgentDefinition, fence: Fence, resources: str = ""
) -> list[Message]:
    """Return the first message of a reviewer's conversation."""
    persona = f"# Your part: {agent.name}\n\n{agent.prompt}\n"
    if resources:
        persona += "\n## Your resources\n\n" + fence.wrap("resources", resources)
    blocks: list[Block] = []
    for text in shared_blocks(material, fence):
        blocks += [text_block(text), cache_point()]
    return [user_message(*blocks, text_block(persona))]


def shared_text(material: Material, fence: Fence) -> str:
    """Return the part of the prompt that all reviewers of one change share."""
    return "\n".join(shared_blocks(material, fence))


def shared_blocks(material: Material, fence: Fence) -> list[str]:
    """Return that part as the blocks that are cached: first what all parts of a change share."""
    common, own = _common(material, fence), _own(material, fence)
    if material.parts:
        return ["\n".join(common), "\n".join(own)]
    return ["\n".join([*common, *own])]


def _common(material: Material, fence: Fence) -> list[str]:
    parts = []
    if material.steering:
        parts.append("# The team's steering\n\n" + fence.wrap("steering", material.steering))
    if material.task:
        parts.append("# What the change is for\n\n" + fence.wrap("task", material.task))
    parts.append("# The change\n\n" + fence.wrap("files", "\n".join(material.files)))
    if material.parts and material.names:
        parts.append(
            "Public names that the change adds (+), removes (-), changes (=>) or whose code it "
            "touches (~), in all of its files:\n" + fence.wrap("names", material.names)
        )
    return parts


def _own(material: Material, fence: Fence) -> list[str]:
    parts = []
    if material.pushed:
        parts.append(_PUSHED)
    if material.parts:
        parts.append(
            f"The diff is read in {material.parts} parts; this is part {material.part}. The other "
            "parts are read like this one: report what you find here, and what does not fit "
            "together with the rest. Look at other files with the tools where you need them."
        )
    if material.moved:
        parts += moved_parts(material.moved, material.patch, material.left_out, fence)
    else:
        parts += _diff(material, fence)
    if material.evidence:
        parts.append("# What the guard-rails found\n\n" + fence.wrap("gates", material.evidence))
    if material.analysis:
        parts.append(
            "# What the analysers found\n\nEach piece of evidence names the reviewer it is for. "
            "If it is yours, look at the code and give a verdict in `evidence`: confirm, raise or "
            "lower (by one step), or reject, with the reason. What you do not answer stands "
            "unconfirmed. Do not repeat evidence among your findings.\n\n"
            + fence.wrap("evidence", material.analysis)
        )
    return parts


def _diff(material: Material, fence: Fence) -> list[str]:
    parts = [fence.wrap("diff", material.patch)]
    if material.left_out:
        parts.append(
            "The diff of these files did not fit here; read them with `fs_read`:\n"
            + fence.wrap("files", "\n".join(material.left_out))
        )
    if material.known:
        parts.append(_KNOWN + fence.wrap("findings", material.known))
    if material.around:
        parts.append(
            "# Around it: the rest of the change, read before\n\n"
            + fence.wrap("diff", material.around)
        )
    return parts


_PUSHED = """\
# What was pushed since the last review

You reviewed this change before. Read in depth what was pushed since then, and look for what it \
breaks, there and elsewhere. Outside of the pushed lines only what the push causes is a finding.
"""

_KNOWN = f"""\
# Open findings of the last review, in files of the push

Do not report them again. If pushed code fixes one, name its id in `fixed` of `{REPORT_FINDINGS}` \
with a quote of that code, copied exactly. One that you do not name stays open.

"""


def fix_message(
    finding: Finding,
    code: str,
    failure: str,
    task: str,
    fence: Fence,
    *,
    attempt: int,
    background: str = "",
) -> Message:
    """Return the message that asks for the fix of one finding; `failure` is the last test log.

    `background` is the change in which it was found, where that is not the run's own.
    """
    fields = [
        f"id: {finding.id}",
        f"severity: {finding.severity.label}",
        f"reported by: {', '.join(finding.agents)}",
        f"place: {finding.where}",
        f"title: {finding.title}",
        f"why: {finding.why}",
        f"suggestion: {finding.suggestion}",
    ]
    if finding.note:
        fields.append(f"said of an earlier fix: {finding.note}")
    if finding.quote:
        fields.append("quoted code:\n" + finding.quote)
    if finding.replacement:
        fields.append("proposed replacement:\n" + finding.replacement)
    text = "# The task this change is for\n\n" + fence.wrap("task", task)
    if background:
        text += "\n# The change that was reviewed\n\n" + fence.wrap("diff", background)
    text += "\n# Fix exactly this finding\n\n" + fence.wrap("finding", "\n".join(fields))
    if code:
        text += "\n# The file as it stands\n\n" + fence.wrap("code", code)
    if failure:
        text += (
            f"\n# Attempt {attempt} made the checks fail; your edits are still in place. Fix "
            "them, or take them back and fix it another way.\n\n" + fence.wrap("log", failure)
        )
    return user_message(text_block(text))


def re_review_message(
    fixes: Sequence[tuple[Finding, str]], agent: AgentDefinition, fence: Fence, other_edits: str
) -> Message:
    """Return the message that shows each finding with its fix diff, and nothing else."""
    parts = [agent.prompt, ""]
    for finding, patch in fixes:
        facts = (
            f"id: {finding.id}\nseverity: {finding.severity.label}\nplace: {finding.where}\n"
            f"title: {finding.title}\nwhy: {finding.why}\nsuggestion: {finding.suggestion}"
        )
        if finding.quote:
            facts += f"\nquoted code before the fix:\n{finding.quote}"
        parts.append(f"# Finding {finding.id}\n\n" + fence.wrap("finding", facts))
        parts.append("Its fix:\n" + fence.wrap("diff", patch))
    if other_edits:
        parts.append(
            "# Other edits of this round (made to repair the build or the tests)\n\n"
            + fence.wrap("diff", other_edits)
        )
    parts.append(
        f"Call `{REPORT_RESOLUTION}` once: for every finding above whether its fix resolves it, "
        "with a quote of the new code that shows it; and what the fixes broke, if anything."
    )
    return user_message(text_block("\n".join(parts)))
