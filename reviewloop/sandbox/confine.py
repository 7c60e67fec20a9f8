"""Confines the process that becomes a command: Landlock, seccomp, limits.

Loaded by the launcher (`python -I -S`), so it may use the standard library only, and little of
that: each command waits for it. Constants are from `linux/landlock.h`, `linux/prctl.h` and
`linux/seccomp.h`.
"""

import ctypes
import os
import resource
import struct

from . import seccomp  # the launcher has this package under a shorter name

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ABI_QUESTION = 1
_PATH_BENEATH, _NET_PORT = 1, 2

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_READING = _EXECUTE | _READ_FILE | _READ_DIR
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_NEW_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # bits of file rights by version
_BIND_TCP, _CONNECT_TCP = 1, 2
_TCP = 0b11  # both, from version 4
_SCOPES = 0b11  # abstract sockets and signals, from version 6

_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_DROP_CAPABILITY = 24
_AMBIENT, _CLEAR_ALL = 47, 4

FILTER_FD = 37
"""The file descriptor of bubblewrap's filter, unused by anything else."""

_libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """Return the kernel's Landlock version, 0 when it has none or it is disabled."""
    version: int = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ABI_QUESTION)
    return max(0, version)


def apply(options: list[str]) -> None:
    """Confine this process by options `name=value`; raise OSError if the kernel refuses.

    `read`, `write` and `list` (names alone) name folders or files, `limit-NAME` sets a resource
    limit, `filter=pass` leaves the filter at FILTER_FD for bubblewrap, `landlock=on` and
    `filter=on` confine here, the latter without sockets; `filter=tcp` allows sockets to the ports
    of `connect` and `listen`.
    """
    access: dict[str, list[str]] = {}
    for option in options:
        name, _, value = option.partition("=")
        access.setdefault(name, []).append(value)
    for name in ("FSIZE", "NPROC", "NOFILE"):
        for value in access.get(f"limit-{name}", ()):
            _limit(getattr(resource, f"RLIMIT_{name}"), int(value))
    _offer_to_the_memory_killer()
    if "landlock" in access:
        _drop_capabilities()
        _check(_libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _restrict(access)
    if access.get("filter") == ["on"]:
        _filter(seccomp.program(sockets=False))
    elif access.get("filter") == ["tcp"]:
        _filter(seccomp.program(sockets=False, tcp=True, listens="listen" in access))
    elif access.get("filter") == ["pass"]:
        _hand_over(seccomp.program(sockets=True))


def _offer_to_the_memory_killer() -> None:
    """Make this process the first to be killed when the machine runs out of memory."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return  # not on this system: the launcher's watch is all there is


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _drop_capabilities() -> None:
    """Drop all capabilities; without effect unless it is an administrator."""
    _libc.prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    for number in range(64):
        _libc.prctl(_DROP_CAPABILITY, number, 0, 0, 0)
    header = struct.pack("=II", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    _libc.capset(header, bytes(24))


def _restrict(access: dict[str, list[str]]) -> None:
    version = landlock_version()
    if version < 1:
        raise OSError("the kernel has no Landlock")
    rights = (1 << _NEW_RIGHTS.get(version, 16)) - 1
    tcp = _TCP if version >= 4 else 0
    scopes = _SCOPES if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("=QQQ", rights, tcp, scopes)
    ruleset = _check(
        _libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint(0))
    )
    try:
        for kind, allowed in (("list", _READ_DIR), ("read", _READING), ("write", rights)):
            for path in access.get(kind, ()):
                _allow(ruleset, path, allowed & rights)
        for kind, right in (("connect", _CONNECT_TCP), ("listen", _BIND_TCP)):
            for port in access.get(kind, ()):
                rule = struct.pack("=QQ", right, int(port))
                _check(_libc.syscall(_ADD_RULE, ruleset, _NET_PORT, rule, ctypes.c_uint(0)))
        _check(_libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint(0)))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # a missing path needs no right
    try:
        if not os.path.isdir(path):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        _check(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, ctypes.c_uint(0)))
    finally:
        os.close(descriptor)


def _filter(code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    _check(_libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _check(_libc.prctl(_SET_SECCOMP, _FILTER, header, 0, 0))


def _hand_over(code: bytes) -> None:
    memory = os.memfd_create("filter")
    os.write(memory, code)
    os.lseek(memory, 0, os.SEEK_SET)
    os.dup2(memory, FILTER_FD, inheritable=True)
    os.close(memory)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
