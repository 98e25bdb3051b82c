"""`genaiops judge calibrate`: a judge held against labels of people, in this process."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from genaiops.app.evaluating import Wanted, check_can_ask, environment_secret, means_of
from genaiops.app.home import Home
from genaiops.app.judges import read_judge_file
from genaiops.app.local_suites import gateway_for
from genaiops.app.posting import HttpPost
from genaiops.app.run_store import open_home_runs
from genaiops.arena import Purse, calibrated, read_labels
from genaiops.checks.judging import judge_manifest
from genaiops.checks.metrics.judges import believed
from genaiops.checks.statistics.agreement import krippendorff
from genaiops.core.clock import now_us
from genaiops.core.digest import digest_bytes
from genaiops.core.errors import NotFound, UsageError
from genaiops.core.money import to_nano
from genaiops.domain import Calibration, Judge, JudgeRate, Suite, SuiteCheck, SuiteRunning
from genaiops.ports.runs import Runs
from genaiops.sdk import default_home


class Calibrating(msgspec.Struct, frozen=True, kw_only=True):
    """What the command was told. `out`: where the judge is written with its calibration (JSON)."""

    file: str
    labels: str
    out: str | None = None
    spend: str | None = None
    concurrency: int = 8
    home: str | None = None
    url: str | None = None
    key: str | None = None

    def __call__(self) -> dict[str, Any]:
        """The figures, and `out`. Nothing is written when the judge could not be held against all labels."""
        judge = msgspec.structs.replace(read_judge_file(Path(self.file)), calibration=None)
        try:
            raw = Path(self.labels).read_bytes()
            rows = read_labels(raw.decode("utf-8"))
        except FileNotFoundError:
            what = f"There is no file {self.labels}."
            raise NotFound(what, remedy="Write JSON lines with output and label.", param="labels") from None
        except (OSError, UnicodeDecodeError) as error:
            what = f"{self.labels} cannot be read: {error}."
            raise UsageError(what, remedy="Save it as UTF-8 text.", param="labels") from None
        home = Home(self.home or default_home())
        home.prepare()
        check = SuiteCheck(name="judge", metric="judge", options={"judge": judge_manifest(judge)})
        running = SuiteRunning(concurrency=self.concurrency, spend=self.spend)
        suite = Suite(check=(check,), run=running)
        wanted = Wanted(
            suite=suite,
            name="calibration",
            gateway=gateway_for(suite, self.url, self.key, home.path),
            secret=environment_secret(os.environ),
            models=home.path,
        )
        check_can_ask(wanted)

        async def held(store: Runs) -> tuple[Calibration, int | None]:
            purse = Purse(None if self.spend is None else to_nano(self.spend))
            post = HttpPost(max_connections=self.concurrency)
            kept = digest_bytes(raw), now_us()
            try:
                with means_of(wanted, post, store) as made:
                    means = made(purse, asyncio.Event())
                    found = await calibrated(judge, rows, means, _agreed, kept=kept, at_once=self.concurrency)
                return found, purse.known
            finally:
                await post.aclose()

        with closing(open_home_runs(home)) as store:
            found, cost = asyncio.run(held(store))
        out = Path(self.out or Path(self.file).with_suffix(".calibrated.json"))
        held_judge = msgspec.structs.replace(judge, calibration=found)
        _write(out, held_judge)
        figures = {
            name: _whole(value)
            for name, value in msgspec.structs.asdict(found).items()
            if name not in ("pairs", "answers", "requests")
        }
        return {**figures, "decides": believed(held_judge), "cost_nano": cost, "out": str(out)}


def _whole(value: Any) -> Any:
    """What is the default is told, too."""
    return msgspec.structs.asdict(value) if isinstance(value, JudgeRate) else value


def _agreed(ratings: Sequence[Sequence[float]], groups: Sequence[str]) -> JudgeRate:
    """Two-sided bounds of 95 %. Not known where all ratings are the same."""
    try:
        said = krippendorff(
            ratings, "interval", alpha=0.025, groups=[name or place for place, name in enumerate(groups)]
        )
    except UsageError:
        return JudgeRate(n=len(ratings))
    return JudgeRate(value=said.value, low=said.low, high=said.high, n=said.units)


def _write(out: Path, judge: Judge) -> None:
    try:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(judge_manifest(judge)), indent=1) + b"\n")
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written: {error}.", remedy="Name another: --out FILE.", param="out"
        ) from None
