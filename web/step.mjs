// SPDX-License-Identifier: MIT
// One step of a training with every number in it: forwards, back, the batch's gradient, and the new parameters.

const STATES = { momentum: 1, nesterov: 1, adam: 2, adamw: 2, rprop: 2 }; // numbers for each parameter

/** A copy of the rule's state, as the core has it; null where the rule has none. */
function stateOf({ core, experiment, count, work }) {
  const { rule, options } = experiment;
  if (!(rule in STATES)) return null;
  const products = rule.startsWith("adam") ? [1, 1] : [];
  const size = STATES[rule] * count + products.length;
  const address = core.c.rule_state(work);
  if (address) return core.doubles(address, size).slice();
  const first = new Float64Array(size); // before the first step
  first.set(products, size - products.length);
  return rule === "rprop" ? first.fill(options.first_step, count) : first;
}

/** Does the next step and returns its numbers, or null where the training has ended, or ends by it. A step is a batch; of the rule of
 * Levenberg and Marquardt it is an epoch. */
export function takeStep(training) {
  const { core, experiment, rows } = training;
  if (training.stopped !== null) return null;
  const [before, stateBefore, muBefore] = [training.values(), stateOf(training), core.c.mu()];
  const fresh = training.betweenEpochs;
  const start = fresh ? 0 : core.c.rows_done() - core.c.batch_rows_done();
  const most = Math.min(experiment.batch_size ?? rows, rows);
  const size = Math.min(most, rows - start);
  const epoch = training.epoch;
  const bySteps = experiment.rule !== "levenberg_marquardt";
  if (!bySteps) {
    while (training.stopped === null && training.epoch === epoch) training.slice(epoch + 1, training.budget);
  } else {
    if (fresh && training.order && rows > 1) training.slice(epoch + 1, 1); // begins the epoch and its shuffle
    if (core.c.rows_to_shuffle() > 0) training.slice(epoch + 1, core.c.rows_to_shuffle());
    const done = training.betweenEpochs ? 0 : core.c.batch_rows_done();
    training.slice(epoch + 1, size - done);
  }
  if (training.stopped === "diverged") return null;
  const order = training.order ? core.words(training.order, rows) : null;
  const batch = Array.from({ length: size }, (_, i) => (order ? order[start + i] : start + i));
  const step = {
    epoch,
    start,
    batch, // rows of those that it trains on
    before,
    after: training.values(),
    gradient: bySteps ? gradientOf(training, before, batch) : null,
    bySteps,
    count: (epoch - training.base) * Math.ceil(rows / most) + start / most + 1, // of steps since the rule began
    state: stateBefore && { before: stateBefore, after: stateOf(training) },
    mu: bySteps ? null : [muBefore, core.c.mu()],
  };
  if (training.betweenEpochs && training.epoch > epoch) training.arrive(); // edits come after what the step shows
  return step;
}

/** The gradient of the loss of these rows, of given parameters. */
function gradientOf(training, values, batch) {
  const { core, count } = training;
  training.probe ??= {
    parameters: core.takeDoubles(count),
    gradient: core.takeDoubles(count),
    inputs: core.takeDoubles(training.rows * training.inputs),
    targets: core.takeDoubles(training.rows * training.outputs),
    work: core.takeDoubles(core.c.steps_size(0)),
  };
  const { parameters, gradient, inputs, targets, work } = training.probe;
  core.doubles(parameters, count).set(values);
  core.doubles(inputs, batch.length * training.inputs).set(batch.flatMap((row) => training.x[row]));
  core.doubles(targets, batch.length * training.outputs).set(batch.flatMap((row) => training.y[row]));
  core.expectOk(core.c.gradient_of(gradient, work, parameters, inputs, targets, batch.length, training.loss));
  return core.doubles(gradient, count).slice();
}

/** One row's way through the network with given parameters: for each layer {inputs, weights, biases, z, a, slope,
 * deltas, sums}, where weights and sums (of the row, for each weight) are lists of rows, and biases a list or null. */
export function traceRow(training, values, row) {
  const { core, count, nodes, experiment } = training;
  const { sizes, activation, bias } = experiment;
  training.traced ??= {
    parameters: core.takeDoubles(count),
    preactivations: core.takeDoubles(nodes),
    outputs: core.takeDoubles(nodes),
    slopes: core.takeDoubles(nodes),
    deltas: core.takeDoubles(nodes),
    sums: core.takeDoubles(count + 1),
    inputs: core.takeDoubles(training.inputs),
    targets: core.takeDoubles(training.outputs),
  };
  const { parameters, preactivations, outputs, slopes, deltas, sums, inputs, targets } = training.traced;
  core.doubles(parameters, count).set(values);
  core.doubles(inputs, training.inputs).set(training.x[row]);
  core.doubles(targets, training.outputs).set(training.y[row]);
  core.expectOk(core.c.forward_row(preactivations, outputs, parameters, inputs));
  core.expectOk(core.c.backward_row(sums, deltas, parameters, preactivations, outputs, inputs, targets, training.loss));
  core.doubles(slopes, nodes).set(core.doubles(outputs, nodes));
  const layers = [];
  let node = 0;
  let parameter = 0;
  let layerInputs = training.x[row];
  activation.forEach((name, layer) => {
    const [wide, high] = [sizes[layer + 1], sizes[layer]];
    const take = (address) => Array.from(core.doubles(address + 8 * node, wide));
    const square = (address) =>
      Array.from({ length: high }, (_, i) => Array.from(core.doubles(address + 8 * (parameter + i * wide), wide)));
    const flat = (address) => Array.from(core.doubles(address + 8 * (parameter + high * wide), wide));
    const code = training.activationCodes[layer];
    const softmax = name === "softmax";
    if (!softmax) core.expectOk(core.c.slopes(slopes + 8 * node, wide, code));
    layers.push({
      activation: name,
      inputs: layerInputs,
      weights: square(parameters),
      biases: bias ? flat(parameters) : null,
      z: take(preactivations),
      a: take(outputs),
      slope: softmax ? null : take(slopes),
      deltas: take(deltas),
      sums: square(sums),
      first: parameter,
    });
    layerInputs = take(outputs);
    node += wide;
    parameter += high * wide + (bias ? wide : 0);
  });
  return { layers, targets: training.y[row], error: core.doubles(sums, count + 1)[count] };
}
