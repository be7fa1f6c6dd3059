"""Many items on several processes: order, memory, errors, death."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from profiler.bench.batch import CHUNK, CHUNKS_AHEAD, map_ordered
from profiler.errors import ChirpbenchError, InputError


def square(n: int) -> int:
    return n * n


def picky(n: int) -> int:
    if n == 7:
        raise InputError("seven", file="n.txt")
    return n


def deadly(n: int) -> int:
    if n == 5:
        os._exit(9)
    return n


def numeric_threads(_n: int) -> tuple[str | None, int]:
    return os.environ.get("OPENBLAS_NUM_THREADS"), os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert list(map_ordered(square, range(30), workers=workers)) == [n * n for n in range(30)]
    assert list(map_ordered(square, [], workers=workers)) == []


def test_items_are_taken_as_they_are_needed() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for n in range(1000):
            taken += 1
            yield n

    results = map_ordered(square, items(), workers=2)
    assert next(results) == 0
    assert taken <= 2 * CHUNKS_AHEAD * CHUNK
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_is_raised_in_its_place(workers: int) -> None:
    with pytest.raises(InputError, match="seven"):
        list(map_ordered(picky, range(20), workers=workers))


def test_a_process_that_dies_is_a_clear_error() -> None:
    with pytest.raises(ChirpbenchError, match="a worker process died; it may have run out"):
        list(map_ordered(deadly, range(20), workers=2))


def test_workers_use_one_numeric_thread_and_the_parents_setting_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    seen = list(map_ordered(numeric_threads, range(4), workers=2))
    assert {threads for threads, _ in seen} == {"1"}
    assert os.getpid() not in {pid for _, pid in seen}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"
