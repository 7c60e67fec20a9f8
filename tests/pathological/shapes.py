"""Cases about names and kinds: renames, modes, links, submodules, names that look like options."""

import os
from pathlib import Path

from pathological.making import LAST, Case, Maker

BODY = "".join(f"a line with the number {number}\n" for number in range(40))
OTHER = "".join(f"{number}: something else here\n" for number in range(40))

AWKWARD = (
    'quo"te.txt', "tab\there.txt", "line\nfeed.txt", "back\\slash.txt", " lead and trail ",
    "a b/c b/d.txt", "x b/x", "-dash", "--help", "größe.txt", "日本語.txt", "\udcff\udcfe.bin", "b",
    "dev/null", "diff --git a/x b/x", ":(top)x", ":!x", "*.txt", "[a].txt", "?", "$(touch x)",
    "`id`", ";ls", "a'b", "~", "~root", "..txt", "...", "con\rtrol", "bell\x07", "c/b b/b",
)  # fmt: skip


def _last(build, files=None, check=None) -> Case:
    return Case(build, LAST, "HEAD~1", "HEAD", files, check=check)


def rename_with_edit(make: Maker) -> None:
    make.start().commit({"old name.py": BODY})
    make.commit({"old name.py": None, "sub/new name.py": BODY.replace("number 7\n", "no. 7\n")})


def only_line_eight(_two, change) -> None:
    (file,) = change.files
    assert (file.old_path, file.path) == ("old name.py", "sub/new name.py")
    assert file.added_ranges == ((8, 8),)


def rename_only(make: Maker) -> None:
    make.start().commit({"a": BODY, "bin": b"\0\1" * 100})
    make.commit({"a": None, "b": BODY, "bin": None, "moved": b"\0\1" * 100})


def swap_two_files(make: Maker) -> None:
    make.start().commit({"a": BODY, "b": OTHER}).commit({"a": OTHER, "b": BODY})


def rename_awkward_paths(make: Maker) -> None:
    make.start()
    bodies = {name: (f"{n} " + BODY).encode() * 2 for n, name in enumerate(AWKWARD)}
    make.commit_tree({name: ("100644", body) for name, body in bodies.items()})
    make.commit_tree({f"to/{name}": ("100644", body + b"x\n") for name, body in bodies.items()})


def all_renamed(_two, change) -> None:
    moves = {(file.old_path, file.path, file.status) for file in change.files}
    assert moves == {(name, f"to/{name}", "R") for name in AWKWARD}


def awkward_paths(make: Maker) -> None:
    make.start()
    make.commit_tree({name: ("100644", f"{n}\n".encode()) for n, name in enumerate(AWKWARD)})
    make.commit_tree({name: ("100644", f"new {n}\n".encode()) for n, name in enumerate(AWKWARD)})


def exact_names(_two, change) -> None:
    assert sorted(map(os.fsencode, change.paths)) == sorted(map(os.fsencode, AWKWARD))
    for number, name in enumerate(AWKWARD):
        assert change.file(name).added_text == {1: f"new {number}"}


def non_utf8_path(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).write({"caf\udce9.py": "x\n", "sub\udcff/f": "y\n"})


def case_only_rename(make: Maker) -> None:
    make.start().commit({"Readme.md": BODY}).commit({"Readme.md": None, "README.md": BODY + "x\n"})


def case_colliding_paths(make: Maker) -> None:
    make.start().commit_tree({"a.py": ("100644", b"1\n")})
    make.commit_tree({"a.py": ("100644", b"1\n"), "A.py": ("100644", b"2\n")})


def unicode_normalisation(make: Maker) -> None:
    make.start().commit_tree({"caf\u00e9": ("100644", b"1\n")})
    make.commit_tree({"caf\u00e9": ("100644", b"1\n"), "cafe\u0301": ("100644", b"2\n")})


def file_becomes_folder(make: Maker) -> None:
    make.start().commit({"a": "file\n", "b/c": "in a folder\n"})
    (make.repo / "a").unlink()
    (make.repo / "b/c").unlink()
    (make.repo / "b").rmdir()
    make.write({"a/x": "now a folder\n", "b": "now a file\n"})


def file_becomes_link(make: Maker) -> None:
    make.start().commit({"a": "file\n", "folder/c": "text\n", "other/c": "text\n"})
    (make.repo / "link").symlink_to("a")
    make.commit()
    (make.repo / "a").unlink()
    (make.repo / "a").symlink_to("folder/c")
    (make.repo / "link").unlink()
    (make.repo / "folder/c").unlink()
    (make.repo / "folder").rmdir()
    (make.repo / "folder").symlink_to("other")  # what git must not look through
    make.write({"link": "a file now\n"})


def mode_change_only(make: Maker) -> None:
    make.start().commit({"run.sh": "x\n"})
    (make.repo / "run.sh").chmod(0o755)


def no_lines(_two, change) -> None:
    for file in change.files:
        assert file.added_ranges == ()
        assert file.hunks == ()


def deleted_file(make: Maker) -> None:
    make.start().commit({"a": BODY, "b": OTHER}).write({"a": None})


def nothing_added(_two, change) -> None:
    assert not any(file.added_ranges for file in change.files)


def all_deleted(make: Maker) -> None:
    make.start().commit({"a": BODY, "b/c": OTHER}).write({"a": None, "b/c": None})


