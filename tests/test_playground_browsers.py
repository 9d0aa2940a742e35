# SPDX-License-Identifier: MIT
"""The playground in browsers: Chromium by Playwright, and its bits in Firefox and WebKit too.

They need `pip install 'bitprop[browser]'` and, of Debian, chromium, firefox-esr, webkit2gtk-driver and xvfb. What is
missing is skipped; with BITPROP_BROWSERS=require it fails.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import playground_drivers as drivers
import playground_experiments as experiments
import pytest

from bitprop import Network, cli, datasets, names

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "src" / "bitprop" / "playground.html").as_uri()
REQUIRED = os.environ.get("BITPROP_BROWSERS") == "require"
SHORT = "#data=xor&sizes=2-4-4-1&bias=false&seed=7&epochs=300"
MOONS = "#data=moons:60&sizes=2-5-1&activation=tanh,sigmoid&rule=adam&learning_rate=0.03&batch_size=7&shuffle_seed=3"
OWN = "#rows=0.25,-1e-7,1;-3.5,2,0;0.1,0.3,0.5&sizes=2-3-1&epochs=40&loss=mse"
LEVENBERG = "#data=linear:30&data_seed=5&sizes=2-3-1&rule=levenberg_marquardt&mu=0.01&epochs=8"
SOFTMAX = (
    "#data=encoder:5&sizes=5-2-5&activation=tanh,softmax&loss=cross_entropy&init=glorot&weight_decay=0.001&epochs=70"
)
FEATURES = "#data=circles:60&features=x,xx,yy,xy&sizes=4-3-1&activation=tanh,sigmoid&rule=adam&batch_size=7"
HELD = f"{MOONS}&validation=0.3&split_seed=4"
EDITED = f"{HELD}&edits=0:3:-0.5;9:0:1.25;9:4:-0.0;25:2:0.1"
LINKS = [
    *(SHORT, f"{MOONS}&epochs=25", OWN, LEVENBERG, SOFTMAX, f"{HELD}&epochs=25", f"{EDITED}&epochs=25"),
    *(
        f"{MOONS}&noise=0.3&data_seed=2&epochs=9",
        f"{LEVENBERG}&validation=0.2&edits=4:1:0.75",
        f"{SHORT}&edits=100:27:3;300:0:1",
    ),
    *(
        f"{FEATURES}&validation=0.3&split_seed=4&edits=9:3:-0.5&epochs=25",
        # The square of the integer that Python would read in the third row, where it had no point, is another number.
        "#rows=-1,0,1;-3,-0.0,0;987654321098765400000,7,0.5;0.1,0.3,0.5&features=x,xx,xy&sizes=3-1&activation=identity"
        "&learning_rate=1e-81&epochs=2",
        "#data=parity:2&features=xy&sizes=1-1&activation=identity&epochs=3",
    ),
]
SECONDS = 60  # for which to wait at most
DONE = "document.getElementById('run').textContent === 'Run'"

Open = Callable[..., Any]


def wait(page: Any, condition: str) -> None:
    """Waits for it. (Playwright's own way needs eval, which the page forbids.)"""
    end = time.monotonic() + SECONDS
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def missing(what: str) -> None:
    """Skips, or fails where browsers are required."""
    if REQUIRED:
        pytest.fail(f"no {what} here")
    pytest.skip(f"no {what} here")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright")
    program = shutil.which("chromium")
    if program is None:
        missing("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Open]:
    """Opens the page behind "#", with options of the browser's context; at the end, none of them has had an error."""
    contexts: list[Any] = []
    errors: list[str] = []

    def visit(hash_: str = "", **options: Any) -> Any:
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(PAGE + hash_)
        wait(page, "document.getElementById('fingerprint').textContent.length === 64")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert errors == []


def run(page: Any) -> str:
    """Runs to the end; the fingerprint there."""
    page.click("#run")
    return stopped(page)


def stopped(page: Any) -> str:
    """The fingerprint when it has stopped, which a page that was paused shows a moment later."""
    wait(page, f"{DONE} && document.getElementById('fingerprint').textContent.length === 64")
    fingerprint: str = page.inner_text("#fingerprint")
    assert re.fullmatch("[0-9a-f]{64}", fingerprint)
    return fingerprint


def said(page: Any) -> str:
    """What the page says."""
    text: str = page.inner_text("#said")
    return text


def select(page: Any, name: str, value: str) -> None:
    """Chooses in a field of the form."""
    page.select_option(f"#form [name={name}]", value)
    page.wait_for_timeout(100)


def fill(page: Any, name: str, value: str) -> None:
    """Fills a field of the form and leaves it."""
    page.fill(f"#form [name={name}]", value)
    page.press(f"#form [name={name}]", "Tab")
    page.wait_for_timeout(100)


# --- the same bits ---


def compare(cases: list[dict[str, Any]], answers: Any) -> None:
    """Every answer is Python's."""
    assert len(answers) == len(cases)
    for case, answer in zip(cases, answers):
        shown = {name: value for name, value in answer.items() if value is not None}
        message = shown.pop("message", "")
        assert shown == experiments.python_result(case), (case, message)


def test_random_experiments_in_chromium(opened: Open) -> None:
    """200 random experiments end with Python's fingerprints and losses, to the bit."""
    cases = experiments.experiments(200, seed=1)
    script = "(cases) => new Promise((done) => (function () {" + drivers.TRAIN + "})(cases, done))"
    compare(cases, opened().evaluate(script, cases))


@pytest.mark.parametrize("browser", [drivers.firefox, drivers.webkit])
def test_random_experiments_in_other_browsers(browser: Any) -> None:
    """The same in Firefox and WebKit."""
    cases = experiments.experiments(200, seed=2)
    with browser() as driver:
        if driver is None:
            missing(browser.__name__)
        driver.open(PAGE)
        compare(cases, driver.run(drivers.TRAIN, cases))


# Opens a link's training, sets the selected parameter by hand, and gives the fingerprints before and after, the test
# loss and whether the pictures of all nodes are there.
CHANGE = """
const [value, done] = arguments;
(async () => {
  const $ = (id) => document.getElementById(id);
  const stopped = async () => {
    while ($("run").textContent !== "Run" || $("fingerprint").textContent.length !== 64) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return $("fingerprint").textContent;
  };
  const before = await stopped();
  const nodes = Array.from(document.querySelectorAll("#net canvas")).slice(1);
  const drawn = nodes.every((node) => node.getContext("2d").getImageData(0, 0, 1, 1).data[3] === 255);
  const test = $("test").textContent;
  $("value").value = value;
  $("value").dispatchEvent(new Event("change"));
  return [before, await stopped(), test, nodes.length, drawn, $("error").textContent];
})().then(done, (error) => done(String(error)));
"""


@pytest.mark.parametrize("browser", [drivers.firefox, drivers.webkit])
def test_page_in_other_browsers(browser: Any) -> None:
    """The page itself: a link with test rows replays, every node is drawn, and a weight changed by hand has effect."""
    net, _, held = network(epochs=25)
    edited, *_ = network((25, 0, -1.5), epochs=25)
    with browser() as driver:
        if driver is None:
            missing(browser.__name__)
        driver.open(f"{PAGE}{HELD}&epochs=25")
        before, after, test, nodes, drawn, error = driver.run(CHANGE, "-1.5")
    assert (before, after, error) == (net.fingerprint(), edited.fingerprint(), "")
    assert float(test) == pytest.approx(net.loss(*held), rel=1e-5)
    assert (nodes, drawn) == (2 + 5 + 1, True)


def text_of(page: Any, kind: str) -> str:
    """The text that a button of the last section makes."""
    page.evaluate("document.getElementById('share').open = true")
    page.click(f"[data-text={kind}]")
    wait(page, "document.getElementById('said').textContent.match('Copied|below')")
    text: str = page.input_value("#text")
    return text


@pytest.mark.parametrize("link", LINKS)
def test_link_replays_in_browser_python_and_c(opened: Open, link: str, tmp_path: Path) -> None:
    """A link replays by itself; its own link, its Python program and its C program end with the same fingerprint."""
    page = opened(link)
    fingerprint = stopped(page)
    assert page.evaluate("location.hash").startswith(link.partition("&")[0])
    copied = text_of(page, "link")
    assert copied.endswith(f"fingerprint={fingerprint}")
    again = opened("#" + copied.split("#")[1])
    assert stopped(again) == fingerprint
    assert said(again).endswith("The same fingerprint as the link says.")
    python = [sys.executable, "-W", "ignore", "-c", text_of(page, "python")]
    assert subprocess.run(python, capture_output=True, text=True, check=True).stdout.strip() == fingerprint
    compiler = shutil.which("cc")
    if compiler is None:
        missing("C compiler")
        return
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(text_of(page, "c"), encoding="utf-8")
    flags = ["-std=c99", "-O1", "-ffp-contract=off", "-Wall", "-Werror", "-I", "csrc", "-I", "examples/embedded"]
    subprocess.run([compiler, *flags, "csrc/levenberg.c", source, "-o", program], check=True, cwd=ROOT)
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip() == fingerprint


def test_link_with_another_fingerprint(opened: Open) -> None:
    """A link that promises another fingerprint says so."""
    page = opened(f"{SHORT}&fingerprint={'0' * 64}")
    stopped(page)
    assert "NOT the link's fingerprint" in said(page)


@pytest.mark.parametrize(
    ("link", "data"),
    [(SHORT, datasets.xor()), (SOFTMAX, datasets.encoder(5)), (f"{FEATURES}&epochs=25", datasets.circles(60))],
)
def test_files(opened: Open, link: str, data: Any, tmp_path: Path) -> None:
    """The saved model is the file that Network.save writes; the exports are those of `bitprop export`.

    The saved rows are those of the data, also where the network gets features of them.
    """
    page = opened(link)
    fingerprint = stopped(page)
    page.evaluate("document.getElementById('share').open = true")
    saved = {}
    for name in ("network.json", "network.h", "network.py", "rows.csv"):
        with page.expect_download() as download:
            page.click(f"[data-file='{name}']")
        assert download.value.suggested_filename == name
        saved[name] = tmp_path / f"saved-{name}"
        download.value.save_as(saved[name])
    net = Network.load(saved["network.json"])
    assert net.fingerprint() == fingerprint
    net.save(tmp_path / "network.json")
    assert saved["network.json"].read_bytes() == (tmp_path / "network.json").read_bytes()
    for language, name in (("c", "network.h"), ("python", "network.py")):
        arguments = ["export", str(tmp_path / "network.json"), "--to", language, "--out", str(tmp_path / name)]
        assert cli.main(arguments) == 0
        assert saved[name].read_text(encoding="utf-8") == (tmp_path / name).read_text(encoding="utf-8")
    rows = datasets.read_csv(str(saved["rows.csv"]), outputs=net.sizes[-1])
    assert rows == data


# --- training ---


def test_rewind(opened: Open) -> None:
    """Rewinding gives the same weights, and the same training from there."""
    page = opened()
    first = page.inner_text("#fingerprint")
    fill(page, "epochs", "200")
    last = run(page)
    assert last != first
    page.click("#rewind")
    assert page.inner_text("#fingerprint") == first
    assert page.inner_text("#now") == "0"
    assert run(page) == last
    net = Network(2, 4, 4, 1, bias=False, seed=7)
    assert net.fingerprint() == first
    net.fit(*datasets.xor(), epochs=200)
    assert net.fingerprint() == last


def test_stops_after_epochs_and_goes_on(opened: Open) -> None:
    """It stops after the epochs that are asked for; more of them go on with the same training."""
    page = opened(SHORT)
    assert stopped(page)
    assert page.inner_text("#now") == "300"
    page.click("#run")
    assert "raise “Stop after epochs”" in said(page)
    fill(page, "epochs", "301")
    longer = run(page)
    page.click("#epoch")
    wait(page, "document.getElementById('now').textContent === '302'")
    net = Network(2, 4, 4, 1, bias=False, seed=7)
    net.fit(*datasets.xor(), epochs=301)
    assert longer == net.fingerprint()


def test_pause(opened: Open) -> None:
    """Pause answers inside an epoch, which takes seconds here; the training then goes on to Python's bits."""
    page = opened()
    page.evaluate("location.hash = '#data=linear:40000&sizes=2-60-60-1&epochs=1'")
    wait(page, "document.getElementById('run').textContent === 'Pause'")
    took = page.evaluate(
        "(() => { const begun = performance.now(); document.getElementById('run').click(); "
        "return performance.now() - begun; })()"
    )
    assert took < 1000.0  # milliseconds, also on a busy machine
    wait(page, "document.getElementById('said').textContent !== 'Running.'")
    assert said(page).startswith("Stopped inside epoch 0")
    assert page.inner_text("#fingerprint") == "(at the end of this epoch)"
    page.click("#run")
    wait(page, "document.getElementById('fingerprint').textContent.length === 64")
    net = Network(2, 60, 60, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(*datasets.linear(40_000), epochs=1)
    assert page.inner_text("#fingerprint") == net.fingerprint()


def test_divergence(opened: Open) -> None:
    """A training that diverges says in which epoch, and what to try."""
    page = opened("#data=linear:50&sizes=2-4-1&activation=identity&learning_rate=5&epochs=5000")
    wait(page, DONE)
    assert re.match(r"training diverged in epoch \d+: .* learning_rate was 5: try a smaller one", said(page))


def lines_of(page: Any) -> list[list[str]]:
    """The table of parameters of a step."""
    rows: list[list[str]] = page.evaluate(
        "Array.from(document.querySelectorAll('#lines tbody tr'), (row) => "
        "Array.from(row.children, (cell) => cell.textContent))"
    )
    return rows


def test_step_as_formulas(opened: Open) -> None:
    """One step's gradients and new weights are Python's, to the bit; the way of a row is that of Network.trace."""
    page = opened("#data=xor&sizes=2-3-1&seed=4&learning_rate=0.5&epochs=0")
    page.click("#step")
    page.fill("#row", "5")
    page.check("#bits")
    page.press("#row", "Tab")
    net = Network(2, 3, 1, seed=4)
    x, y = datasets.xor()
    before, gradient, trace = list(net.parameters), net.gradient(x, y), net.trace(x[4], y[4])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(x, y, epochs=1, learning_rate=0.5)
    rows = lines_of(page)
    bits = experiments.bits
    assert [row[1] for row in rows] == list(map(bits, before))
    assert [row[3] for row in rows] == list(map(bits, gradient))
    assert [row[4].split(" = ")[1] for row in rows] == list(map(bits, net.parameters))
    text = page.inner_text("#lines")
    for layer in trace:
        for value in (*layer.preactivations, *layer.outputs, *(layer.deltas or ())):
            assert f"= {bits(value)}" in text
    page.uncheck("#bits")
    assert "δ₁ = (Σ w·δ)·f" in page.inner_text("#lines")


def state_of(rule: str, g: float, old: list[float]) -> list[float]:
    """A rule's state of one parameter after a step with the gradient g (contract section 7, with default options)."""
    if rule == "momentum":
        return [0.9 * old[0] + g]
    if rule == "adam":
        return [0.9 * old[0] + (1.0 - 0.9) * g, 0.999 * old[1] + (1.0 - 0.999) * (g * g)]
    factor = 1.2 if old[0] * g > 0.0 else 0.5 if old[0] * g < 0.0 else 1.0
    return [0.0 if factor == 0.5 else g, old[1] * factor]


@pytest.mark.parametrize("rule", ["momentum", "adam", "rprop"])
def test_step_shows_the_state(opened: Open, rule: str) -> None:
    """The numbers of the rule's state are what Python's gradients and the contract's formulas give, to the bit."""
    page = opened(f"#data=xor&sizes=2-3-1&seed=4&rule={rule}&epochs=0")
    page.click("#step")
    page.click("#rewind")
    page.check("#bits")
    x, y = datasets.xor()
    net = Network(2, 3, 1, seed=4)
    states = [[0.0, 0.1 if rule == "rprop" else 0.0] for _ in net.parameters]
    for epoch in range(3):
        page.click("#step")
        before, gradient = states, net.gradient(x, y)
        states = [state_of(rule, g, old) for g, old in zip(gradient, before)]
        rows = lines_of(page)
        for row, old, new in zip(rows, before, states):
            for value in (old[0], *new[rule == "rprop" :]):
                assert experiments.bits(value) in row[4]
        net = Network(2, 3, 1, seed=4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net.fit(x, y, rule=rule, epochs=epoch + 1)  # type: ignore[arg-type]
        after = [row[4].removesuffix(", without a step")[-16:] for row in rows]
        assert after == list(map(experiments.bits, net.parameters))
    if rule == "adam":
        p1, p2 = 0.9 * 0.9 * 0.9, 0.999 * 0.999 * 0.999
        text = page.inner_text("#lines")
        assert f"t = 3, the steps so far: \u03b2\u2081\u1d57 = {experiments.bits(p1)}" in text
        assert f"= {experiments.bits(0.001 / (1 - p1))}\n" in text
        assert f"= {experiments.bits(1 - p2)}\n" in text


def test_every_name_has_its_formula(opened: Open) -> None:
    """A step is shown for every rule, activation and loss."""
    page = opened()
    page.click("#step")
    hidden = [f"activation={name},sigmoid" for name in names.ACTIVATIONS if name != "softmax"]
    losses = [f"activation={names.PARTNERS.get(loss, 'tanh')}&loss={loss}" for loss in names.LOSSES]
    losses = [each.replace("=softmax", "=tanh,softmax") for each in losses]
    for option in (*hidden, *losses, *(f"rule={rule}" for rule in names.RULES)):
        page.evaluate("(hash) => { location.hash = hash; }", f"#data=xor&sizes=2-2-1&{option}&epochs=0")
        wait(page, "document.getElementById('lines').textContent.startsWith('Press')")
        page.click("#step")
        text = page.inner_text("#lines")
        assert "undefined" not in text
        assert len(lines_of(page)) == 9, option


def test_numbers_for_reading(opened: Open) -> None:
    """Small and large numbers keep their exponents, and lose only zeros behind the point."""
    page = opened("#rows=1e-10,-25e20,100,0.5,1&sizes=4-1&epochs=0")
    page.click("#step")
    text = page.inner_text("#lines code >> nth=0").replace("\u2212", "-")
    assert re.findall(r"[xt]. = ([^,;]*)", text) == ["1e-10", "-2.5e21", "100", "0.5", "1"]


def test_step_of_a_batch(opened: Open) -> None:
    """With batches, a step is one of them, and a whole epoch of steps is Python's epoch."""
    page = opened(f"{MOONS}&epochs=0")
    for _ in range(9):  # 60 rows by 7
        page.click("#step")
    assert page.inner_text("#now") == "1"
    net = Network(2, 5, 1, activation=["tanh", "sigmoid"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(*datasets.moons(60), rule="adam", learning_rate=0.03, batch_size=7, shuffle_seed=3, epochs=1)
    assert page.inner_text("#fingerprint") == net.fingerprint()
    assert "batch of 4 rows" in page.inner_text("#lines")


# --- data ---


def test_points(opened: Open) -> None:
    """A click and a key add a point each, another key removes it; the link holds the rows."""
    page = opened()
    page.click("#boundary", position={"x": 100, "y": 50})
    wait(page, "location.hash.startsWith('#rows=')")
    page.focus("#boundary")
    for key in ("1", "ArrowLeft", "ArrowUp", "Enter"):
        page.press("#boundary", key)
    page.wait_for_timeout(200)
    rows = page.evaluate("decodeURIComponent(location.hash)").split("&")[0].removeprefix("#rows=").split(";")
    assert len(rows) == 23
    assert [row.rpartition(",")[2] for row in rows[-2:]] == ["0", "1"]
    assert page.input_value("[name=kind]") == "rows"
    page.press("#boundary", "Backspace")
    page.wait_for_timeout(200)
    assert page.evaluate("location.hash.split(';').length") == 22


def test_pasted_rows(opened: Open) -> None:
    """Pasted rows become the data, and the sizes follow; a bad number is named by line and column."""
    page = opened()
    page.evaluate("document.getElementById('own').open = true")
    page.fill("#csv", "a;b;c;t\n1;2;3;0\n4;5;x;1\n")
    page.click("#use")
    assert page.inner_text("#error") == 'line 3, column 3 is "x", expected a number'
    page.fill("#csv", "1;2;1e400;0\n")
    page.click("#use")
    assert page.inner_text("#error") == "line 1, column 3 is 1e400, expected a finite number"
    page.fill("#csv", "a;b;c;t\n1;2;3;0\n4;5;-6.5e-1;1\n")
    page.click("#use")
    page.wait_for_timeout(200)
    assert page.inner_text("#error") == ""
    assert page.input_value("[name=sizes]") == "3-4-4-1"
    assert page.evaluate("decodeURIComponent(location.hash)").startswith("#rows=1,2,3,0;4,5,-0.65,1&")
    assert page.inner_text("#outputs td >> nth=0") == "1 2 3"


def test_form(opened: Open) -> None:
    """Every field reaches the experiment; a bad value is named, marked, and taken back."""
    page = opened()
    select(page, "kind", "moons")
    fill(page, "n", "90")
    fill(page, "data_seed", "12345678901234567890")
    assert page.input_value("[name=noise]") == "0.1"
    fill(page, "noise", "0.25")
    fill(page, "sizes", "2-6-1")
    select(page, "rule", "momentum")
    fill(page, "batch_size", "10")
    fill(page, "shuffle_seed", "8")
    select(page, "init", "glorot")
    fill(page, "learning_rate", "-2")
    assert "learning_rate is -2, expected a finite number of at least 0" in page.inner_text("#error")
    assert page.get_attribute("[name=learning_rate]", "aria-invalid") == "true"
    assert page.is_disabled("#run")
    fill(page, "learning_rate", "0.05")
    assert page.inner_text("#error") == ""
    page.evaluate("document.querySelector('#options').closest('details').open = true")
    page.fill("[name='option weight_decay']", "0.001")
    page.press("[name='option weight_decay']", "Tab")
    page.fill("[name='option l1']", "0.002")
    page.press("[name='option l1']", "Tab")
    fill(page, "epochs", "20")
    net = Network(2, 6, 1, bias=False, init="glorot", seed=7)
    options: dict[str, Any] = {"rule": "momentum", "learning_rate": 0.05, "batch_size": 10, "shuffle_seed": 8}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = datasets.moons(90, seed=12345678901234567890, noise=0.25)
        net.fit(*rows, epochs=20, weight_decay=0.001, l1=0.002, **options)
    assert run(page) == net.fingerprint()


def test_features(opened: Open) -> None:
    """Check boxes by keyboard: the first size follows them, the bits are Python's, and they wait with other data."""
    page = opened("#data=circles:60&sizes=2-3-1&activation=tanh,sigmoid&epochs=20")
    stopped(page)
    for place in (0, 4):  # x1 goes, x1*x2 comes
        page.focus(f"#features input >> nth={place}")
        page.keyboard.press("Space")
        page.wait_for_timeout(100)
    page.get_by_label("x2*x2", exact=True).check()
    page.wait_for_timeout(100)
    assert page.input_value("[name=sizes]") == "3-3-1"
    link = page.evaluate("location.hash")
    assert link.startswith("#data=circles:60&features=y,yy,xy&sizes=3-3-1&")
    x, y = datasets.circles(60)
    chosen = experiments.columns_of(x, ["x2", "x2*x2", "x1*x2"])
    net = Network(3, 3, 1, activation=["tanh", "sigmoid"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(chosen, y, epochs=20)
    assert run(page) == net.fingerprint()
    assert page.evaluate("document.querySelectorAll('#weight option')[6].text") == (
        "layer 1: x\u2081\u00b7x\u2082 \u2192 node 1 (parameters[6])"
    )
    comment = "# the inputs of the network, in its files too: x2, x2*x2, x1*x2"
    python = text_of(page, "python").splitlines()
    assert python[3] == f"x = [[b, b * b, a * b] for a, b in x]  {comment}"
    page.click("#keep")
    assert page.inner_text("#runs tbody tr").split("\t")[1] == "circles:60, noise 0.1: x2, x2*x2, x1*x2"
    page.click("#step")
    named = re.findall(r"(x\S+) = ", page.inner_text("#lines code >> nth=0"))
    assert named == ["x\u2082", "x\u2082\u00b2", "x\u2081\u00b7x\u2082"]
    select(page, "kind", "parity")
    assert page.input_value("[name=sizes]") == "4-3-1"
    assert page.is_disabled("#features input >> nth=0")
    assert "features" not in page.evaluate("location.hash")
    select(page, "kind", "circles")
    fill(page, "n", "60")
    assert page.evaluate("location.hash") == link
    page.press("#boundary", "Enter")
    page.wait_for_timeout(200)
    assert page.input_value("[name=kind]") == "rows"
    assert page.evaluate("location.hash.split(';').length") == 61
    assert "&features=y,yy,xy&sizes=3-3-1&" in page.evaluate("location.hash")
    select(page, "kind", "circles")
    fill(page, "n", "60")
    for name in ("x2", "x2*x2", "x1*x2"):
        page.get_by_label(name, exact=True).uncheck()
        page.wait_for_timeout(100)
    assert page.inner_text("#error").startswith("features is [], expected one or more of x1, x2, x1*x1,")
    assert page.get_attribute("#features input >> nth=0", "aria-invalid") == "true"
    for name in ("x1", "x2"):
        page.get_by_label(name, exact=True).check()
        page.wait_for_timeout(100)
    assert page.inner_text("#error") == ""
    assert page.evaluate("location.hash").startswith("#data=circles:60&sizes=2-3-1&")


def test_pictures_over_the_two_inputs(opened: Open) -> None:
    """With features the pictures are over the inputs of the data: their pixels are the outputs for these features."""
    page = opened(f"{FEATURES}&epochs=25")
    stopped(page)
    x, y = datasets.circles(60)
    columns = experiments.columns_of(x, ["x1", "x1*x1", "x2*x2", "x1*x2"])
    net = Network(4, 3, 1, activation=["tanh", "sigmoid"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(columns, y, epochs=25, rule="adam", batch_size=7)
    spans = [(min(column), max(column)) for column in zip(*x)]
    (left, right), (bottom, top) = ((low - (high - low) / 10, high + (high - low) / 10) for low, high in spans)
    low, paper, high = [0xD9, 0x70, 0x1A], [0xFF, 0xFF, 0xFF], [0x1F, 0x6F, 0xC4]
    cells, data = page.evaluate(NODE, 1 + 4 + 3)
    for j in range(cells):
        for i in range(cells):
            place = [left + (i + 0.5) / cells * (right - left), top - (j + 0.5) / cells * (top - bottom)]
            [[output]] = net.predict(experiments.columns_of([place], ["x1", "x1*x1", "x2*x2", "x1*x2"]))
            depth = 0.85 * abs(2.0 * output - 1.0)
            shade = [middle + (full - middle) * depth for middle, full in zip(paper, high if output > 0.5 else low)]
            assert data[4 * (j * cells + i) :][:3] == pytest.approx(shade, abs=4)
    label = page.get_attribute("#net canvas >> nth=3", "aria-label")
    assert re.match(r"Input x2\*x2: \d", label)  # from a square, so not below 0
    places = [(i / 10.0, j / 10.0) for i in range(1, 10) for j in range(1, 10)]
    shown = page.evaluate(PIXELS, places)
    points = [[left + u * (right - left), top - v * (top - bottom)] for u, v in places]
    near = [min(abs(a - p) + abs(b - q) for p, q in x) for a, b in points]
    for point, pixel, distance in zip(points, shown, near):
        if distance < 0.15:
            continue  # a row may hide it
        [[output]] = net.predict(experiments.columns_of([point], ["x1", "x1*x1", "x2*x2", "x1*x2"]))
        depth = 0.75 * abs(2.0 * output - 1.0)
        end = low if output < 0.5 else high
        assert pixel == pytest.approx([middle + (full - middle) * depth for middle, full in zip(paper, end)], abs=6)


def test_presets(opened: Open) -> None:
    """Every preset has a comment and begins a training; the overshoot stays, and its cure falls."""
    page = opened()
    losses = {}
    for option in page.query_selector_all("#preset option")[1:]:
        name = option.inner_text()
        page.select_option("#preset", label=name)
        wait(page, f"document.getElementById('said').textContent.startsWith({json.dumps(name + ':')})")
        assert len(page.inner_text("#comment")) > 40
        assert page.inner_text("#error") == ""
        if "heart" in name:
            run(page)
            assert float(page.inner_text("#test")) > 0.25
            assert float(page.inner_text("#loss").replace("\u2212", "-")) < 1e-4
        if "rate" in name:
            run(page)
            losses[name] = float(page.inner_text("#loss").replace("\u2212", "-"))
    assert len(losses) == 2
    high, low = losses.values()
    assert high > 0.1
    assert low < 0.01


def test_seeds_and_runs(opened: Open) -> None:
    """Several seeds train at once, each as alone; runs are kept in a table and come back."""
    page = opened(f"{SHORT}&seeds=3")
    stopped(page)
    tiles = page.query_selector_all("#tiles button")
    assert [re.sub(":.*", "", tile.inner_text()) for tile in tiles] == ["seed 7", "seed 8", "seed 9"]
    assert page.inner_text("#tiles p").startswith("3 seeds: least ")
    page.click("#keep")
    tiles[2].click()
    wait(page, "location.hash.includes('seed=9')")
    net = Network(2, 4, 4, 1, bias=False, seed=9)
    net.fit(*datasets.xor(), epochs=300)
    assert run(page) == net.fingerprint()
    page.click("#keep")
    rows = page.query_selector_all("#runs tbody tr")
    assert [row.inner_text().split("\t")[7] for row in rows][1] == net.fingerprint()[:16]
    page.click("[aria-label='Load run 1']")
    wait(page, "location.hash.includes('seed=7')")
    page.click("[aria-label='Remove run 1']")
    assert len(page.query_selector_all("#runs tbody tr")) == 1


@pytest.mark.parametrize(
    ("hash_", "message"),
    [
        ("#data=xor&sizes=2-x-1&epochs=5", 'sizes is "2-x-1", expected numbers with hyphens, such as 2-4-4-1'),
        ("#data=xor&sizes=2-4-1", "the link has no epochs, such as epochs=500"),
        ("#data=xor&sizes=2-4-1&colour=3", "colour is given"),
        ("#data=xor&epochs=5", "the link has no sizes, such as sizes=2-4-4-1"),
        ("#sizes=2-4-1&epochs=5", "the link has no data, such as data=xor"),
        ("#garbage", 'the link has "garbage", expected name=value'),
        ("#data=xor&sizes=2-4-1&epochs=5&seed=-1", 'seed is "-1", expected a whole number, 0 or more'),
        ("#rows=1e999,2&sizes=1-1&epochs=5", "rows is 1e999, expected a finite number"),
        ("#data=xor&sizes=2-4-1&epochs=5&colour=3", "colour is given"),
        ("#data=xor&sizes=2-4-1&epochs=5&bias=maybe", "bias is maybe, expected true or false"),
        ("#data=%&sizes=2-4-1&epochs=5", "the address has a broken part: data=%"),
        ("#rows=1,2;3&sizes=1-1&epochs=5", "row 1 of y has 0 numbers, expected 1"),
        ("#data=xor&sizes=2-4-1&epochs=5&activation=<b>", "expected one of sigmoid"),
        ("#data=xor&sizes=2-4-1&epochs=5&validation=2", "validation is 2, expected a share of the rows"),
        ("#data=xor&sizes=2-4-1&epochs=5&edits=1:x:2", 'edits is "x", expected a number'),
        ("#data=xor&sizes=2-4-1&epochs=5&edits=1:2", 'edits is "1:2", expected EPOCHS:PARAMETER:VALUE'),
        ("#data=xor&features=x,sin&sizes=2-4-1&epochs=5", 'features has "sin", expected one of x, y, xx, yy, xy'),
        ("#data=xor&features=x,y,xy&sizes=2-4-1&epochs=5", "the data have 3 features, the network 2-4-1 has 2"),
        ("#data=xor&sizes=2-4-1&epochs=5&noise=0.2", "noise is 0.2, which has no effect on these data"),
    ],
)
def test_bad_links(opened: Open, hash_: str, message: str) -> None:
    """What is wrong in a link is said, and nothing is trained; a good link after it works."""
    page = opened()
    page.evaluate("(hash) => { location.hash = hash; }", hash_)
    wait(page, "document.getElementById('error').textContent !== ''")
    assert message in page.inner_text("#error")
    assert page.is_disabled("#run")
    assert said(page) == "No training: see the error below."
    page.evaluate("(hash) => { location.hash = hash; }", SHORT)
    wait(page, "document.getElementById('now').textContent === '300'")
    assert page.inner_text("#error") == ""


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", "-1", 'seed is "-1", expected a whole number, 0 or more'),
        ("shuffle_seed", "-1", 'shuffle_seed is "-1", expected a whole number, 0 or more'),
        ("learning_rate", "1e400", "learning_rate is 1e400, expected a finite number"),
        ("sizes", "abc", 'sizes is "abc", expected numbers with hyphens, such as 2-4-4-1'),
        ("sizes", "", 'sizes is "", expected numbers with hyphens, such as 2-4-4-1'),
        ("sizes", "2-4-2", "the data have 1 output, the network 2-4-2 has 2"),
    ],
)
def test_bad_fields(opened: Open, name: str, value: str, message: str) -> None:
    """A bad field of a running training is named as it was typed; the status tells that there is no training."""
    page = opened()
    fill(page, "epochs", "3000000")
    page.click("#run")
    fill(page, name, value)
    assert page.inner_text("#error") == message
    assert said(page) == "No training: see the error below."
    assert page.inner_text("#now") == ""


def test_table_of_runs_has_the_options(opened: Open) -> None:
    """The table tells every option of the rule that is not at its default, and the split of the rows."""
    page = opened(f"{HELD}&l1=0.05&weight_decay=0.01&decay_biases=true&beta1=0.8&epochs=5")
    stopped(page)
    page.click("#keep")
    assert page.inner_text("#runs tbody tr").split("\t")[3] == (
        "adam, rate 0.03, beta1 0.8, weight_decay 0.01, l1 0.05, decay_biases, batch 7, shuffled 3, "
        "test 0.3, split_seed 4"
    )
    page.evaluate("(hash) => { location.hash = hash; }", SHORT)
    wait(page, "document.getElementById('now').textContent === '300'")
    page.click("#keep")
    assert page.inner_text("#runs tbody tr >> nth=1").split("\t")[3] == "descent, rate 1"


# --- rows that are held out ---


def network(*edits: tuple[int, int, float], **fit: Any) -> tuple[Network, tuple[Any, Any], tuple[Any, Any]]:
    """What the link HELD trains in Python, its rows to train on and its test rows."""
    net = Network(2, 5, 1, activation=["tanh", "sigmoid"])
    x, y = datasets.moons(60)
    options: dict[str, Any] = {"rule": "adam", "learning_rate": 0.03, "batch_size": 7, "shuffle_seed": 3, **fit}
    epochs, done = options.pop("epochs"), 0
    for epoch, index, value in edits:
        net.fit(x, y, epochs=epoch - done, validation=0.3, split_seed=4, **options)
        net.parameters[index] = value
        done = epoch
    net.fit(x, y, epochs=epochs - done, validation=0.3, split_seed=4, **options)
    kept, held = ([(x[at], y[at]) for at in places] for places in experiments.held_out(60, 0.3, 4))
    return net, tuple(zip(*kept)), tuple(zip(*held))  # type: ignore[return-value]


def test_test_rows(opened: Open) -> None:
    """The losses are those of Python's rows of both kinds; the table of runs and the picture's words have them too."""
    page = opened(f"{HELD}&epochs=25")
    fingerprint = stopped(page)
    net, kept, held = network(epochs=25)
    assert fingerprint == net.fingerprint()
    assert float(page.inner_text("#loss")) == pytest.approx(net.loss(*kept), rel=1e-5)
    assert float(page.inner_text("#test")) == pytest.approx(net.loss(*held), rel=1e-5)
    assert page.inner_text("#hollow") == "Hollow: test rows."
    assert f"of the test rows {net.loss(*held):.4g}" in page.get_attribute("#curves", "aria-label")
    page.click("#keep")
    cells = page.inner_text("#runs tbody tr").split("\t")
    assert float(cells[6]) == pytest.approx(net.loss(*held), rel=1e-4)
    fill(page, "validation", "")
    assert page.is_disabled("[name=split_seed]")
    assert page.is_hidden("#test")
    fill(page, "validation", "0.001")
    assert "validation is 0.001, which takes 0 of 60 rows" in page.inner_text("#error")
    assert page.get_attribute("[name=validation]", "aria-invalid") == "true"


PIXELS = """(places) => {
  const canvas = document.getElementById("boundary");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return places.map(([x, y]) => {
    const at = 4 * (Math.floor(y * canvas.height) * canvas.width + Math.floor(x * canvas.width));
    return Array.from(data.slice(at, at + 3));
  });
}"""
FLAT_LINES = """() => {
  const canvas = document.getElementById("curves");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let [lines, inside] = [0, false];
  for (let y = 0; y < canvas.height; y++) {
    let count = 0;
    for (let x = 0; x < canvas.width; x++) {
      const at = 4 * (y * canvas.width + x);
      count += data[at] < 60 && data[at + 2] > 140 && data[at + 3] > 200;
    }
    if (count > 60 && !inside) lines++;
    inside = count > 60;
  }
  return lines;
}"""


def test_test_rows_are_drawn_otherwise(opened: Open) -> None:
    """Rows that are held out are hollow in the picture, and their loss has a curve of its own."""
    rows = [(0.0, 0.0, 0), (1.0, 0.0, 1), (0.0, 1.0, 1), (1.0, 1.0, 0), (0.5, 0.5, 1)]
    text = ";".join(f"{x},{y},{t}" for x, y, t in rows)
    link = f"#rows={text}&sizes=2-2-1&learning_rate=0&epochs=500"
    page = opened(f"{link}&validation=0.4")
    stopped(page)
    _, held = experiments.held_out(5, 0.4, 0)
    places = [[(x + 0.1) / 1.2, (1.1 - y) / 1.2] for x, y, _ in rows]  # the window is a tenth wider on both sides
    white = [pixel == [255, 255, 255] for pixel in page.evaluate(PIXELS, places)]
    assert [i for i, hollow in enumerate(white) if hollow] == sorted(held)
    assert page.evaluate(FLAT_LINES) == 2
    alone = opened(link)
    stopped(alone)
    assert alone.evaluate(FLAT_LINES) == 1


# --- the picture of the network, and weights changed by hand ---

NODE = """(n) => {
  const canvas = document.querySelectorAll("#net canvas")[n];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.width, Array.from(data)];
}"""


def test_node_pictures(opened: Open) -> None:
    """Each node's picture has the colours of its output, as Network.trace gives it, and its words the limits."""
    page = opened(f"{MOONS}&epochs=25")
    stopped(page)
    net = Network(2, 5, 1, activation=["tanh", "sigmoid"])
    x, y = datasets.moons(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(x, y, epochs=25, rule="adam", learning_rate=0.03, batch_size=7, shuffle_seed=3)
    assert page.evaluate("document.querySelectorAll('#net canvas').length") == 1 + 2 + 5 + 1
    spans = [(min(column), max(column)) for column in zip(*x)]
    (left, right), (bottom, top) = ((low - (high - low) / 10, high + (high - low) / 10) for low, high in spans)
    layers = [[0xD9, 0x70, 0x1A], [0xFF, 0xFF, 0xFF], [0x1F, 0x6F, 0xC4]]
    for node in range(6):
        cells, data = page.evaluate(NODE, 3 + node)
        outputs = []
        for j in range(cells):
            for i in range(cells):
                place = [left + (i + 0.5) / cells * (right - left), top - (j + 0.5) / cells * (top - bottom)]
                trace = net.trace(place)
                outputs.append(trace[0].outputs[node] if node < 5 else trace[1].outputs[0])
        for cell, output in enumerate(outputs):
            share = 2.0 * output - 1.0 if node == 5 else output  # from -1 to 1
            end = layers[2] if share > 0 else layers[0]
            shade = [paper + (full - paper) * 0.85 * abs(share) for paper, full in zip(layers[1], end)]
            assert data[4 * cell : 4 * cell + 3] == pytest.approx(shade, abs=4)  # there are 64 shades
        label = page.get_attribute(f"#net canvas >> nth={3 + node}", "aria-label")
        kind, numbers = label.split(": ")
        assert kind == (f"Layer 1, node {node + 1}, tanh" if node < 5 else "Layer 2, node 1, sigmoid")
        limits = [float(number.replace("\u2212", "-")) for number in numbers.split(" to ")]
        assert limits == pytest.approx([min(outputs), max(outputs)], rel=0.01)


def test_networks_without_pictures(opened: Open) -> None:
    """One input gives curves; more than two give lines and a sentence; a large network gives a sentence alone."""
    page = opened("#rows=0,0;1,1;2,0&sizes=1-3-1&epochs=5")
    stopped(page)
    assert any(page.evaluate(NODE, 2)[1])
    page = opened("#data=parity:3&sizes=3-4-1&epochs=5")
    stopped(page)
    assert page.inner_text("#nodes").startswith("Nodes have pictures where there are one or two inputs.")
    assert page.is_visible("#weight")
    fill(page, "sizes", "3-25-1")
    assert page.inner_text("#nodes") == (
        "The network is drawn with up to 10 layers, 24 nodes in a layer and 1,000 parameters."
    )
    assert page.is_hidden("#weight")


def test_weight_by_hand(opened: Open) -> None:
    """By keyboard: it takes effect at once; the rewound training and Python come to the same bits after it."""
    page = opened(f"{HELD}&epochs=25")
    stopped(page)
    page.focus("#weight")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    assert page.evaluate("document.getElementById('weight').selectedOptions[0].text") == (
        "layer 1: x\u2081 \u2192 node 4 (parameters[3])"
    )
    page.keyboard.press("Tab")
    page.keyboard.type("-1.5")
    page.keyboard.press("Enter")
    assert said(page).startswith("Set to -1.5 at epoch 25: mse ")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net, _, held = network((25, 3, -1.5), epochs=25)
        later, *_ = network((25, 3, -1.5), epochs=40)
    edited = page.inner_text("#fingerprint")
    assert edited == net.fingerprint()
    assert float(page.inner_text("#test")) == pytest.approx(net.loss(*held), rel=1e-5)
    assert page.evaluate("location.hash").endswith("&edits=25:3:-1.5&epochs=25")
    assert page.inner_text("#by-hand").startswith("Changed by hand: 1.")
    fill(page, "epochs", "40")
    assert run(page) == later.fingerprint()
    page.click("#rewind")
    assert "will be changed again" in said(page)
    assert run(page) == later.fingerprint()
    page.click("#back")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain, *_ = network(epochs=40)
    assert run(page) == plain.fingerprint()
    assert page.is_hidden("#back")


def test_weight_by_mouse(opened: Open) -> None:
    """A click on a line selects its weight, on a node its bias; a bad value is named; while it runs, it goes on."""
    page = opened("#data=xor&sizes=2-2-1&seed=3&epochs=0")
    box = page.evaluate("document.getElementById('net').getBoundingClientRect().toJSON()")
    nodes = page.evaluate(
        "Array.from(document.querySelectorAll('#net canvas'), (each) => each.getBoundingClientRect().toJSON())"
    )[1:]
    middle = {
        "x": (nodes[2]["right"] + nodes[4]["left"]) / 2 - box["x"],
        "y": (nodes[2]["top"] + nodes[2]["bottom"] + nodes[4]["top"] + nodes[4]["bottom"]) / 4 - box["y"],
    }
    page.click("#net", position=middle)
    assert page.input_value("#weight") == "6"  # of layer 2, from node 1
    page.click("#net canvas >> nth=4")
    assert page.input_value("#weight") == "5"  # the bias of node 2
    assert page.evaluate("document.activeElement.id") == "value"
    for text, message in (
        ("x", 'value is "x", expected a number'),
        ("1e999", "value is 1e999, expected a finite number"),
    ):
        page.fill("#value", text)
        page.keyboard.press("Enter")
        assert page.inner_text("#error") == message
        assert page.get_attribute("#value", "aria-invalid") == "true"
    fill(page, "epochs", "3000000")
    page.click("#run")
    wait(page, "document.getElementById('now').textContent !== '0'")
    page.fill("#value", "2.5")
    page.keyboard.press("Enter")
    assert page.inner_text("#error") == ""
    assert page.inner_text("#run") == "Pause"
    page.wait_for_timeout(100)
    page.click("#run")
    stopped(page)
    epoch, index, value = page.evaluate("location.hash").split("edits=")[1].split("&")[0].split(":")
    assert (index, value) == ("5", "2.5")
    now = int(page.inner_text("#now").replace(",", ""))
    assert now > int(epoch) > 0
    net = Network(2, 2, 1, seed=3)
    net.fit(*datasets.xor(), epochs=int(epoch))
    net.parameters[5] = 2.5
    net.fit(*datasets.xor(), epochs=now - int(epoch))
    assert page.inner_text("#fingerprint") == net.fingerprint()
    fill(page, "seeds", "2")
    assert page.is_disabled("#value")
    assert page.inner_text("#by-hand") == "To change a weight, set \u201cSeeds at once\u201d to 1."
    assert page.inner_text("#nodes").endswith("blue above 0 and orange below.")


def test_error_of_a_weight_goes(opened: Open) -> None:
    """A wrong value stays with its error when the focus leaves it, and both go with whatever fills the field again."""
    page = opened(f"{EDITED}&epochs=20")
    stopped(page)
    assert page.inner_text("#by-hand").startswith("Changed by hand: 3. To be changed after epoch 25.")
    done: list[Callable[[], object]] = [
        lambda: page.select_option("#weight", "4"),
        lambda: page.click("#epoch"),
        lambda: page.click("#rewind"),
        lambda: page.click("#back"),
        lambda: page.fill("#value", "1.5"),
    ]
    for each in done:
        page.fill("#value", "1,5")
        page.press("#value", "Tab")
        page.wait_for_timeout(50)
        assert page.inner_text("#error") == 'value is "1,5", expected a number'
        assert page.input_value("#value") == "1,5"
        assert page.get_attribute("#value", "aria-invalid") == "true"
        each()
        page.keyboard.press("Tab")
        wait(page, "document.getElementById('error').textContent === ''")
        assert page.get_attribute("#value", "aria-invalid") is None
        assert page.input_value("#value") != "1,5"


def test_captions_of_the_network(opened: Open) -> None:
    """The caption offers a bias only where there are biases."""
    assert opened(SHORT).inner_text("#nodes").endswith(" Click one to change it. This network has no biases.")
    assert opened(f"{MOONS}&epochs=1").inner_text("#nodes").endswith(" to change it, or a node for its bias.")


def test_weight_inside_an_epoch(opened: Open) -> None:
    """After a step of a batch, the change waits for the epoch's end, where Python can make it too."""
    page = opened(f"{HELD}&epochs=0")
    page.click("#step")
    page.select_option("#weight", "4")
    page.fill("#value", "0.5")
    page.press("#value", "Enter")
    assert page.inner_text("#now") == "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net, *_ = network((1, 4, 0.5), epochs=1)
    assert page.inner_text("#fingerprint") == net.fingerprint()
    page.click("#rewind")
    for _ in range(6):  # batches of 7 of 42 rows
        page.click("#step")
    assert page.inner_text("#now") == "1"
    assert page.inner_text("#fingerprint") == net.fingerprint()
    after = float(lines_of(page)[4][4].split(" = ")[-1].replace("\u2212", "-"))
    assert after != 0.5  # the step shows its own result, before the change
    assert page.input_value("#value") == "0.5"


# --- for everyone ---


def test_keyboard_and_names(opened: Open) -> None:
    """Tab reaches every control in turn, each has a name and shows the focus; Enter runs and pauses."""
    page = opened(f"{HELD}&epochs=2")
    stopped(page)
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(100):
        page.keyboard.press("Tab")
        control = page.evaluate(
            """() => {
              const each = document.activeElement;
              if (each === document.body) return null;
              const labels = Array.from(each.labels ?? [], (label) => label.textContent.trim()).join("");
              const name = each.getAttribute("aria-label") || labels || each.textContent.trim();
              const key = each.id || each.name || each.dataset.layer || each.textContent;
              return [key, name, getComputedStyle(each).outlineStyle];
            }"""
        )
        if control is None:
            break
        reached.append(control)
    assert all(name and outline == "solid" for _, name, outline in reached), reached
    names = [name for name, _, _ in reached]
    expected = [
        *(
            "preset",
            "kind",
            "n",
            "noise",
            "validation",
            "split_seed",
            *(5 * ("features",)),
            "sizes",
            "seed",
            "rule",
            "learning_rate",
            "epochs",
        ),
        *("seeds", "run", "epoch", "weight", "value"),
    ]
    assert [name for name in names if name in expected] == expected
    assert {"step", "rewind", "keep", "boundary", "log", "row", "bits", "text"} <= set(names)
    fill(page, "epochs", "50000")
    page.focus("#run")
    page.keyboard.press("Enter")
    assert page.inner_text("#run") == "Pause"
    page.keyboard.press("Enter")
    wait(page, DONE)


def test_live_regions_and_pictures(opened: Open) -> None:
    """What happens is said, errors are alerts, and the pictures have words."""
    page = opened(SHORT)
    stopped(page)
    assert page.get_attribute("#said", "aria-live") == "polite"
    assert page.get_attribute("#error", "role") == "alert"
    assert "epoch 300" in page.get_attribute("#boundary", "aria-label")
    assert "300 epochs" in page.get_attribute("#curves", "aria-label")


CONTRAST = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (each) => {
    const colour = getComputedStyle(each).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? ground(each.parentElement) : colour;
  };
  return Array.from(document.querySelectorAll("p, label, button, dd, dt, legend, summary, h1, input, select, span"))
    .filter((each) => each.offsetParent && !each.disabled && each.textContent.trim())
    .map((each) => [light(getComputedStyle(each).color), light(ground(each))].sort((a, b) => a - b))
    .reduce((least, [dark, bright]) => Math.min(least, (bright + 0.05) / (dark + 0.05)), 99);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(opened: Open, scheme: str) -> None:
    """Text has the contrast of 4.5 to 1 that WCAG 2 asks for, in light and dark."""
    page = opened(f"{EDITED}&epochs=30", color_scheme=scheme)
    stopped(page)
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", ground)[0]) < 128) == (scheme == "dark")
    assert page.evaluate(CONTRAST) >= 4.5


def test_phone(opened: Open) -> None:
    """At a phone's width nothing is wider than the screen, also with formulas and runs."""
    page = opened(f"{EDITED}&epochs=30", viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    stopped(page)
    page.tap("#net canvas >> nth=3")
    page.tap("#keep")
    page.tap("#step")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_offline_and_alone(opened: Open, chromium: Any) -> None:
    """Without a network the page works, and it asks for nothing but itself."""
    context = chromium.new_context(offline=True, reduced_motion="reduce")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(PAGE + SHORT)
    wait(page, "document.getElementById('now').textContent === '300'")
    fingerprint = stopped(page)
    context.close()
    assert [url for url in asked if not url.startswith("data:")] == [PAGE]
    assert stopped(opened(SHORT)) == fingerprint
