// SPDX-License-Identifier: MIT
// The picture of the network on the page, and its weights changed by hand.
import { $, actions, fail, main, say, state } from "./state.mjs";
import { DataError } from "./errors.mjs";
import { drawNetwork, fits, lineAt, makeNodes, parametersOf } from "./diagram.mjs";
import { number, parseNumber } from "./url.mjs";
import { short } from "./numbers.mjs";

const CELLS = { running: 12, still: 24 };
const SEEN =
  "Each node shows its output over the inputs. Lines are weights: the wider the larger, blue above 0 and orange below. " +
  "Click one to change it, or a node for its bias.";
const UNSEEN = "Nodes have pictures where there are one or two inputs. Click a line to change its weight, or a node for its bias.";

/** Makes the picture and the list of parameters for a new network. */
export function makeNetwork() {
  const { experiment } = main();
  const drawn = fits(experiment);
  $("net").hidden = $("weights").hidden = !drawn;
  $("nodes").textContent = drawn
    ? main().axes <= 2
      ? SEEN
      : UNSEEN
    : "The network is drawn with up to 10 layers, 24 nodes in a layer and 1,000 parameters.";
  if (!drawn) return;
  makeNodes($("net"), experiment.sizes);
  const options = parametersOf(experiment).map(({ name }, i) => new Option(`${name} (parameters[${i}])`, i));
  $("weight").replaceChildren(...options);
  state.weight = Math.min(state.weight, options.length - 1);
  $("weight").value = state.weight;
  $("value").removeAttribute("aria-invalid");
}

export function showNetwork() {
  const training = main();
  $("network").hidden = !training;
  if (!training || $("net").hidden) return;
  const cells = state.running ? CELLS.running : CELLS.still;
  const selected = $("weights").contains(document.activeElement) ? state.weight : -1;
  drawNetwork($("net"), training, state.rows, { selected, cells, named: !state.running });
  const several = state.trainings.length > 1;
  const { edits } = training.experiment;
  $("weight").disabled = $("value").disabled = several;
  $("back").hidden = several || edits.length === 0;
  $("by-hand").textContent = several
    ? "To change a weight, take one of the seeds."
    : edits.length
      ? `Changed by hand: ${edits.length}. The link makes the same changes after the same epochs.`
      : "";
  if (document.activeElement !== $("value")) showValue();
}

function showValue() {
  $("value").value = number(main().values()[state.weight]);
  $("value").removeAttribute("aria-invalid");
}

function select(index) {
  state.weight = index;
  $("weight").value = index;
  showNetwork();
  showValue();
  $("value").focus();
  $("value").select();
}

/** Sets the selected parameter, at once; inside an epoch, at its end, since Python can set it there. */
function setValue() {
  const training = main();
  try {
    const value = parseNumber("value", $("value").value);
    if (!Number.isFinite(value)) throw new DataError(`value is ${$("value").value}, expected a finite number`);
    $("error").textContent = "";
    while (!training.betweenEpochs && training.run(training.epoch + 1, Infinity));
    if (training.stopped === "diverged") {
      say("It has diverged: rewind before you change a weight.");
      return;
    }
    training.edit(state.weight, value);
    state.expected = null;
    actions.remember();
    const loss = `${training.measure} ${short(training.measured())}`;
    say(`Set to ${number(value)} at epoch ${training.epoch}: ${loss}. The rule begins anew from here.`);
    actions.show();
    showValue();
  } catch (error) {
    fail(error);
    $("value").setAttribute("aria-invalid", "true");
  }
}

function takeBack() {
  state.running = false;
  main().experiment.edits = [];
  main().rewind();
  state.step = null;
  actions.remember();
  say("Back to the initial weights, without changes by hand.");
  actions.show();
  $("weight").focus();
}

export function listenWeights() {
  $("weight").onchange = ({ target }) => {
    state.weight = Number(target.value);
    showNetwork();
    showValue();
  };
  for (const type of ["focusin", "focusout"]) $("weights").addEventListener(type, () => setTimeout(showNetwork));
  $("value").onchange = setValue;
  $("back").onclick = takeBack;
  $("net").onclick = ({ target, clientX, clientY }) => {
    if ($("weight").disabled) return;
    const { experiment } = main();
    const { layer, node } = target.dataset;
    let index;
    if (layer === undefined) {
      const box = $("net").getBoundingClientRect();
      index = lineAt($("net"), experiment, clientX - box.left, clientY - box.top);
    } else {
      const at = ({ layer: each, from, to }) => from < 0 && each === layer - 1 && to === Number(node);
      index = parametersOf(experiment).findIndex(at);
    }
    if (index >= 0) select(index);
  };
}
