"""The kernel filter of system calls that a confined command may not make.

Loaded by the launcher too (`python -I -S`), so it may use the standard library only. Numbers are
from the kernel's tables `syscall_64.tbl` (x86-64) and `asm-generic/unistd.h` (aarch64); the format
is classic BPF over `struct seccomp_data` (linux/seccomp.h).
"""

import errno
import os
import struct

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000

_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in seccomp_data
_ARGUMENTS = tuple(16 + 8 * index for index in range(6))  # their low halves, little endian
_HIGH_HALF = 4
_X32 = 0x40000000

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}

# Calls to other processes, the kernel's own services, other namespaces, or the clock.
_REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
}
# Programs try these first and have a fallback when the kernel does not have them.
_UNKNOWN = {
    "clone3": (435, 435),  # its flags are in memory, which a filter cannot read
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "openat2": (437, 437),  # it can make a setuid file, as `open` can
}
# Objects that a user's processes share by number or name, without a namespace. Whoever knows or
# guesses a number needs no `get`.
_SHARED: dict[str, tuple[int, int]] = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "inotify_add_watch": (254, 27),  # reveals names of new files in unreadable folders
}
_CONNECTING: dict[str, tuple[int, int]] = {
    "connect": (42, 203),  # without TCP there is no socket for them
}
_LISTENING: dict[str, tuple[int, int]] = {
    "bind": (49, 200),
    "listen": (50, 201),
}
# These connect too, and Landlock does not check them; with the argument that holds the flags.
_SENDING: dict[str, tuple[tuple[int, int], int]] = {
    "sendto": ((44, 206), 3),
    "sendmsg": ((46, 211), 2),
    "sendmmsg": ((307, 269), 3),
}
_FAST_OPEN = 0x20000000
# Modes by path, whose owner Landlock does not check. They do nothing and report success.
_NOT_DONE: dict[str, tuple[int, int | None]] = {
    "chmod": (90, None),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
}
# Landlock does not check these; programs that copy files continue without them.
_ATTRIBUTES: dict[str, tuple[int, int]] = {
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "getxattr": (191, 8),
    "lgetxattr": (192, 9),
    "fgetxattr": (193, 10),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
    "flistxattr": (196, 13),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "getxattrat": (464, 464),
    "listxattrat": (465, 465),
    "removexattrat": (466, 466),
}
# The argument with the mode; of `open` it counts only when a file is made.
_MODES: dict[str, tuple[tuple[int, int | None], int]] = {
    "chmod": ((90, None), 1),
    "fchmod": ((91, 52), 1),
    "fchmodat": ((268, 53), 2),
    "fchmodat2": ((452, 452), 2),
    "creat": ((85, None), 1),
    "mknod": ((133, None), 1),
    "mknodat": ((259, 33), 2),
}
_OPENS: dict[str, tuple[tuple[int, int | None], int]] = {  # the argument with the flags
    "open": ((2, None), 1),
    "openat": ((257, 56), 2),
}
_SETUID = 0o4000
_MAKES_FILE = 0o100 | 0o20000000  # O_CREAT and O_TMPFILE, the same on both processors
_OWNERS: dict[str, tuple[tuple[int, int | None], int]] = {  # the argument with the new owner
    "chown": ((92, None), 1),
    "fchown": ((93, 55), 1),
    "lchown": ((94, None), 1),
    "fchownat": ((260, 54), 2),
}
_UNCHANGED = 0xFFFFFFFF  # as an owner: unchanged
_STREAM, _TCP = 1, 6
_KIND_OF_SOCKET = 0xF  # mask: the argument also has flags
_SOCKETPAIR = (53, 199)
_PAIRS = (1, 5)  # SOCK_STREAM and SOCK_SEQPACKET, whose ends reach only each other
_SHMGET = (29, 194)
_SMALL = 1 << 16  # bytes of System V memory: databases lock with it; the kernel has 4,096 of them
_PRLIMIT = (302, 261)
_CLONE = (56, 220)
_SOCKET = (41, 198)
_IOCTL = (16, 29)
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW: NS, CGROUP, UTS, IPC, USER, PID, NET
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX type into a terminal
_UNIX, _IPV4, _IPV6, _NETLINK = 1, 2, 10, 16


def supported() -> bool:
    """Return whether the tables above have this machine."""
    return os.uname().machine in _ARCHITECTURES


