"""Whether the lessons hold with other seeds, threads and processors: `make soak`.

Every lesson is run many times, without a kernel and without drawing. Each run has its own seed and
its own number of threads, and pretends to be one of three processors. An assertion that fails does
not stop a run. In the end a table says how often each one failed, and for each bound how many
standard deviations lie between it and the mean of what it bounds.

Runs take the quick setting of the lessons: fewer images and steps scatter more, so a bound that
holds there holds with --real, which takes hours. Stopped and started again, it goes on. A lesson
that was changed begins anew.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import math
import operator
import os
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import nbformat
import papermill

from lenet_helpers.commands import lessons
from lenet_helpers.files import ROOT

RESULTS = ROOT / "build" / "soak"
RUNS = 24  # of each lesson, each with a seed of its own
ENOUGH = 4  # standard deviations between a bound and the mean
SIDES = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
# What PyTorch and oneDNN may use of a processor; the first is the slowest, the last all there is.
PROCESSORS = {
    "SSE": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "as it is": {},
}
EXTRA = {"05_feature_maps": {"RETRAIN": True}}  # beside what the lesson sets itself


class Run(NamedTuple):
    """One lesson, from a seed that is `shift` away from its own, on one kind of processor."""

    lesson: str
    shift: int
    threads: int
    processor: str


def planned(lesson: str, runs: int) -> list[Run]:
    """`runs` with a seed each, and two of the lesson's own seed for the outputs it compares."""
    threads, kinds = (1, 1, 2, 1, 1, 4), list(PROCESSORS)[::-1]
    chosen = [Run(lesson, n, threads[n % 6], kinds[n // 2 % 3]) for n in range(runs)]
    return [*chosen, Run(lesson, 0, 2, "SSE"), Run(lesson, 0, 4, "AVX2")]


# One run, in a process of its own


class Instrument(ast.NodeTransformer):
    """Puts the function `_check` in the place of each `assert`."""

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """`assert low < x` becomes `_check("low < x", [low, x], "Lt")`.

        A test that is no chain of < and > hands over its value alone.
        """
        test = node.test
        chain = isinstance(test, ast.Compare) and all(type(op) in SIDES for op in test.ops)
        values = [test.left, *test.comparators] if chain else [test]
        signs = [type(op).__name__ for op in test.ops] if chain else []
        arguments = [ast.Constant(ast.unparse(test)), ast.List(values, ast.Load())]
        arguments.append(ast.Constant(" ".join(signs)))
        call = ast.Call(ast.Name("_check", ast.Load()), arguments, [])
        return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), node))


