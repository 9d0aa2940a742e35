// SPDX-License-Identifier: MIT
// The picture of the network on the page, and its weights changed by hand.
import { $, actions, fail, main, say, state } from "./state.mjs";
import { drawNetwork, fits, lineAt, makeNodes, parametersOf } from "./diagram.mjs";
import { number, parseNumber } from "./url.mjs";
import { short } from "./numbers.mjs";

const CELLS = { running: 12, still: 24 };
const SEEN =
  "Each node shows its output over the inputs. Lines are weights: the wider the larger, blue above 0 and orange below.";
const UNSEEN = "Nodes have pictures where there are one or two inputs. Lines are weights.";
const TOO_LARGE = "The network is drawn with up to 10 layers, 24 nodes in a layer and 1,000 parameters.";

/** What stands below the picture. With several seeds a click changes nothing. */
function captionOf({ axes, experiment }, several) {
  const seen = axes <= 2 ? SEEN : UNSEEN;
  if (several) return seen;
  const biases = experiment.bias ? ", or a node for its bias." : ". This network has no biases.";
  return `${seen} Click one to change it${biases}`;
}

/** Makes the picture and the list of parameters for a new network. */
export function makeNetwork() {
  const { experiment } = main();
  const drawn = fits(experiment);
  $("net").hidden = $("weights").hidden = !drawn;
  $("nodes").textContent = drawn ? captionOf(main(), state.trainings.length > 1) : TOO_LARGE;
  if (!drawn) return;
  makeNodes($("net"), experiment.sizes);
  const options = parametersOf(experiment).map(({ name }, i) => new Option(`${name} (parameters[${i}])`, i));
  $("weight").replaceChildren(...options);
  state.weight = Math.min(state.weight, options.length - 1);
  $("weight").value = state.weight;
  $("value").removeAttribute("aria-invalid");
}

/** What was and will be changed by hand. */
function changesOf({ experiment, editsDone }) {
  const later = new Set(experiment.edits.slice(editsDone.length).map(([epoch]) => epoch));
  const parts = [];
  if (editsDone.length) parts.push(`Changed by hand: ${editsDone.length}.`);
  if (later.size) parts.push(`To be changed after epoch ${[...later].join(", ")}.`);
  if (parts.length) parts.push("The link makes the same changes after the same epochs.");
  return parts.join(" ");
}

/** `left`: the focus has moved, and nothing else has happened. A wrong value then stays with its error, and so it does
 * while the training runs. */
export function showNetwork(left = false) {
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
    ? "To change a weight, set “Seeds at once” to 1."
    : changesOf(training);
  const stays = $("value").hasAttribute("aria-invalid") && (left || state.running);
  if (document.activeElement !== $("value") && !stays) showValue();
}

/** Fills the value in; the error of a wrong one goes with it. */
function showValue() {
  $("value").value = number(main().values()[state.weight]);
  if ($("error").textContent.startsWith("value is ")) $("error").textContent = "";
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
  for (const type of ["focusin", "focusout"]) $("weights").addEventListener(type, () => setTimeout(showNetwork, 0, true));
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
