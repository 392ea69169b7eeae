#!/usr/bin/python3
"""A job that cron starts on every machine or every minute, and that runs once at a time.

    cron_job.py ADDRESS
"""

import sys

import holdfast


def main(address):
    client = holdfast.Client(address)
    # Renewed for as long as it runs; free 30 s after this program dies, however it dies.
    lock = holdfast.SyncLock(client, "cron/report", expire=30, renew=True, timeout=0)
    try:
        with lock as lease:
            for step in ("collect", "sum up", "publish"):
                lease.check()  # LockLostError: somebody else may be at it by now.
                print(f"{step} with token {lease.fencing_token}", flush=True)
                sys.stdin.readline()  # The work.
    except holdfast.LockTimeoutError as error:
        print(f"not now: {error.owner} is at it")
    except holdfast.LockError as error:
        sys.exit(f"cron_job: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
