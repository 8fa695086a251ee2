#!/usr/bin/env python3
"""Runs a command on a terminal of its own and types an answer each time it is asked.

    answer.py PATTERN ANSWER[|ANSWER...] COMMAND...

The last answer is given again and again. What the command says goes to standard output; exit code is the command's, 99 when it was
never asked."""
import os
import pty
import sys

pattern, answers, command = sys.argv[1].encode(), sys.argv[2].split("|"), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
said, asked = b"", 0
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:  # the other end is closed
        break
    if not piece:
        break
    said += piece
    while asked < said.count(pattern):
        os.write(terminal, answers[min(asked, len(answers) - 1)].encode() + b"\n")
        asked += 1
sys.stdout.buffer.write(said)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if asked or code else 99)
