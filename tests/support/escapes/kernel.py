"""Attempts on other processes and on the kernel: rights, name spaces, rare system calls."""

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import resource
import signal
import struct
import subprocess
from collections.abc import Callable
from types import SimpleNamespace

Attempt = Callable[[SimpleNamespace], object]
"""What tries to get out of a stage; it raises where it is refused."""

_X86 = platform.machine() == "x86_64"
# x86-64 and aarch64
_NUMBERS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "kcmp": (312, 272),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "mount": (165, 40),
    "umount2": (166, 39),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "setns": (308, 268),
    "unshare": (272, 97),
    "clone": (56, 220),
    "clone3": (435, 435),
    "io_uring_setup": (425, 425),
    "syslog": (103, 116),
    "adjtimex": (159, 171),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semctl": (66, 191),
    "msgrcv": (70, 188),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "sethostname": (170, 161),
}
_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000
_SEIZE, _INPUT = 0x4206, 0x5412
_X32_GETPID = 0x40000000 | 39
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def call(name: str | int, *arguments: object) -> int:
    """Make a system call by number; OSError when the kernel refuses it."""
    number = name if isinstance(name, int) else _NUMBERS[name][0 if _X86 else 1]
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def tokens(data: bytes, stage: SimpleNamespace) -> None:
    if stage.token.encode() not in data:
        raise OSError("the token is not in it")


def called(name: str, *arguments: object) -> Attempt:
    return lambda stage: call(name, *arguments) and None


def traced(stage: SimpleNamespace) -> None:
    call("ptrace", _SEIZE, stage.parent, 0, 0)


def memory(name: str) -> Attempt:
    def attempt(stage: SimpleNamespace) -> None:
        size = len(stage.token)
        mine = ctypes.create_string_buffer(stage.token.encode(), size)
        here = struct.pack("@PN", ctypes.addressof(mine), size)
        there = struct.pack("@PN", stage.address, size)
        if name == "process_vm_readv":
            ctypes.memset(mine, 0, size)
        call(name, stage.parent, here, 1, there, 1, 0)
        tokens(mine.raw, stage)

    return attempt


def taken_file(stage: SimpleNamespace) -> None:
    process = call("pidfd_open", stage.parent, 0)
    tokens(os.pread(call("pidfd_getfd", process, stage.handle, 0), 1000, 0), stage)


def limited(stage: SimpleNamespace) -> None:
    now = resource.prlimit(stage.parent, resource.RLIMIT_CORE)
    resource.prlimit(stage.parent, resource.RLIMIT_CORE, now)


def slowed(stage: SimpleNamespace) -> None:
    os.setpriority(os.PRIO_PROCESS, stage.parent, 1)


def signalled(stage: SimpleNamespace) -> None:
    os.kill(stage.parent, signal.SIGWINCH)


def signalled_group(stage: SimpleNamespace) -> None:
    os.killpg(stage.parent, signal.SIGWINCH)


def signalled_by_handle(stage: SimpleNamespace) -> None:
    signal.pidfd_send_signal(os.pidfd_open(stage.parent), signal.SIGWINCH)


def shared_memory(stage: SimpleNamespace) -> None:
    number = call("shmget", stage.shared, 0, 0)
    _libc.shmat.restype = ctypes.c_void_p
    address = _libc.shmat(number, None, 0o10000)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError("refused")
    tokens(ctypes.string_at(address, 64), stage)


def message_queue(stage: SimpleNamespace) -> None:
    queue = call("mq_open", stage.queue.encode(), os.O_RDWR, 0, None)
    os.close(queue)


