"""Becomes a server: `python -IS launcher.py DEATH_SIGNAL PARENT_PID DATA_FOLDER|- COMMAND...`.

The command gets DEATH_SIGNAL when the parent dies (Linux) and, given a data folder, does not run as root.
"""

import ctypes
import os
import sys

NOBODY = 65534
NEW_USER_NAMESPACE = 0x10000000  # CLONE_NEWUSER
SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def leave_root(folder: str, libc: ctypes.CDLL) -> None:
    """Be `nobody` in a user namespace (files stay ours); where those are forbidden, really be it."""
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(NEW_USER_NAMESPACE) == 0:
        for name, text in (("setgroups", "deny"), ("gid_map", f"{NOBODY} {gid} 1"), ("uid_map", f"{NOBODY} {uid} 1")):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib doubles this program's start
                file.write(text)
        return
    for path, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(os.path.join(path, name), NOBODY, NOBODY, follow_symlinks=False)  # noqa: PTH118
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def launch(death: str, parent: str, folder: str, *command: str) -> None:
    """Replace this program by the command; only returns by an exception."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if folder != "-" and os.geteuid() == 0:
            leave_root(folder, libc)
        libc.prctl(SET_DEATH_SIGNAL, int(death))  # after any change of user: that clears it
        if os.getppid() != int(parent):
            sys.exit("the parent is gone")
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    launch(*sys.argv[1:])
