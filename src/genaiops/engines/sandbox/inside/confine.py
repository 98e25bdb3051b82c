"""What a process of the sandbox takes from itself before it reads a program: the standard library only, for it runs
without any other path.

Linux: all capabilities, new privileges, files but for the standard library and the machine's libraries (Landlock),
and every call of the kernel that is not on a list: sockets, processes, signals, other processes' memory (seccomp).
Elsewhere only the limits of resources hold, and `lacking` says so.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
FILTER_MODE = 2
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
READ_FILE, READ_DIR, EXECUTE = 1 << 2, 1 << 3, 1 << 0
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_CAP_VERSION_3 = 0x20080522

_LIBRARIES = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/dev/null"),
    "/dev/urandom",
)

# Number of each call: x86-64, then arm64 (None: it has none).
CALLS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "open": (2, None), "close": (3, 57), "stat": (4, None), "fstat": (5, 80),
    "lstat": (6, None), "poll": (7, None), "lseek": (8, 62), "mmap": (9, 222), "mprotect": (10, 226),
    "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "pread64": (17, 67), "readv": (19, 65), "writev": (20, 66), "access": (21, None),
    "pipe": (22, None), "select": (23, None), "sched_yield": (24, 124), "mremap": (25, 216), "madvise": (28, 233),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "nanosleep": (35, 101), "getpid": (39, 172),
    "exit": (60, 93), "uname": (63, 160), "getcwd": (79, 17), "readlink": (89, None), "gettimeofday": (96, 169),
    "getrlimit": (97, 163), "getrusage": (98, 165), "sysinfo": (99, 179), "times": (100, 153), "getuid": (102, 174),
    "getgid": (104, 176), "geteuid": (107, 175), "getegid": (108, 177), "getppid": (110, 173),
    "sigaltstack": (131, 132), "arch_prctl": (158, None), "gettid": (186, 178), "futex": (202, 98),
    "sched_getaffinity": (204, 123), "getdents64": (217, 61), "set_tid_address": (218, 96),
    "restart_syscall": (219, 128), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "exit_group": (231, 94), "openat": (257, 56), "newfstatat": (262, 79),
    "readlinkat": (267, 78), "pselect6": (270, 72), "ppoll": (271, 73), "set_robust_list": (273, 99),
    "eventfd2": (290, 19), "pipe2": (293, 59), "getrandom": (318, 278), "membarrier": (324, 283), "statx": (332, 291),
    "rseq": (334, 293), "faccessat": (269, 48), "faccessat2": (439, 439),
}  # fmt: skip
_CLONE, _CLONE3, _IOCTL, _FCNTL, _PRLIMIT = (56, 220), (435, 435), (16, 29), (72, 25), (302, 261)
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)  # duplicates and flags; F_SETOWN would send signals to others
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_EPERM, _ENOSYS, _ENOTTY = 1, 38, 25
_CLONE_THREAD = 0x00010000
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000


def limits(seconds: float, memory_mib: int) -> None:
    """Of resources; they cannot be raised again."""
    processor = int(seconds) + 1
    bounds = {
        resource.RLIMIT_CPU: processor,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 32,
        resource.RLIMIT_AS: memory_mib << 20,
    }
    for which, most in bounds.items():
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(which, (most, most))
        except (OSError, ValueError):  # macOS knows no bound of the address space
            if which != resource.RLIMIT_AS:
                raise


def confine() -> tuple[list[str], list[str]]:
    """(what is in force, what is lacking) beside the limits."""
    if not sys.platform.startswith("linux"):
        return [], ["network", "files", "processes"]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return [], ["network", "files", "processes"]
    _drop_capabilities(libc)
    in_force, lacking = ["no privileges"], list[str]()
    abi = _landlock(libc)
    if abi:
        in_force.append(f"Landlock {abi}")
    else:
        lacking.append("files")
    if _seccomp(libc):
        in_force.append("seccomp")
    else:
        lacking += ["network", "processes"]
    return in_force, lacking


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    head = struct.pack("=Ii", _CAP_VERSION_3, 0)
    libc.capset(ctypes.create_string_buffer(head, len(head)), ctypes.create_string_buffer(bytes(24), 24))


def _readable() -> list[Path]:
    """The standard library, and libraries that its extensions are linked with."""
    libraries = (Path(os.__file__).parent, Path(sys.base_prefix) / "lib", *map(Path, _LIBRARIES))
    return [path for path in dict.fromkeys(libraries) if path.exists()]


def _landlock(libc: ctypes.CDLL) -> int:
    """The version in force; 0: this kernel has none, or it is off."""
    abi = libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return 0
    rights = (1 << _FS_RIGHTS.get(abi, 16)) - 1
    fields = [rights, 0b11 if abi >= 4 else 0, 0b11 if abi >= 6 else 0]  # TCP; abstract sockets and signals
    size = 8 * (3 if abi >= 6 else 2 if abi >= 4 else 1)
    attributes = ctypes.create_string_buffer(struct.pack("=QQQ", *fields)[:size], size)
    ruleset = libc.syscall(LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return 0
    for path in _readable():
        allowed = READ_FILE | READ_DIR | EXECUTE if path.is_dir() else READ_FILE
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", allowed, place)
        libc.syscall(LANDLOCK_ADD, ruleset, 1, ctypes.create_string_buffer(rule, len(rule)), 0)
        os.close(place)
    ended = libc.syscall(LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)
    return abi if ended == 0 else 0


def _seccomp(libc: ctypes.CDLL) -> bool:
    machine = platform.uname().machine
    if machine not in _ARCH or sys.maxsize < 1 << 32:
        return False
    place = 0 if machine == "x86_64" else 1
    program = _program(_ARCH[machine], place)
    code = ctypes.create_string_buffer(b"".join(program))
    head = ctypes.create_string_buffer(struct.pack("=H6xQ", len(program), ctypes.addressof(code)), 16)
    return libc.prctl(PR_SET_SECCOMP, FILTER_MODE, ctypes.addressof(head), 0, 0) == 0


def _program(architecture: int, place: int) -> list[bytes]:
    """Berkeley packet filter: calls on the list are let through, a thread may be begun, all else is refused."""

    def load(offset: int) -> bytes:
        return struct.pack("=HBBI", 0x20, 0, 0, offset)

    def equals(value: int, yes: int, no: int) -> bytes:
        return struct.pack("=HBBI", 0x15, yes, no, value)

    def give(value: int) -> bytes:
        return struct.pack("=HBBI", 0x06, 0, 0, value)

    code = [load(4), equals(architecture, 1, 0), give(_KILL), load(0)]
    for name in CALLS:
        number = CALLS[name][place]
        if number is not None:
            code += [equals(number, 0, 1), give(_ALLOW)]
    code += [equals(_IOCTL[place], 0, 1), give(_ERRNO | _ENOTTY)]
    code += [equals(_CLONE3[place], 0, 1), give(_ERRNO | _ENOSYS)]
    # of itself only: another process of the same user would be bounded to death
    code += [equals(_PRLIMIT[place], 0, 3), load(16), equals(0, 0, 1), give(_ALLOW), load(0)]
    code += [equals(_FCNTL[place], 0, 2 + 2 * len(_FCNTL_COMMANDS)), load(24)]
    for command in _FCNTL_COMMANDS:
        code += [equals(command, 0, 1), give(_ALLOW)]
    code += [give(_ERRNO | _EPERM)]
    test_flags = struct.pack("=HBBI", 0x45, 0, 1, _CLONE_THREAD)
    code += [equals(_CLONE[place], 0, 3), load(16), test_flags, give(_ALLOW)]
    return [*code, give(_ERRNO | _EPERM)]
