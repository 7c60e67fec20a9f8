"""Attempts on files outside of the workspace."""

import ctypes
import os
from collections.abc import Callable
from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING

Attempt = Callable[[SimpleNamespace], object]
"""What tries to get out of a stage; it raises where it is refused."""

# name -> path; a file that holds the stage's token, read
READS = {
    "read an SSH key": "{home}/.ssh/id_ed25519",
    "read AWS credentials": "{home}/.aws/credentials",
    "read .netrc": "{home}/.netrc",
    "read the token of gh": "{home}/.config/gh/hosts.yml",
    "read git's stored passwords": "{home}/.git-credentials",
    "read the token of npm": "{home}/.npmrc",
    "read the token of docker": "{home}/.docker/config.json",
    "read the shell's history": "{home}/.bash_history",
    "read the settings of reviewloop": "{home}/.config/reviewloop/config.toml",
    "read a file beside the repository": "{home}/src/other/secret.txt",
    "read the checkout's untracked .env": "{checkout}/.env",
    "read an uncommitted edit": "{checkout}/kept.txt",
    "read the checkout's git settings": "{checkout}/.git/config",
    "read the state database": "{state}/reviewloop.sqlite",
    "read another run's workspace": "{sibling}/workspace/project/app.py",
    "read another run's journal": "{sibling}/journal.sqlite",
    "read this run's journal": "{run}/journal.sqlite",
    "read this run's logs": "{run}/logs/gate.log",
}
# name -> path; a file that exists, to which the mark is appended
APPENDS = {
    "write ~/.bashrc": "{home}/.bashrc",
    "write ~/.gitconfig": "{home}/.gitconfig",
    "write ~/.ssh/authorized_keys": "{home}/.ssh/authorized_keys",
    "write the checkout's git settings": "{checkout}/.git/config",
    "write the checkout's index": "{checkout}/.git/index",
    "write the checkout's branch": "{checkout}/.git/refs/heads/main",
    "write a file of the checkout": "{checkout}/.env",
    "write the state database": "{state}/reviewloop.sqlite",
    "write another run's workspace": "{sibling}/workspace/project/app.py",
    "write this run's journal": "{run}/journal.sqlite",
    "write this run's git settings": "{run}/git/config",
    "write this run's index": "{run}/workspace/project.index",
    "write an installed package": "{checkout}/.venv/lib/{python}/site-packages/third.py",
    "write an installed node package": "{checkout}/node_modules/third/index.js",
    "write a nested node package": "{checkout}/packages/app/node_modules/deep/index.js",
    "write a package through its link": "{workspace}/node_modules/third/index.js",
    "write the links to the packages": "{run}/environment/venv/pyvenv.cfg",
    "write what reviewloop hands over": "{run}/environment/given/escapes/main.py",
}
# name -> path; a file that does not exist and is made with the mark in it
CREATIONS = {
    "make a file in the home folder": "{home}/new",
    "make a file for the next login": "{home}/.config/autostart/new.desktop",
    "make a file in /tmp": "/tmp/rl-probe-{token}",
    "make a file in /var/tmp": "/var/tmp/rl-probe-{token}",
    "make a file in /dev/shm": "/dev/shm/rl-probe-{token}",
    "make a file beside the repository": "{home}/src/new",
    "make a git hook in the checkout": "{checkout}/.git/hooks/pre-commit",
    "make an object in the checkout": "{checkout}/.git/objects/new",
    "make a file in the checkout": "{checkout}/new.py",
    "make a file in the state folder": "{state}/new",
    "make a run of its own": "{state}/runs/new.json",
    "make a file in another run": "{sibling}/workspace/project/new.py",
    "make a hook in this run's git": "{run}/git/hooks/post-checkout",
    "make an object in this run's git": "{run}/git/objects/new",
    "plant sitecustomize.py among the packages": (
        "{checkout}/.venv/lib/{python}/site-packages/sitecustomize.py"
    ),
    "plant a .pth among the packages": "{checkout}/.venv/lib/{python}/site-packages/new.pth",
    "plant sitecustomize.py among the links": (
        "{run}/environment/venv/lib/{python}/site-packages/sitecustomize.py"
    ),
    "plant a program among the links": "{run}/environment/venv/bin/git",
    "plant a node package": "{checkout}/node_modules/new.js",
    "plant what reviewloop hands over": "{run}/environment/given/new.py",
}
# name -> path; opened for writing and left as it is
OPENINGS = {
    "open /etc/passwd for writing": "/etc/passwd",
    "open /etc/hosts for writing": "/etc/hosts",
    "open a program for writing": "/usr/bin/env",
    "open the kernel's magic key for writing": "/proc/sysrq-trigger",
    "open a kernel setting for writing": "/proc/sys/kernel/core_pattern",
    "open the machine's log for writing": "/dev/kmsg",
}
LISTINGS = {
    "list the home folder": "{home}",
    "list the checkout's parent": "{home}/src",
    "list the runs": "{state}/runs",
    "list the real home folder": "{real_home}",
    "list /var/log": "/var/log",
}


