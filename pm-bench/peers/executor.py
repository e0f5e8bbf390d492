"""concurrent.futures.ProcessPoolExecutor, with one process."""

from concurrent.futures import ProcessPoolExecutor

from contestant import Contestant

if __name__ == "__main__":
    Contestant(
        build=lambda: ProcessPoolExecutor(max_workers=1),
        submit=lambda pool, *call: pool.submit(*call),
        end=lambda pool: pool.shutdown(),
    ).serve()