def deep_path(make: Maker) -> None:
    name = "/".join(["a-rather-long-folder-name"] * 60) + "/f.py"
    make.start().commit_tree({name: ("100644", b"1\n")}).commit_tree({name: ("100644", b"2\n")})


def symlink_out_of_tree(make: Maker) -> None:
    (make.folder / "secret").write_text("the secret\n")
    make.start().commit({"a": "1\n"})
    (make.repo / "out").symlink_to(make.folder / "secret")
    (make.repo / "folder").symlink_to("/etc")


def never_followed(_two, change) -> None:
    assert change.paths == ("folder", "out")
    assert "the secret" not in change.patch()
    assert change.file("folder").added_text == {1: "/etc"}


def symlink_retargeted(make: Maker) -> None:
    make.start().commit({"a": "1\n", "b": "2\n"})
    (make.repo / "link").symlink_to("a")
    make.commit()
    (make.repo / "link").unlink()
    (make.repo / "link").symlink_to("b")


def symlink_loop(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    (make.repo / "x").symlink_to("y")
    (make.repo / "y").symlink_to("x")
    (make.repo / "self").symlink_to(".")


def submodule_bump(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    inner = Maker(make.folder / "inner")
    inner.folder.mkdir()
    inner.start().commit({"lib.py": "1\n"})
    make.git("submodule", "-q", "add", str(inner.repo), "sub")
    make.commit()
    make.git("commit", "-q", "--allow-empty", "-m", "x", at=make.repo / "sub")
    (make.repo / "sub/lib.py").write_text("dirty inside\n")
    (make.repo / "sub/untracked").write_text("x\n")


def ids_only(_two, change) -> None:
    (file,) = change.files
    assert file.submodule
    assert file.added_text[1].startswith("Subproject commit ")


def submodule_checkout(make: Maker) -> Path:
    submodule_bump(make)
    return make.repo / "sub"


def submodule_hostile_url(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    trap = make.trap()
    text = f'[submodule "s"]\n\tpath = s\n\turl = ext::{trap}\n\tupdate = !{trap}\n\tignore = all\n'
    make.write({".gitmodules": text, "a": "2\n"})
    make.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},s")
    (make.repo / "s").mkdir()


def gitlink_replaces_folder(make: Maker) -> None:
    make.start().commit_tree({"lib/a": ("100644", b"1\n"), "k": ("100644", b"k\n")})
    make.commit_tree({"lib": ("160000", b"1" * 40), "k": ("100644", b"k\n")})


def agent_config_poisoning(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    make.write({".vscode/tasks.json": "{}\n", ".kiro/hooks/x.md": "run\n", ".mcp.json": "{}\n"})


CASES = {
    "rename_with_edit": _last(rename_with_edit, {"sub/new name.py": "R"}, only_line_eight),
    "rename_only": _last(rename_only, {"b": "R", "moved": "R"}, no_lines),
    "swap_two_files": _last(swap_two_files, {"a": "M", "b": "M"}),
    "rename_awkward_paths": _last(rename_awkward_paths, check=all_renamed),
    "awkward_paths": _last(awkward_paths, check=exact_names),
    "non_utf8_path": Case(non_utf8_path, files={"caf\udce9.py": "A", "sub\udcff/f": "A"}),
    "case_only_rename": _last(case_only_rename, {"README.md": "R"}),
    "case_colliding_paths": _last(case_colliding_paths, {"A.py": "A"}),
    "unicode_normalisation": _last(unicode_normalisation, {"cafe\u0301": "A"}),
    "file_and_directory_swap": Case(
        file_becomes_folder, files={"a": "D", "a/x": "A", "b": "A", "b/c": "D"}
    ),
    "file_and_symlink_swap": Case(
        file_becomes_link, files={"a": "T", "folder": "A", "folder/c": "D", "link": "T"}
    ),
    "mode_change_only": Case(mode_change_only, files={"run.sh": "M"}, check=no_lines),
    "deleted_file": Case(deleted_file, files={"a": "D"}, check=nothing_added),
    "all_deleted": Case(all_deleted, files={"a": "D", "b/c": "D"}, check=nothing_added),
    "deep_path": _last(deep_path),
    "symlink_out_of_tree": Case(symlink_out_of_tree, check=never_followed),
    "symlink_retargeted": Case(symlink_retargeted, files={"link": "M"}),
    "symlink_loop": Case(symlink_loop, files={"self": "A", "x": "A", "y": "A"}),
    "submodule_bump": Case(submodule_bump, files={"sub": "M"}, check=ids_only),
    "submodule_checkout": Case(
        submodule_checkout, worktree="project/sub", old="HEAD~1",
        files={"lib.py": "M", "untracked": "A"},
    ),
    "submodule_hostile_url": Case(
        submodule_hostile_url, new="", files={".gitmodules": "A", "a": "M", "s": "A"}
    ),
    "gitlink_replaces_folder": _last(gitlink_replaces_folder, {"lib": "A", "lib/a": "D"}),
    "agent_config_poisoning": Case(
        agent_config_poisoning,
        files={".kiro/hooks/x.md": "A", ".mcp.json": "A", ".vscode/tasks.json": "A"},
    ),
}  # fmt: skip