def attached(stage: SimpleNamespace) -> None:
    """Attach shared memory by its number, which is listed and easily guessed."""
    _libc.shmat.restype = ctypes.c_void_p
    address = _libc.shmat(stage.segment, None, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError("refused")
    tokens(ctypes.string_at(address, 64), stage)
    ctypes.memset(address + 2048, 1, 1)


def taken_message(stage: SimpleNamespace) -> None:
    place = ctypes.create_string_buffer(1000)
    call("msgrcv", stage.messages, place, 900, 0, 0o4000)
    tokens(place.raw, stage)


def unlinked_queue(stage: SimpleNamespace) -> None:
    call("mq_unlink", stage.other_queue.encode())


def mounted(stage: SimpleNamespace) -> None:
    target = f"{stage.workspace}/mounted-{stage.token}".encode()
    os.mkdir(target)
    call("mount", b"none", target, b"tmpfs", 0, b"")
    call("umount2", target, 2)


def changed_root(stage: SimpleNamespace) -> None:
    os.chroot(stage.workspace)


def joined_namespace(stage: SimpleNamespace) -> None:
    call("setns", os.open("/proc/self/ns/uts", os.O_RDONLY), 0)


def clone(stage: SimpleNamespace) -> None:
    ended(call("clone", _NEW_USER | signal.SIGCHLD, 0, 0, 0, 0))


def clone3(stage: SimpleNamespace) -> None:
    words = [_NEW_USER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0]
    arguments = ctypes.create_string_buffer(struct.pack("=8Q", *words), 64)
    ended(call("clone3", arguments, 64))


def ended(child: int) -> None:
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def other_id(stage: SimpleNamespace) -> None:
    os.setresuid(65533, 65533, 65533)


def ran_as_owner(stage: SimpleNamespace) -> None:
    """Run a program that belongs to somebody else and takes his rights."""
    done = subprocess.run([stage.setuid, "-u"], capture_output=True, timeout=2, check=True)
    if int(done.stdout) == os.getuid():
        raise OSError("it ran with our own rights")


def ran(*argv: str) -> Attempt:
    def attempt(stage: SimpleNamespace) -> None:
        done = subprocess.run(
            argv, capture_output=True, timeout=2, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode or b"reached" not in done.stdout:
            raise OSError(done.stderr.decode(errors="replace").strip() or "it failed")

    return attempt


def typed(stage: SimpleNamespace) -> None:
    """Type into a terminal as if a person did."""
    import pty

    _, terminal = pty.openpty()
    fcntl.ioctl(terminal, _INPUT, b"x")


def typed_at_ours(stage: SimpleNamespace) -> None:
    """Type into a terminal that is not ours: the one reviewloop was started in."""
    terminal = os.open(stage.terminal, os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(terminal, _INPUT, b"x")


def written_at_ours(stage: SimpleNamespace) -> None:
    """Write escape codes to the terminal reviewloop was started in."""
    os.write(os.open(stage.terminal, os.O_WRONLY | os.O_NOCTTY), b"\x1b]0;title\x07")


def old_calls(stage: SimpleNamespace) -> None:
    """Make a system call of 32-bit programs, whose numbers are others."""
    if not _X86:
        raise OSError(errno.ENOSYS, "only x86-64 has these")
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # getpid, the old way
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    if ctypes.CFUNCTYPE(ctypes.c_int)(address)() != os.getpid():
        raise OSError("not known to the kernel")


def x32_calls(stage: SimpleNamespace) -> None:
    if not _X86 or call(_X32_GETPID) != os.getpid():
        raise OSError(errno.ENOSYS, "not known to the kernel")


_ARRAY = struct.pack("=IIII", 2, 4, 4, 1).ljust(120, b"\0")
_COUNTER = struct.pack("=IIQ", 1, 64, 0).ljust(64, b"\0")
ATTEMPTS = {
    "trace the parent": traced,
    "read memory with process_vm_readv": memory("process_vm_readv"),
    "write memory with process_vm_writev": memory("process_vm_writev"),
    "take an open file with pidfd_getfd": taken_file,
    "compare with kcmp": lambda stage: call("kcmp", os.getpid(), stage.parent, 2, 0, 0) and None,
    "signal the parent": signalled,
    "signal the parent's group": signalled_group,
    "signal the parent by its handle": signalled_by_handle,
    "change the parent's limits": limited,
    "change the parent's priority": slowed,
    "read shared memory": shared_memory,
    "attach shared memory": attached,
    "see who uses shared memory": lambda stage: (
        call("shmctl", stage.segment, 2, ctypes.create_string_buffer(256)) and None
    ),
    "take a message of another program": taken_message,
    "remove the locks of another program": lambda stage: (
        call("semctl", stage.locks, 0, 0, 0) and None
    ),
    "open a message queue": message_queue,
    "remove a message queue": unlinked_queue,
    "sudo": ran("sudo", "-n", "echo", "reached"),
    "su": ran("su", "-c", "echo reached"),
    "run a setuid program": ran_as_owner,
    "become another user": other_id,
    "run unshare": ran("unshare", "--user", "--map-root-user", "echo", "reached"),
    "make name spaces": called("unshare", _NEW_MOUNTS),
    "make a user name space": called("unshare", _NEW_USER),
    "clone into a user name space": clone,
    "clone3 into a user name space": clone3,
    "enter a name space": joined_namespace,
    "mount": mounted,
    "open a file system": called("fsopen", b"tmpfs", 0),
    "open a tree of mounts": called("open_tree", -100, b"/", 0),
    "change the root": changed_root,
    "change the host's name": lambda stage: (
        call("sethostname", stage.host.encode(), len(stage.host)) and None
    ),
    "io_uring": lambda stage: os.close(call("io_uring_setup", 4, ctypes.create_string_buffer(120))),
    "the kernel's keys": called("keyctl", 0, -3, 1),
    "make a key": called("add_key", b"user", b"rl-probe", b"x", 1, -1),
    "bpf": called("bpf", 0, _ARRAY, 120),
    "userfaultfd": called("userfaultfd", 1),
    "perf_event_open": called("perf_event_open", _COUNTER, 0, -1, -1, 0),
    "fanotify": called("fanotify_init", 0x200, 0),
    "the kernel's log": called("syslog", 10, 0, 0),
    "the clock": lambda stage: call("adjtimex", ctypes.create_string_buffer(208)) and None,
    "type into a terminal": typed,
    "type into reviewloop's terminal": typed_at_ours,
    "write to reviewloop's terminal": written_at_ours,
    "system calls of 32-bit programs": old_calls,
    "x32 system calls": x32_calls,
}