def execute(path: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    """Run the cells of a lesson; what its assertions gave, and which compared outputs differ."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    from lenet_helpers import plots

    plots.show = lambda *_: None
    shell = InteractiveShell.instance()
    shell.colors = "nocolor"
    shell.ast_transformers.append(Instrument())
    found: dict[str, Any] = {"checks": [], "differs": [], "error": None}
    start = time.process_time()
    os.chdir(path.parent)
    code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    for number, cell in enumerate(code):
        shell.user_ns["_check"] = lambda text, values, signs, number=number: found["checks"].append(
            {"cell": number, "text": text, **judged(values, signs.split())}
        )
        with capture_output() as output:
            result = shell.run_cell(cell.source)
        if not result.success:
            error = result.error_in_exec or result.error_before_exec
            if isinstance(error, KeyboardInterrupt):  # of the reader: no result to keep
                raise error
            found["error"] = f"cell {number}: {type(error).__name__}: {error}"
            break
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags:
            shell.user_ns.update(parameters)
        printed = "".join(o.text for o in cell.outputs if o.output_type == "stream")
        if "nbval-check-output" in tags and output.stdout != printed and printed:
            found["differs"].append(number)
    return found | {"seconds": time.process_time() - start}


def judged(values: list[Any], signs: list[str]) -> dict[str, Any]:
    """Whether an assertion holds, and how much room its bounds have."""
    if not signs:
        return {"holds": bool(values[0]), "room": []}
    kinds = {kind.__name__: compare for kind, compare in SIDES.items()}
    pairs = list(zip(pairwise(values), signs, strict=True))
    room = []
    for (left, right), sign in pairs:
        try:
            low, high = (left, right) if sign.startswith("Lt") else (right, left)
            both = low > 0 and high > 0  # such values scatter by factors
            room.append(math.log(high / low) if both else float(high - low))
        except (TypeError, ValueError):  # sets, for example
            return {"holds": all(bool(kinds[s](a, b)) for (a, b), s in pairs), "room": []}
    return {"holds": all(bool(kinds[s](a, b)) for (a, b), s in pairs), "room": room}


# All runs


def start(run: Run, quick: bool, seed_of: dict[str, int]) -> None:
    """Run in a child process, whose environment decides threads and processor; keep the result."""
    path = lessons.NOTEBOOKS / f"{run.lesson}.ipynb"
    (parameters,) = lessons.choose_parameters([path], {}, quick=quick)
    parameters |= EXTRA.get(run.lesson, {})
    parameters["SEED"] = seed_of[run.lesson] + run.shift
    file = result_file(run, quick)
    if file.exists():
        return
    environment = os.environ | PROCESSORS[run.processor]
    environment |= {"TQDM_DISABLE": "1", "MPLBACKEND": "agg"}
    # PASSIVE: more threads than cores would wait for each other at full speed
    environment |= {"OMP_NUM_THREADS": str(run.threads), "OMP_WAIT_POLICY": "PASSIVE"}
    child = subprocess.run(
        [sys.executable, __file__, "--one", str(path), json.dumps(parameters)],
        capture_output=True,
        text=True,
        env=environment,
    )
    if child.returncode:
        sys.exit(f"{run} ended with {child.returncode}:\n{child.stderr[-2000:]}")
    file.parent.mkdir(parents=True, exist_ok=True)
    result = json.loads(child.stdout.splitlines()[-1])
    file.write_text(json.dumps(result), encoding="utf-8")
    print(f"{run.lesson}  {run}  {result['seconds']:.0f} s", flush=True)


def own_seed(path: Path) -> int:
    """The seed that a lesson has by itself."""
    return int(papermill.inspect_notebook(path)["SEED"]["default"])


def result_file(run: Run, quick: bool) -> Path:
    """Where a run's result lies. The name changes with the code of the lesson."""
    cells = nbformat.read(lessons.NOTEBOOKS / f"{run.lesson}.ipynb", as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    digest = hashlib.sha256(code.encode()).hexdigest()[:8]
    setting = "quick" if quick else "real"
    name = f"{run.shift:02}_{run.threads}_threads_{run.processor.replace(' ', '_')}.json"
    return RESULTS / f"{run.lesson}_{setting}_{digest}" / name


def report(lesson: str, runs: list[Run], quick: bool) -> None:
    """The table of one lesson: every assertion that can come out in more than one way."""
    runs = [run for run in runs if result_file(run, quick).exists()]  # fewer after Ctrl-C
    results = [json.loads(result_file(run, quick).read_text(encoding="utf-8")) for run in runs]
    checks = defaultdict(list)
    for result in results:
        seen: dict[tuple, int] = defaultdict(int)
        for check in result["checks"]:  # in a loop one assertion is met many times
            key = (check["cell"], check["text"])
            checks[*key, seen[key]].append(check)
            seen[key] += 1
    minutes = sum(result["seconds"] for result in results) / 60
    print(f"\n{lesson}: {len(results)} runs, {minutes:.0f} core-minutes, {len(checks)} assertions")
    print("  failed   cell   standard deviations from the bound   assertion")
    steady = 0
    for (cell, text, _), met in checks.items():
        failed = sum(not check["holds"] for check in met)
        rooms = [r for r in zip(*(check["room"] for check in met), strict=False) if len(set(r)) > 1]
        away = [mean(room) / stdev(room) for room in rooms]
        if not failed and not away:
            steady += 1
            continue
        nearest = f"{min(away):.1f}" if away else "no bound"
        mark = "   <-- too near" if failed or (away and min(away) < ENOUGH) else ""
        print(f"  {failed:2} of {len(met):2}  c{cell:<3}  {nearest:>9}   {text[:80]}{mark}")
    print(f"  the other {steady} gave the same in every run")
    for run, result in zip(runs, results, strict=True):
        if result["error"]:
            print(f"  STOPPED {run}: {result['error']}")
        if run.shift == 0 and result["differs"] and not quick:  # committed is the real setting
            print(f"  OUTPUT DIFFERS {run}: cells {result['differs']}")


def main() -> None:
    """Run what is not there yet, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="such as 03 05; all if none")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each lesson")
    parser.add_argument("--real", action="store_true", help="the real setting: hours")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        path, parameters = options.one
        print(json.dumps(execute(Path(path), json.loads(parameters))))
        return
    paths = lessons.find_lessons(options.lessons)
    seed_of = {path.stem: own_seed(path) for path in paths}
    runs = {path.stem: planned(path.stem, options.runs) for path in paths}
    wanted = sorted((run for some in runs.values() for run in some), key=lambda run: run.shift)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            list(pool.map(lambda run: start(run, not options.real, seed_of), wanted))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
    for lesson, some in runs.items():
        report(lesson, some, not options.real)


if __name__ == "__main__":
    main()