def place(template: str, stage: SimpleNamespace) -> str:
    return template.format(**vars(stage))


def reading(template: str) -> Attempt:
    def attempt(stage: SimpleNamespace) -> None:
        with open(place(template, stage), "rb") as file:
            found(file.read(), stage)

    return attempt


def writing(template: str, flags: int) -> Attempt:
    def attempt(stage: SimpleNamespace) -> None:
        handle = os.open(place(template, stage), flags, 0o600)
        os.write(handle, stage.mark.encode())
        os.close(handle)

    return attempt


def opening(template: str) -> Attempt:
    def attempt(stage: SimpleNamespace) -> None:
        os.close(os.open(place(template, stage), os.O_WRONLY))

    return attempt


def listing(template: str) -> Attempt:
    def attempt(stage: SimpleNamespace) -> None:
        folder = place(template, stage)
        if stage.listed[folder] not in os.listdir(folder):
            raise OSError("another folder of that name")

    return attempt


def found(data: bytes, stage: SimpleNamespace) -> None:
    """Return if the data hold the token; OSError says that it came from somewhere else."""
    if stage.token.encode() not in data:
        raise OSError("the token is not in it")


def environment(process: Callable[[SimpleNamespace], int | str]) -> Attempt:
    def attempt(stage: SimpleNamespace) -> None:
        with open(f"/proc/{process(stage)}/environ", "rb") as file:
            found(file.read(), stage)

    return attempt


def first_environment(stage: SimpleNamespace) -> None:
    with open("/proc/1/environ", "rb") as file:
        if sha256(file.read()).hexdigest() != stage.first_environment:
            raise OSError("of another process")


def any_environment(stage: SimpleNamespace) -> None:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment(lambda _, name=name: name)(stage)  # type: ignore[misc]
        except OSError:
            continue
        return
    raise OSError("nowhere")


def memory(stage: SimpleNamespace) -> None:
    handle = os.open(f"/proc/{stage.parent}/mem", os.O_RDONLY)
    found(os.pread(handle, 64, stage.address), stage)


def memory_for_writing(stage: SimpleNamespace) -> None:
    os.close(os.open(f"/proc/{stage.parent}/mem", os.O_RDWR))


def open_file(stage: SimpleNamespace) -> None:
    with open(f"/proc/{stage.parent}/fd/{stage.handle}", "rb") as file:
        found(file.read(), stage)


def parents_root(stage: SimpleNamespace) -> None:
    with open(f"/proc/{stage.parent}/root{stage.home}/.netrc", "rb") as file:
        found(file.read(), stage)


