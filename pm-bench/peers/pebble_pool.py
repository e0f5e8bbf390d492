"""pebble's ProcessPool, with one process."""

from contestant import Contestant
from pebble import ProcessPool


def end(pool):
    pool.close()
    pool.join()


if __name__ == "__main__":
    Contestant(
        build=lambda: ProcessPool(max_workers=1),
        submit=lambda pool, *call: pool.submit(call[0], None, *call[1:]),
        end=end,
    ).serve()