def program(*, sockets: bool, tcp: bool = False, listens: bool = False) -> bytes:
    """Return the filter as an array of `struct sock_filter`.

    With `sockets`, the command has its own namespaces: sockets are allowed that are local, IP, or
    of the netlink family that lists interfaces, and so is a little memory shared by number.
    Without, only pairs of sockets that reach nothing else can be made, nothing is shared by number
    or name, and other processes' limits and files' owners and extended attributes cannot be
    changed. With `tcp`, TCP sockets can be made too, whose connections something else limits; then
    modes of files by path cannot be changed. With `listens` they may accept connections.
    """
    machine = os.uname().machine
    column = _COLUMN[machine]
    lines = [
        _statement(_LOAD, _ARCHITECTURE),
        _jump(_EQUAL, _ARCHITECTURES[machine], 1, 0),
        _statement(_RETURN, _KILL),
        _statement(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        lines += [_jump(_AT_LEAST, _X32, 0, 1), _refusal(errno.ENOSYS)]
    if tcp:
        for unmade in _NOT_DONE.values():
            lines += _for_call(unmade[column], [_refusal(0)])
    lines += _for_setuid(column)  # first: files are opened often, and a filter runs in order
    for table, reason in ((_REFUSED, errno.EPERM), (_UNKNOWN, errno.ENOSYS)):
        for numbers in table.values():
            number = numbers[column]
            if number is not None:
                lines += [_jump(_EQUAL, number, 0, 1), _refusal(reason)]
    lines += _for_call(_CLONE[column], _clone())
    lines += _for_call(_IOCTL[column], _ioctl())
    made = _socket() if sockets else _tcp() if tcp else [_refusal(errno.EACCES)]
    lines += _for_call(_SOCKET[column], made)
    if sockets:
        lines += _for_call(_SHMGET[column], _little_memory())
    else:
        lines += _without_name_spaces(column, tcp=tcp, listens=listens)
    lines.append(_statement(_RETURN, _ALLOW))
    return b"".join(lines)


def _without_name_spaces(column: int, *, tcp: bool, listens: bool) -> list[bytes]:
    lines: list[bytes] = []
    if tcp:
        for each, position in _SENDING.values():
            lines += _for_call(each[column], _no_fast_open(position))
    refused = _SHARED | ({} if tcp else _CONNECTING) | ({} if listens else _LISTENING)
    for numbers in refused.values():
        lines += _for_call(numbers[column], [_refusal(errno.EACCES)])
    for numbers in _ATTRIBUTES.values():
        lines += _for_call(numbers[column], [_refusal(errno.ENOTSUP)])
    for calls, position in _OWNERS.values():
        lines += _for_call(calls[column], _own_owner(position))
    lines += _for_call(_SOCKETPAIR[column], _pair())
    lines += _for_call(_PRLIMIT[column], _own_process())
    return lines


def _for_call(number: int | None, body: list[bytes]) -> list[bytes]:
    """Return the lines for one call; none where the processor does not have it."""
    return [] if number is None else [_jump(_EQUAL, number, 0, len(body)), *body]


def _for_setuid(column: int) -> list[bytes]:
    """Refuse modes with the setuid bit: the file would run with the user's rights."""
    lines = []
    for numbers, position in _MODES.values():
        lines += _for_call(numbers[column], _no_setuid(position))
    for numbers, position in _OPENS.values():
        made = [
            _statement(_LOAD, _ARGUMENTS[position]),
            _statement(_AND, _MAKES_FILE),
            _jump(_EQUAL, 0, 0, 1),
            _statement(_RETURN, _ALLOW),
        ]
        lines += _for_call(numbers[column], [*made, *_no_setuid(position + 1)])
    return lines


def _no_setuid(position: int) -> list[bytes]:
    return [
        _statement(_LOAD, _ARGUMENTS[position]),
        _statement(_AND, _SETUID),
        _jump(_EQUAL, 0, 1, 0),
        _refusal(errno.EPERM),
        _statement(_RETURN, _ALLOW),
    ]


def _own_owner(position: int) -> list[bytes]:
    """Allow what copying programs do: set the owner and the group that new files have anyway."""
    lines = []
    for index, own in ((position, os.getuid()), (position + 1, os.getgid())):
        lines += [
            _statement(_LOAD, _ARGUMENTS[index]),
            _jump(_EQUAL, own, 2, 0),
            _jump(_EQUAL, _UNCHANGED, 1, 0),
            _refusal(errno.EPERM),
        ]
    return [*lines, _statement(_RETURN, _ALLOW)]


def _pair() -> list[bytes]:
    """Allow local pairs that stay connected; a datagram socket can send to any local socket."""
    return [
        _statement(_LOAD, _ARGUMENTS[0]),
        _jump(_EQUAL, _UNIX, 1, 0),
        _refusal(errno.EACCES),
        _statement(_LOAD, _ARGUMENTS[1]),
        _statement(_AND, _KIND_OF_SOCKET),
        *(_jump(_EQUAL, kind, len(_PAIRS) - index, 0) for index, kind in enumerate(_PAIRS)),
        _refusal(errno.EACCES),
        _statement(_RETURN, _ALLOW),
    ]


def _little_memory() -> list[bytes]:
    return [
        _statement(_LOAD, _ARGUMENTS[1] + _HIGH_HALF),
        _jump(_EQUAL, 0, 0, 2),
        _statement(_LOAD, _ARGUMENTS[1]),
        _jump(_AT_LEAST, _SMALL + 1, 0, 1),
        _refusal(errno.ENOSPC),
        _statement(_RETURN, _ALLOW),
    ]


def _clone() -> list[bytes]:
    return [
        _statement(_LOAD, _ARGUMENTS[0]),
        _statement(_AND, _NEW_NAMESPACES),
        _jump(_EQUAL, 0, 1, 0),
        _refusal(errno.EPERM),
        _statement(_RETURN, _ALLOW),
    ]


def _ioctl() -> list[bytes]:
    lines = [_statement(_LOAD, _ARGUMENTS[1])]
    for request in _TERMINAL_INPUT:
        lines += [_jump(_EQUAL, request, 0, 1), _refusal(errno.EPERM)]
    return [*lines, _statement(_RETURN, _ALLOW)]


def _own_process() -> list[bytes]:
    return [
        _statement(_LOAD, _ARGUMENTS[0]),
        _jump(_EQUAL, 0, 1, 0),
        _refusal(errno.EPERM),
        _statement(_RETURN, _ALLOW),
    ]


def _no_fast_open(position: int) -> list[bytes]:
    return [
        _statement(_LOAD, _ARGUMENTS[position]),
        _statement(_AND, _FAST_OPEN),
        _jump(_EQUAL, 0, 1, 0),
        _refusal(errno.EPERM),
        _statement(_RETURN, _ALLOW),
    ]


def _tcp() -> list[bytes]:
    """Allow TCP over IPv4 and IPv6; addresses of MPTCP, UDP and local sockets are not checked."""
    return [
        _statement(_LOAD, _ARGUMENTS[0]),
        _jump(_EQUAL, _IPV4, 2, 0),
        _jump(_EQUAL, _IPV6, 1, 0),
        _refusal(errno.EACCES),
        _statement(_LOAD, _ARGUMENTS[1]),
        _statement(_AND, _KIND_OF_SOCKET),
        _jump(_EQUAL, _STREAM, 1, 0),
        _refusal(errno.EACCES),
        _statement(_LOAD, _ARGUMENTS[2]),
        _jump(_EQUAL, 0, 2, 0),
        _jump(_EQUAL, _TCP, 1, 0),
        _refusal(errno.EACCES),
        _statement(_RETURN, _ALLOW),
    ]


def _socket() -> list[bytes]:
    lines = [_statement(_LOAD, _ARGUMENTS[0])]
    for family in (_UNIX, _IPV4, _IPV6):
        lines += [_jump(_EQUAL, family, 0, 1), _statement(_RETURN, _ALLOW)]
    return [
        *lines,
        _jump(_EQUAL, _NETLINK, 1, 0),
        _refusal(errno.EAFNOSUPPORT),
        _statement(_LOAD, _ARGUMENTS[2]),
        _jump(_EQUAL, 0, 1, 0),  # NETLINK_ROUTE
        _refusal(errno.EPROTONOSUPPORT),
        _statement(_RETURN, _ALLOW),
    ]


def _statement(code: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, 0, 0, value)


def _jump(code: int, value: int, when_true: int, when_false: int) -> bytes:
    return struct.pack("=HBBI", code, when_true, when_false, value)


def _refusal(reason: int) -> bytes:
    return _statement(_RETURN, _ERRNO | reason)
