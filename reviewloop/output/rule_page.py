"""How the examples of a rule are laid out for people."""


def laid_out(code: str) -> list[str]:
    """Return the lines of an example; blocks that were written flat are indented by their brackets.

    Examples of Terraform and Go are written in one string each, without white space at the margin.
    """
    lines = code.strip("\n").split("\n")
    if any(line.startswith((" ", "\t")) for line in lines):
        return lines
    shown, depth = [], 0
    for line in lines:
        depth -= line.startswith(("}", "]", ")"))
        shown.append("  " * max(depth, 0) + line)
        depth += line.rstrip().endswith(("{", "[", "("))
    return shown
