"""Starts one program and tells its figures: launch.py FD PROGRAM ARGUMENT... writes {"status", "wall", "cpu", "peak"} to FD.

A process of its own, and a small one: the kernel counts a program's peak memory from the fork on, that of its parent included."""
import os
import sys
import time

began = time.monotonic()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.monotonic() - began
os.write(int(sys.argv[1]), b'{"status": %d, "wall": %r, "cpu": %r, "peak": %r}'
         % (os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
