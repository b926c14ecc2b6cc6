"""Which system calls the seal refuses, and their numbers on the two machines it knows.

Source of the numbers: Linux v6.15 arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (arm64).
None: the call does not exist there. Each group says what it would open.
"""

from __future__ import annotations

from typing import NamedTuple


class Machine(NamedTuple):
    """What a filter must know of a processor architecture.

    audit_arch: the kernel's tag for it (linux/audit.h); column: index into the number pairs below;
    has_x32: a second set of call numbers is reachable from the same mode.
    """

    name: str
    audit_arch: int
    column: int
    has_x32: bool


MACHINES = {
    "x86_64": Machine("x86_64", 0xC000003E, 0, True),
    "aarch64": Machine("aarch64", 0xC00000B7, 1, False),
}

# The youngest call this table was checked against (open_tree_attr, Linux 6.15). A younger one is answered "not
# implemented" until somebody has read what it can do; C libraries fall back to the older calls.
NEWEST = 467

CallNumbers = tuple[int | None, int | None]

# Decided on their arguments, in seccomp.py.
CONDITIONAL: dict[str, CallNumbers] = {
    "socketpair": (53, 199),
    "sendto": (44, 206),
    "ioctl": (16, 29),
    "clone": (56, 220),
    "prctl": (157, 167),
}

# Its flags lie in memory, where a filter cannot read. C libraries fall back to clone.
NOT_IMPLEMENTED: dict[str, CallNumbers] = {"clone3": (435, 435)}

_SOCKETS: dict[str, CallNumbers] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendmmsg": (307, 269),
    "recvmmsg": (299, 243),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}

# Another process's memory, descriptors or registers: it may hold a socket.
_OTHER_PROCESSES: dict[str, CallNumbers] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}

# Mailboxes of the kernel that need no file: a way to a helper outside the seal. request_key with the key type
# "dns_resolver" makes the kernel ask a name server.
_MAILBOXES: dict[str, CallNumbers] = {
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    "mq_timedsend": (242, 182),
    "mq_notify": (244, 184),
}

# Other namespaces and mounts: another network stack, or a network file system.
_NAMESPACES: dict[str, CallNumbers] = {
    "setns": (308, 268),
    "unshare": (272, 97),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "nfsservctl": (180, 42),
}

# The kernel itself: programs in it, modules, events, the machine's state.
_KERNEL: dict[str, CallNumbers] = {
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "personality": (135, 92),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
}

REFUSED: dict[str, CallNumbers] = _SOCKETS | _OTHER_PROCESSES | _MAILBOXES | _NAMESPACES | _KERNEL


def number(table: dict[str, CallNumbers], name: str, machine: Machine) -> int | None:
    """Return the number of a call on a machine, or None if it does not exist there."""
    return table[name][machine.column]