def kernel_settings(stage: SimpleNamespace) -> None:
    """Open for writing anything of /proc that is not a process of ours."""
    for folder, _, names in os.walk("/proc"):
        if folder != "/proc" and not folder.startswith(("/proc/sys", "/proc/fs", "/proc/irq")):
            continue
        for name in names:
            try:
                os.close(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                continue
            return
    raise OSError("none can be written")


def command_line(stage: SimpleNamespace) -> None:
    with open(f"/proc/{stage.parent}/cmdline", "rb") as file:
        found(file.read(), stage)


def hard_link(stage: SimpleNamespace) -> None:
    os.link(f"{stage.home}/.netrc", f"{stage.workspace}/hard-{stage.token}")
    with open(f"{stage.workspace}/hard-{stage.token}", "rb") as file:
        found(file.read(), stage)


def through_a_link(stage: SimpleNamespace) -> None:
    link = f"{stage.workspace}/link-{stage.token}"
    os.symlink(f"{stage.home}/.aws", link)
    with open(f"{link}/credentials", "rb") as file:
        found(file.read(), stage)


def upwards(stage: SimpleNamespace) -> None:
    up = "../" * 40
    with open(f"{stage.workspace}/{up}{stage.home}/.netrc", "rb") as file:
        found(file.read(), stage)


def control_group(stage: SimpleNamespace) -> None:
    folder = f"{stage.groups}/rl-{stage.token}"
    os.mkdir(folder)
    os.rmdir(folder)


def handle_to_a_file(stage: SimpleNamespace) -> None:

    if TYPE_CHECKING:
        from support.escapes.kernel import call
    else:
        from kernel import call

    handle = bytearray(136)
    handle[0] = 128
    buffer = (ctypes.c_char * 136).from_buffer(handle)
    mount = ctypes.c_int()
    name = f"{stage.home}/.netrc".encode()
    call("name_to_handle_at", -100, name, buffer, ctypes.byref(mount), 0)
    where = os.open(stage.home, os.O_RDONLY)
    found(os.read(call("open_by_handle_at", where, buffer, 0), 1000), stage)


def hear(stage: SimpleNamespace) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.inotify_add_watch(libc.inotify_init(), f"{stage.home}/.ssh".encode(), 0x100) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def chmod(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o700))
    os.chmod(path, 0o4700)


def made(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o4700))


def setuid(make: Callable[[str], None]) -> Attempt:
    def attempt(stage: SimpleNamespace) -> None:
        path = f"{stage.workspace}/{make.__name__}-{stage.token}"
        make(path)
        if not os.stat(path).st_mode & 0o4000:
            raise OSError("the bit is not there")

    return attempt


ATTEMPTS = {
    **{name: reading(path) for name, path in READS.items()},
    **{name: writing(path, os.O_WRONLY | os.O_APPEND) for name, path in APPENDS.items()},
    **{
        name: writing(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        for name, path in CREATIONS.items()
    },
    **{name: opening(path) for name, path in OPENINGS.items()},
    **{name: listing(path) for name, path in LISTINGS.items()},
    "read /etc/shadow": lambda stage: open("/etc/shadow", "rb").close(),
    "read the disk": lambda stage: open(stage.disk, "rb").close(),
    "read the parent's environment": environment(lambda stage: stage.parent),
    "read the first process's environment": first_environment,
    "read any environment": any_environment,
    "read the parent's memory": memory,
    "open the parent's memory for writing": memory_for_writing,
    "read a file that the parent has open": open_file,
    "read through the parent's root": parents_root,
    "read the parent's command line": command_line,
    "read through a hard link": hard_link,
    "read through a symbolic link": through_a_link,
    "read by going upwards": upwards,
    "read through a file handle": handle_to_a_file,
    "empty a file of the checkout": lambda stage: os.truncate(f"{stage.checkout}/emptied", 0),
    "remove a file of the checkout": lambda stage: os.unlink(f"{stage.checkout}/removed"),
    "rename a file of the checkout": lambda stage: os.rename(
        f"{stage.checkout}/renamed", f"{stage.checkout}/renamed-to"
    ),
    "make a folder in the checkout": lambda stage: os.mkdir(f"{stage.checkout}/folder"),
    "change the mode of a file": lambda stage: os.chmod(f"{stage.home}/.netrc", 0o640),
    "change the group of a file": lambda stage: os.chown(f"{stage.home}/.netrc", -1, 65534),
    "read an extended attribute": lambda stage: found(
        os.getxattr(f"{stage.home}/.netrc", "user.rl"), stage
    ),
    "change an extended attribute": lambda stage: os.setxattr(
        f"{stage.home}/.netrc", "user.rl2", b"x"
    ),
    "hear of new files in a folder": hear,
    "give a file the setuid bit": setuid(chmod),
    "make a file with the setuid bit": setuid(made),
    "make a control group": control_group,
    "open any kernel setting for writing": kernel_settings,
}
